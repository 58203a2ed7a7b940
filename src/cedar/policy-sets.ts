/**
 * The policies that can apply to a request, as a set of their own: what the engine takes grows by about
 * 5 us with every policy that it is given, whether it applies or not. A set is given to the engine when
 * it is first asked about it, under one of few names, since names live for ever there: the set that
 * was asked about longest ago makes room.
 */
import { createHash } from 'node:crypto';
import { BoundedCache } from '../bounded-cache.js';
import { POLICY_SETS_MAX, SET_POLICIES_MAX, SET_SHARE_MAX } from '../constants.js';
import { type ContextPlan, planContext, planFields } from './context-plan.js';
import { type ContextUse, contextUses } from './context-uses.js';
import type { CedarApi, Slot } from './engine.js';
import { type UnitedReads, unionOfReads } from './policy-reads.js';
import { type Scoped, ScopeIndex } from './scope-index.js';
import type { CedarProgram, PolicySource } from './types.js';

export class PolicySets {
  readonly #program: CedarProgram;
  readonly #slot: Slot;
  readonly #index: ScopeIndex;
  readonly #all: PolicySet;
  /** Policies of one set. */
  readonly #policiesMax: number;
  /** By the positions of their policies. */
  readonly #known = new BoundedCache<PolicySet>({ entriesMax: POLICY_SETS_MAX });
  /** Those that the engine has, and under which names; the one asked about last comes last. */
  readonly #loaded = new Map<PolicySet, string>();

  constructor(program: CedarProgram, slot: Slot) {
    const { policies } = program;
    this.#program = program;
    this.#slot = slot;
    this.#index = new ScopeIndex(
      policies.map(({ scope }) => scope),
      program.schema,
    );
    this.#all = new PolicySet(program, policies);
    this.#policiesMax = Math.max(SET_POLICIES_MAX, policies.length * SET_SHARE_MAX);
  }

  /** All policies, where making a set would take longer than asking all of them does. */
  setFor(scoped: Scoped): PolicySet {
    const positions = this.#index.applicable(scoped);
    const { policies } = this.#program;
    const { length } = positions;
    if (length > this.#policiesMax || length === policies.length) return this.#all;
    const key = positions.join();
    let set = this.#known.get(key);
    if (set === undefined) {
      set = new PolicySet(
        this.#program,
        positions.flatMap((position) => policies[position] ?? []),
      );
      this.#known.set(key, set);
    }
    return set;
  }

  /** The name of the set in the engine. To be called within `Engine.run`; throws when that breaks. */
  nameOf(set: PolicySet, api: CedarApi): string {
    if (set === this.#all) return this.#slot.name;
    const known = this.#loaded.get(set);
    this.#loaded.delete(set);
    const name = known ?? this.#load(set, api);
    this.#loaded.set(set, name);
    return name;
  }

  /** The engine was restarted, and has none of the sets any more. */
  forget(): void {
    this.#loaded.clear();
  }

  #load({ texts }: PolicySet, api: CedarApi): string {
    const added = this.#slot.addSet(api, texts());
    if (added !== undefined) return added;
    const [oldest] = this.#loaded;
    if (oldest === undefined) throw new Error('all names for sets are in use, and none is used');
    const [set, name] = oldest;
    // First, so that a set that fails to parse is not taken for the one before.
    this.#loaded.delete(set);
    this.#slot.replaceSet(api, name, texts());
    return name;
  }
}

/** What is known of it is found out when somebody asks: of ten thousand it takes tens of milliseconds. */
export class PolicySet {
  readonly #schema: CedarProgram['schema'];
  readonly #policies: readonly PolicySource[];
  readonly #plans = new Map<string, ContextPlan>();
  #reads: UnitedReads | undefined;
  #digest: string | undefined;
  /** Null where they are not looked at. */
  #uses: readonly ContextUse[] | null | undefined;

  constructor({ schema }: CedarProgram, policies: readonly PolicySource[]) {
    this.#schema = schema;
    this.#policies = policies;
  }

  get reads(): UnitedReads {
    this.#reads ??= unionOfReads(this.#policies.map(({ reads }) => reads));
    return this.#reads;
  }

  /** Equal for sets that say the same, of this program and of others. */
  get digest(): string {
    this.#digest ??= digestOf(this.#policies);
    return this.#digest;
  }

  /** Policy id -> text. */
  readonly texts = (): Record<string, string> => {
    return Object.fromEntries(this.#policies.map(({ id, text }) => [id, text]));
  };

  /**
   * What of the context counts, for requests with this action. With `api` by what policies do with each
   * place, which takes about 60 us a policy to find out; otherwise by the fields that they read.
   */
  plan(action: string, api: CedarApi | undefined): ContextPlan {
    let plan = this.#plans.get(action);
    if (plan === undefined) {
      this.#uses ??= api === undefined ? null : usesOf(this.#policies, api);
      const required = this.#schema.actions.get(action)?.context.required;
      plan =
        this.#uses === null
          ? planFields(this.reads.context, required)
          : planContext(this.#uses, required);
      this.#plans.set(action, plan);
    }
    return plan;
  }
}

function usesOf(policies: readonly PolicySource[], api: CedarApi): ContextUse[] | null {
  if (policies.length > SET_POLICIES_MAX) return null;
  const parsed = policies.map(({ text }) => api.policyToJson(text));
  const jsons = parsed.flatMap((answer) => (answer.type === 'success' ? [answer.json] : []));
  return jsons.length === policies.length ? contextUses(jsons) : null;
}

function digestOf(policies: readonly PolicySource[]): string {
  const hash = createHash('sha256');
  const texts = policies.map(({ id, text }) => JSON.stringify([id, text])).sort();
  for (const text of texts) hash.update(text);
  return hash.digest('base64');
}
