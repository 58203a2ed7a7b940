/**
 * Which service the request is for. It comes from exactly one configured source and never from
 * Host or anything else that a client controls.
 */
import { parseSpiffeId } from './identity.js';
import { type Stop, stop } from './stop.js';
import type { CheckSettings } from './types.js';

/** Key of the context extension that names the destination, set on an Envoy route or virtual host. */
const DESTINATION_EXTENSION = 'cedargate.destination';

const DESTINATION = /^[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9][a-z0-9-]{0,62}$/;

export interface DestinationFacts {
  readonly contextExtensions: ReadonlyMap<string, string>;
  /** SPIFFE ID of Envoy's own certificate, '' when it has none. */
  readonly destinationPrincipal: string;
}

export interface Destination {
  /** `<namespace>/<name>` */
  readonly name: string;
}

export function readDestination(
  request: DestinationFacts,
  settings: Pick<CheckSettings, 'destinationFrom' | 'service'>,
): Destination | Stop {
  const name = candidate(request, settings);
  if (name !== undefined && DESTINATION.test(name)) return { name };
  return stop(
    'destination_missing',
    `destination_from_${settings.destinationFrom}`,
    name === undefined ? 'the request names no destination' : 'the destination is not `ns/name`',
  );
}

function candidate(
  request: DestinationFacts,
  settings: Pick<CheckSettings, 'destinationFrom' | 'service'>,
): string | undefined {
  switch (settings.destinationFrom) {
    case 'service':
      return settings.service;
    case 'route':
      return request.contextExtensions.get(DESTINATION_EXTENSION);
    case 'spiffe': {
      const id = parseSpiffeId(request.destinationPrincipal);
      if (typeof id === 'string' || id.kubernetes === undefined) return undefined;
      return `${id.kubernetes.namespace}/${id.kubernetes.serviceAccount}`;
    }
  }
}
