/**
 * The policies that can apply to a request, as a set of their own in the engine: its cost grows by
 * about 5 us with every policy that it is given, whether it applies or not. A set is made when a
 * request first needs it. Where there is no room, or little to gain, all policies are asked.
 */
import { SET_POLICIES_MAX } from '../constants.js';
import type { CedarApi, Engine, Slot } from './engine.js';
import { type UnitedReads, unionOfReads } from './policy-reads.js';
import { type Scoped, ScopeIndex } from './scope-index.js';
import type { CedarProgram } from './types.js';

export interface PreparedSet {
  /** The name of the policies in the engine. */
  readonly name: string;
  readonly reads: UnitedReads;
}

export class PolicySets {
  readonly #engine: Engine;
  readonly #slot: Slot;
  readonly #policies: CedarProgram['policies'];
  readonly #index: ScopeIndex;
  readonly #whole: PreparedSet;
  /** By the positions of their policies. */
  readonly #made = new Map<string, PreparedSet>();
  /** The instance of the engine that the sets were made in. */
  #instance: number;

  constructor(program: CedarProgram, engine: Engine, slot: Slot) {
    const { policies, schema } = program;
    this.#engine = engine;
    this.#slot = slot;
    this.#policies = policies;
    this.#instance = engine.restarts;
    this.#index = new ScopeIndex(
      policies.map(({ scope }) => scope),
      schema,
    );
    this.#whole = { name: slot.name, reads: unionOfReads(policies.map(({ reads }) => reads)) };
  }

  /**
   * To be called within `Engine.run`, and used in the same call: a restart forgets all sets. Throws
   * when the engine breaks.
   */
  setFor(scoped: Scoped, api: CedarApi): PreparedSet {
    if (this.#instance !== this.#engine.restarts) {
      this.#instance = this.#engine.restarts;
      this.#made.clear();
    }
    const positions = this.#index.applicable(scoped);
    const { length } = positions;
    if (length > SET_POLICIES_MAX || length === this.#policies.length) return this.#whole;
    const key = positions.join();
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const policies = positions.flatMap((position) => this.#policies[position] ?? []);
    const name = this.#slot.addSet(
      api,
      Object.fromEntries(policies.map(({ id, text }) => [id, text])),
    );
    if (name === undefined) return this.#whole;
    const made = { name, reads: unionOfReads(policies.map(({ reads }) => reads)) };
    this.#made.set(key, made);
    return made;
  }
}
