/**
 * The policies that can apply to a request, as a set of their own: what the engine takes grows by about
 * 5 us with every policy that it is given, whether it applies or not. Nothing is given to the engine
 * before it is first asked about it, so that a program of ten thousand policies is there at once. Names
 * live for ever in the engine, so there are few: what was asked about longest ago makes room.
 */
import { createHash } from 'node:crypto';
import { BoundedCache } from '../bounded-cache.js';
import { POLICY_SETS_MAX, SET_POLICIES_MAX } from '../constants.js';
import { messageOf } from '../errors.js';
import { type ContextPlan, planContext, planFields } from './context-plan.js';
import { unionOfUses } from './context-uses.js';
import { type CedarApi, EngineFault, type Slot } from './engine.js';
import { type PackedPolicies, type PackedProgram, policyAt } from './packed-policies.js';
import { type UnitedReads, unionOfReads } from './policy-reads.js';
import { type Scoped, ScopeIndex } from './scope-index.js';
import { statementStart } from './tokens.js';
import type { PolicySource } from './types.js';

/** What the names of policies begin with that the engine makes. */
const ENGINE_NAME = 'policy';

/** What is given to the engine under one name. */
export class Block {
  readonly #packed: PackedPolicies;
  readonly #positions: readonly number[];

  constructor(packed: PackedPolicies, positions: readonly number[]) {
    this.#packed = packed;
    this.#positions = positions;
  }

  get size(): number {
    return this.#positions.length;
  }

  /**
   * As one text: parsing a list of them takes three times as long, and their JSON five times. Without
   * annotations, of which no answer depends: they are half of the memory that a policy takes in the
   * engine (1.3 KB in place of 2.2), and a third of the time to parse it.
   */
  text(): string {
    const texts = this.#positions.map((position) => policyAt(this.#packed, position).text);
    return texts.map((text) => text.slice(statementStart(text))).join('\n');
  }

  /** What the engine calls `policy3`: it names the policies of a text by their places. */
  policyOf(name: string): PolicySource {
    const position = this.#positions[Number(name.slice(ENGINE_NAME.length))];
    if (position === undefined) {
      throw new Error(`the engine names a policy that is not there: ${name}`);
    }
    return policyAt(this.#packed, position);
  }
}

/** Does the work, and takes note of it. */
export type Once = <T>(work: () => T) => T;

export class PolicySets {
  readonly #program: PackedProgram;
  readonly #slot: Slot;
  readonly #index: ScopeIndex;
  /** By the positions of their policies. */
  readonly #known = new BoundedCache<PolicySet>({ entriesMax: POLICY_SETS_MAX });
  /** Of scopes that more policies have than one block takes: they always apply together. */
  readonly #blocksOfScope = new Map<number, readonly Block[]>();
  /** What the engine has, and under which names; what was asked about last comes last. */
  readonly #loaded = new Map<Block, string>();
  /** Names that stand for nothing: what they were to stand for did not parse. */
  #spare: string[] = [];

  readonly #once: Once;

  constructor(program: PackedProgram, slot: Slot, once: Once = (work) => work()) {
    this.#program = program;
    this.#slot = slot;
    this.#once = once;
    this.#index = new ScopeIndex(program.packed.scopes, program.schema);
  }

  setFor(scoped: Scoped): PolicySet {
    const positions = this.#index.applicable(scoped);
    const key = positions.join();
    let set = this.#known.get(key);
    if (set === undefined) {
      set = new PolicySet(this.#program, positions, this.#blocksFor(positions));
      this.#known.set(key, set);
    }
    return set;
  }

  /** The name of the block in the engine. To be called within `Engine.run`; throws when that breaks. */
  nameOf(block: Block, api: CedarApi): string {
    const known = this.#loaded.get(block);
    this.#loaded.delete(block);
    const name = known ?? this.#load(block, api);
    this.#loaded.set(block, name);
    return name;
  }

  /** One more would make another one leave. */
  get full(): boolean {
    return this.#slot.namesLeft === 0;
  }

  /** For work on a set that nobody asked about before; where sets have to leave, it may go on for ever. */
  once<T>(work: () => T): T {
    return this.full ? work() : this.#once(work);
  }

  /** The engine was restarted, and has none of the blocks any more. */
  forget(): void {
    this.#loaded.clear();
    this.#spare = [];
  }

  /**
   * One block, or where that would be too large for one step several: those of one scope are the same
   * for everybody, so that no caller needs a copy of them.
   */
  #blocksFor(positions: readonly number[]): readonly Block[] {
    if (positions.length <= SET_POLICIES_MAX) return [this.#block(positions)];
    const byScope = new Map<number, number[]>();
    for (const position of positions) {
      const scope = this.#index.scopeOf(position);
      const members = byScope.get(scope);
      if (members === undefined) byScope.set(scope, [position]);
      else members.push(position);
    }
    const rest: number[] = [];
    const blocks: Block[] = [];
    for (const [scope, members] of byScope) {
      if (members.length < SET_POLICIES_MAX) rest.push(...members);
      else blocks.push(...this.#ofScope(scope, members));
    }
    return [...blocks, ...this.#cut(rest)];
  }

  #ofScope(scope: number, members: readonly number[]): readonly Block[] {
    let blocks = this.#blocksOfScope.get(scope);
    if (blocks === undefined) {
      blocks = this.#cut(members);
      this.#blocksOfScope.set(scope, blocks);
    }
    return blocks;
  }

  #cut(positions: readonly number[]): Block[] {
    const blocks: Block[] = [];
    for (let from = 0; from < positions.length; from += SET_POLICIES_MAX) {
      blocks.push(this.#block(positions.slice(from, from + SET_POLICIES_MAX)));
    }
    return blocks;
  }

  #block(positions: readonly number[]): Block {
    return new Block(this.#program.packed, positions);
  }

  /** No block stands under it from then on, also when the next one does not parse. */
  #oldestName(): string {
    const [oldest] = this.#loaded;
    if (oldest === undefined)
      throw new Error('all names for policies are in use, and none is used');
    this.#loaded.delete(oldest[0]);
    return oldest[1];
  }

  #load(block: Block, api: CedarApi): string {
    const text = block.text();
    let name: string | undefined;
    try {
      const added = this.once(() => this.#slot.addSet(api, text));
      if (added !== undefined) return added;
      name = this.#spare.pop() ?? this.#oldestName();
      this.#slot.replaceSet(api, name, text);
      return name;
    } catch (thrown) {
      if (name !== undefined) this.#spare.push(name);
      // Whatever is wrong with them, the request is not to blame.
      if (thrown instanceof Error && thrown.name === 'Error')
        throw new EngineFault(messageOf(thrown));
      throw thrown;
    }
  }
}

/** What is known of it is found out when somebody asks: of ten thousand it takes tens of milliseconds. */
export class PolicySet {
  readonly #program: PackedProgram;
  readonly #positions: readonly number[];
  readonly #plans = new Map<string, ContextPlan>();
  #reads: UnitedReads | undefined;
  #digest: string | undefined;
  #unpacked: WeakRef<PolicySource[]> | undefined;

  constructor(
    program: PackedProgram,
    positions: readonly number[],
    readonly blocks: readonly Block[],
  ) {
    this.#program = program;
    this.#positions = positions;
  }

  get reads(): UnitedReads {
    this.#reads ??= unionOfReads(this.#policies().map(({ reads }) => reads));
    return this.#reads;
  }

  /** Equal for sets that say the same, of this program and of others. */
  get digest(): string {
    this.#digest ??= digestOf(this.#policies());
    return this.#digest;
  }

  /** What of the context counts, for requests with this action. */
  plan(action: string): ContextPlan {
    let plan = this.#plans.get(action);
    if (plan === undefined) {
      plan = this.#planFor(this.#program.schema.actions.get(action)?.context.required);
      this.#plans.set(action, plan);
    }
    return plan;
  }

  #planFor(required: ReadonlySet<string> | undefined): ContextPlan {
    // Of many the tests of one place would cost more than they save, and putting them together as well.
    if (this.#positions.length > SET_POLICIES_MAX) return planFields(this.reads.context, required);
    const uses = this.#policies().flatMap(({ reads }) => (reads.uses ? [reads.uses] : []));
    return uses.length === this.#positions.length
      ? planContext(unionOfUses(uses), required)
      : planFields(this.reads.context, required);
  }

  /** Held no longer than it is used: thousands of sets hold many times what the program has. */
  #policies(): PolicySource[] {
    const known = this.#unpacked?.deref();
    if (known !== undefined) return known;
    const policies = this.#positions.map((position) => policyAt(this.#program.packed, position));
    this.#unpacked = new WeakRef(policies);
    return policies;
  }
}

function digestOf(policies: readonly PolicySource[]): string {
  const hash = createHash('sha256');
  const texts = policies.map(({ id, text }) => JSON.stringify([id, text])).sort();
  for (const text of texts) hash.update(text);
  return hash.digest('base64');
}
