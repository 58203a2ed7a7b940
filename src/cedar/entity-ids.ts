/** What an id of a request's entity says by itself, which entities.json must not contradict. */
import type { EntityUid } from './types.js';

const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/;
const NAMESPACE_FORM = /^\/ns\/([^/]+)\/sa\/([^/]+)$/;

export interface IdFacts {
  /** Parents that follow from the id, by type; other parents of these types contradict it. */
  readonly parents: ReadonlyMap<string, string>;
  /** Attributes that follow from the id and so are never set in entities.json. */
  readonly attributes: ReadonlySet<string>;
}

const NO_FACTS: IdFacts = { parents: new Map(), attributes: new Set() };
/** Of an identity that lies in no namespace and no trust domain: no id is the empty text. */
const OUTSIDE: IdFacts = {
  parents: new Map([
    ['Namespace', ''],
    ['TrustDomain', ''],
  ]),
  attributes: new Set(),
};

/** Undefined when no request can have an entity with this id. */
export function factsOf({ type, id }: EntityUid): IdFacts | undefined {
  switch (type) {
    case 'Workload':
      return workloadFacts(id);
    case 'TrustDomain':
      // Else all of its workloads would be in another trust domain or namespace too.
      return OUTSIDE;
    case 'Namespace': {
      const facts = prefixFacts(id, /^([^/]+)\/[^/]+$/, 'TrustDomain');
      return facts && { ...facts, parents: new Map([...facts.parents, ['Namespace', '']]) };
    }
    case 'Route':
      return prefixFacts(id, /^([^/]+\/[^/]+)\/[^/]+$/, 'Service');
    case 'Service':
      return /^[^/]+\/[^/]+$/.test(id) ? NO_FACTS : undefined;
    case 'Anonymous':
      return id === 'anonymous' ? OUTSIDE : undefined;
    default:
      return NO_FACTS;
  }
}

/** How an id of the type must look, for help texts. */
export const ID_FORMS: Readonly<Record<string, string>> = {
  Workload: 'a workload id is a SPIFFE ID: spiffe://<trust domain>/<path>',
  Namespace: 'a namespace id is <trust domain>/<namespace>',
  Route: 'a route id is <namespace>/<service>/<route>',
  Service: 'a service id is <namespace>/<service>',
  Anonymous: 'the only id is `anonymous`',
};

function workloadFacts(id: string): IdFacts | undefined {
  const [, trustDomain, path] = SPIFFE_ID.exec(id) ?? [];
  if (trustDomain === undefined || path === undefined) return undefined;
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return undefined;
  const namespace = NAMESPACE_FORM.exec(path)?.[1];
  const parents = new Map([['TrustDomain', trustDomain]]);
  // Not in the form /ns/<ns>/sa/<sa>: no namespace can be right, and no id is the empty text.
  parents.set('Namespace', namespace === undefined ? '' : `${trustDomain}/${namespace}`);
  return { parents, attributes: new Set(['namespace', 'serviceAccount']) };
}

function prefixFacts(id: string, form: RegExp, parentType: string): IdFacts | undefined {
  const prefix = form.exec(id)?.[1];
  if (prefix === undefined) return undefined;
  return { parents: new Map([[parentType, prefix]]), attributes: new Set() };
}
