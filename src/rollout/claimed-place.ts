/**
 * Which rollout a sealed document says it belongs to, before anybody has verified it: only so that it
 * can be judged as one of that place, and its neighbours be found. Believed is what verify.ts returns.
 */
import { readJson } from '../bundle/json.js';
import { nameSchema } from '../bundle/manifest.js';
import * as shape from '../shape/kinds.js';
import { parseSealed } from './documents.js';

export interface ClaimedPlace {
  readonly environment: string;
  readonly name: string;
}

/** Names become paths, so they must be names. */
const placeSchema = shape.object({ environment: nameSchema, name: nameSchema });
const emergencySchema = shape.object({ base: shape.object({ payload: shape.string() }) });

/** Undefined when it says nothing that can be read; verifying says what is wrong. */
export function claimedPlace(bytes: Uint8Array): ClaimedPlace | undefined {
  const sealed = parseSealed(bytes, 'document');
  if (!sealed.ok) return undefined;
  const { kind, payload } = sealed.value;
  if (kind === 'SealedRollout') return placeIn(payload);
  const emergency = emergencySchema.safeParse(jsonOf(payload));
  return emergency.success
    ? placeIn(Buffer.from(emergency.data.base.payload, 'base64'))
    : undefined;
}

function placeIn(payload: Uint8Array): ClaimedPlace | undefined {
  const place = placeSchema.safeParse(jsonOf(payload));
  return place.success ? place.data : undefined;
}

function jsonOf(bytes: Uint8Array): unknown {
  const json = readJson('payload', bytes);
  return json.ok ? json.value : undefined;
}
