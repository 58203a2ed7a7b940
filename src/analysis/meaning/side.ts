/** One of the two bundles, with what enumeration asks of it: which policies can apply, who is what. */
import type { CompiledBundle, Route } from '../../bundle/types.js';
import { EntityStore } from '../../cedar/entity-store.js';
import { policyConditions, referencesIn, splitText } from '../../cedar/policy-parts.js';
import { type UnitedReads, unionOfReads } from '../../cedar/policy-reads.js';
import { indexScopes, ScopeIndex } from '../../cedar/scope-index.js';
import type {
  ActionShape,
  CedarRequest,
  CedarValue,
  EntityData,
  EntityUid,
  PolicySource,
} from '../../cedar/types.js';
import { parseEntityUid } from '../entity-uid.js';
import { type Reads, readsOfConditions } from './atoms.js';

export interface SidePolicy {
  readonly source: PolicySource;
  /** Equal for policies of either side that mean the same. */
  readonly meaning: string;
}

/** A caller or a resource with the ancestors that follow from its name. */
export interface Subject {
  readonly entity: EntityData;
  readonly ancestors: readonly EntityData[];
}

/** What scopes can see of a subject. */
export interface Membership {
  readonly keys: readonly string[];
  readonly type: string;
}

const NOBODY: EntityData = { uid: { type: '', id: '' }, attrs: {}, parents: [] };

export class Side {
  readonly policies: readonly SidePolicy[];
  readonly reads: UnitedReads;
  readonly #index: ScopeIndex;
  readonly #store: EntityStore;
  readonly #conditionReads = new Map<string, Reads>();

  constructor(readonly bundle: CompiledBundle) {
    const { program } = bundle;
    this.policies = program.policies.map((source) => {
      return { source, meaning: splitText(source.text).statement };
    });
    this.reads = unionOfReads(program.policies.map(({ reads }) => reads));
    this.#index = this.indexOf(program.policies);
    this.#store = new EntityStore(program);
  }

  indexOf(policies: readonly PolicySource[]): ScopeIndex {
    const scopes = indexScopes(policies.map(({ scope }) => scope));
    return new ScopeIndex(scopes, this.bundle.program.schema);
  }

  /** Policies whose scopes match. */
  applicable(caller: Membership, action: string, resource: Membership): SidePolicy[] {
    return applicableIn(this.#index, caller, action, resource).map((position) => {
      return this.policies[position] as SidePolicy;
    });
  }

  membership(subject: Subject): Membership {
    const keys = this.#store.about(requestOf(subject)).memberships(subject.entity);
    return { keys, type: subject.entity.uid.type };
  }

  /** All that policies who read this much can see of a subject. */
  facts(subject: Subject, reads: UnitedReads): readonly EntityData[] {
    return this.#store.about(requestOf(subject)).toSend(reads);
  }

  shapeOf(action: string): ActionShape | undefined {
    return this.bundle.program.schema.actions.get(action);
  }

  covers(destination: string): boolean {
    const { scope } = this.bundle.manifest;
    return scope === undefined || scope.destinations.includes(destination);
  }

  /** As check/target.ts names the action of a request. */
  actionOf(method: string | undefined, route: Route | undefined): string {
    if (method === undefined) return 'connect';
    return route?.kind === 'grpc' || this.bundle.manifest.protocol === 'grpc' ? 'rpc' : method;
  }

  /** What the conditions of a policy read; `valuesOf` must stay the same between calls. */
  conditionReads(policy: SidePolicy, valuesOf: (name: string) => readonly CedarValue[]): Reads {
    const known = this.#conditionReads.get(policy.source.id);
    if (known !== undefined) return known;
    const reads = readsOfConditions(policyConditions(policy.source.text), valuesOf);
    this.#conditionReads.set(policy.source.id, reads);
    return reads;
  }

  /** Entities that policies, entities and their attributes name, of every type. */
  named(): EntityUid[] {
    const { policies, entities } = this.bundle.program;
    const written = new Set(policies.flatMap(({ text }) => referencesIn(text)));
    return [
      ...[...written].flatMap((text) => parseEntityUid(text) ?? []),
      ...entities.flatMap(({ attrs, tags }) => [
        ...referencesInside(attrs),
        ...referencesInside(tags ?? {}),
      ]),
    ];
  }
}

export function applicableIn(
  index: ScopeIndex,
  caller: Membership,
  action: string,
  resource: Membership,
): number[] {
  return index.applicable({
    principal: caller.keys,
    principalType: caller.type,
    action,
    resource: resource.keys,
    resourceType: resource.type,
  });
}

function requestOf({ entity, ancestors }: Subject): CedarRequest {
  return { principal: entity, action: '', resource: NOBODY, ancestors, context: {} };
}

type Value = CedarValue | Readonly<Record<string, CedarValue>>;

function referencesInside(value: Value): EntityUid[] {
  if (typeof value !== 'object') return [];
  const { type, id } = value as { type?: unknown; id?: unknown };
  const own = typeof type === 'string' && typeof id === 'string' ? [{ type, id }] : [];
  return [...own, ...Object.values(value as object).flatMap((inner) => referencesInside(inner))];
}

/** Every value that an attribute of this name has in the entities of either side. */
export function attributeValues(sides: readonly Side[]): (name: string) => readonly CedarValue[] {
  const known = new Map<string, readonly CedarValue[]>();
  return (name) => {
    let values = known.get(name);
    if (values === undefined) {
      const found = new Map<string, CedarValue>();
      for (const { bundle } of sides) {
        for (const { attrs } of bundle.program.entities) {
          const value = Object.hasOwn(attrs, name) ? attrs[name] : undefined;
          if (value !== undefined) found.set(JSON.stringify(value), value);
        }
      }
      values = [...found.values()];
      known.set(name, values);
    }
    return values;
  };
}
