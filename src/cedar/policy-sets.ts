/**
 * The policies that can apply to a request, as a set of their own: what the engine takes grows by 3 to 5 us
 * with every policy that it is given, whether it applies or not, and by 8 with each that does. Nothing is given to the engine
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
import {
  digestAt,
  factsAt,
  type PackedPolicies,
  type PackedProgram,
  type PolicyFacts,
} from './packed-policies.js';
import { textAt } from './packed-texts.js';
import { type UnitedReads, unionOfReads } from './policy-reads.js';
import { rememberedParts } from './remembered-parts.js';
import { type Scoped, ScopeIndex } from './scope-index.js';
import { statementStart } from './tokens.js';
import type { ContextUse, PolicyReads } from './types.js';

/** What the names of policies begin with that the engine makes. */
const ENGINE_NAME = 'policy';

/** What answers say of a policy. */
export type Named = Pick<PolicyFacts, 'id' | 'effect'>;

/** What is given to the engine under one name. */
export class Block {
  readonly #packed: PackedPolicies;
  readonly #positions: readonly number[];
  /** By the engine's name: to unpack a policy for its id takes 5 to 10 us of each new answer. */
  readonly #named = new Map<string, Named>();
  #digest: string | undefined;

  constructor(packed: PackedPolicies, positions: readonly number[]) {
    this.#packed = packed;
    this.#positions = positions;
  }

  get size(): number {
    return this.#positions.length;
  }

  /**
   * As one text: parsing a list of them takes three times as long, and their JSON five times. Without
   * annotations, on which no answer depends: with three each, 10,000 policies took 47 MB of the engine's
   * memory, and 37 without.
   */
  text(): string {
    const texts = this.#positions.map((position) => textAt(this.#packed.texts, position));
    return texts.map((text) => text.slice(statementStart(text))).join('\n');
  }

  /** Equal for blocks that say the same, of this program and of others. */
  get digest(): string {
    this.#digest ??= digestAt(this.#packed, this.#positions);
    return this.#digest;
  }

  /** What the engine calls `policy3`: it names the policies of a text by their places. */
  policyOf(name: string): Named {
    let named = this.#named.get(name);
    if (named === undefined) {
      const position = this.#positions[Number(name.slice(ENGINE_NAME.length))];
      if (position === undefined) {
        throw new Error(`the engine names a policy that is not there: ${name}`);
      }
      const { id, effect } = factsAt(this.#packed, position);
      named = { id, effect };
      this.#named.set(name, named);
    }
    return named;
  }
}

/** What is known of a set of policies, whatever program it is of. */
interface SetFacts {
  readonly reads: UnitedReads;
  /** Undefined where whole fields count: of many policies the tests of one place cost more than they save. */
  readonly uses: readonly ContextUse[] | undefined;
  readonly parts: readonly (readonly number[])[];
  /** By what the schema wants to be there. */
  readonly plans: Map<string, ContextPlan>;
}

/**
 * By all that they follow from. Programs share them: a change touches few of many sets, and finding out
 * about one of 50 policies takes the thread that answers a millisecond and a half.
 */
export type KnownSets = BoundedCache<SetFacts>;

export const knownSets = (): KnownSets => new BoundedCache({ entriesMax: POLICY_SETS_MAX });

/** Does the work, and takes note of it. */
export type Once = <T>(work: () => T) => T;

export class PolicySets {
  readonly #program: PackedProgram;
  readonly #slot: Slot;
  readonly #index: ScopeIndex;
  /** By the positions of their policies; the parts of a set are often those of others too. */
  readonly #sets = new BoundedCache<PolicySet>({ entriesMax: POLICY_SETS_MAX });
  /** Of scopes that more policies have than one block takes: they always apply together. */
  readonly #blocksOfScope = new Map<number, readonly Block[]>();
  /** Names of what the engine has, by digest; what was asked about last comes last. */
  readonly #loaded = new Map<string, string>();

  readonly #once: Once;
  readonly #known: KnownSets;

  constructor(
    program: PackedProgram,
    slot: Slot,
    once: Once = (work) => work(),
    known = knownSets(),
  ) {
    this.#program = program;
    this.#slot = slot;
    this.#once = once;
    this.#known = known;
    this.#index = new ScopeIndex(program.packed.scopes, program.schema);
  }

  /** Those that can apply, by what is remembered together. */
  setsFor(scoped: Scoped): readonly PolicySet[] {
    const positions = this.#index.applicable(scoped);
    const all = this.#set(positions);
    const { parts } = all;
    if (parts.length === 1) return [all];
    return parts.map((part) => this.#set(part.map((index) => positions[index] as number)));
  }

  #set(positions: readonly number[]): PolicySet {
    const key = positions.join();
    let set = this.#sets.get(key);
    if (set === undefined) {
      set = new PolicySet(this.#program, positions, this.#blocksFor(positions), this.#known);
      this.#sets.set(key, set);
    }
    return set;
  }

  /** The name of the block in the engine. To be called within `Engine.run`; throws when that breaks. */
  nameOf(block: Block, api: CedarApi): string {
    const known = this.#loaded.get(block.digest);
    this.#loaded.delete(block.digest);
    const name = known ?? this.#load(block, api);
    this.#loaded.set(block.digest, name);
    return name;
  }

  /** One more would make another one leave. */
  get full(): boolean {
    return this.#slot.setsLeft === 0;
  }

  /** For work on a set that nobody asked about before; where sets have to leave, it may go on for ever. */
  once<T>(work: () => T): T {
    return this.full ? work() : this.#once(work);
  }

  /** The engine was restarted, and has none of the blocks any more. */
  forget(): void {
    this.#loaded.clear();
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

  #load(block: Block, api: CedarApi): string {
    try {
      return this.once(() => {
        if (this.full) this.#dropOldest();
        return this.#slot.addSet(api, block.digest, () => block.text());
      });
    } catch (thrown) {
      // Whatever is wrong with them, the request is not to blame.
      if (thrown instanceof Error && thrown.name === 'Error')
        throw new EngineFault(messageOf(thrown));
      throw thrown;
    }
  }

  /** It is gone from then on, also when the next one does not parse. */
  #dropOldest(): void {
    const [oldest] = this.#loaded.keys();
    if (oldest === undefined) throw new Error('the slot is full of sets that nobody asked about');
    this.#loaded.delete(oldest);
    this.#slot.dropSet(oldest);
  }
}

/** What is known of it is found out when somebody asks: of ten thousand it takes tens of milliseconds. */
export class PolicySet {
  readonly #program: PackedProgram;
  readonly #positions: readonly number[];
  readonly #known: KnownSets;
  #facts: SetFacts | undefined;
  #digest: string | undefined;

  constructor(
    program: PackedProgram,
    positions: readonly number[],
    readonly blocks: readonly Block[],
    known: KnownSets,
  ) {
    this.#program = program;
    this.#positions = positions;
    this.#known = known;
  }

  get reads(): UnitedReads {
    return this.#findFacts().reads;
  }

  /** What of it is remembered together, by the places of the policies in it. */
  get parts(): readonly (readonly number[])[] {
    return this.#findFacts().parts;
  }

  /** Equal for sets that say the same in the same order, of this program and of others. */
  get digest(): string {
    this.#digest ??= digestOf(this.blocks);
    return this.#digest;
  }

  /** What of the context counts, for requests with this action. */
  plan(action: string): ContextPlan {
    const { reads, uses, plans } = this.#findFacts();
    const required = this.#program.schema.actions.get(action)?.context.required;
    // All that it follows from beside the policies: other programs may have another schema.
    const key = JSON.stringify([...(required ?? [])]);
    let plan = plans.get(key);
    if (plan === undefined) {
      plan = uses ? planContext(uses, required) : planFields(reads.context, required);
      plans.set(key, plan);
    }
    return plan;
  }

  #findFacts(): SetFacts {
    this.#facts ??= this.#known.get(this.digest);
    if (this.#facts === undefined) {
      this.#facts = factsOf(this.#positions.map((at) => factsAt(this.#program.packed, at).reads));
      this.#known.set(this.digest, this.#facts);
    }
    return this.#facts;
  }
}

function factsOf(all: readonly PolicyReads[]): SetFacts {
  const uses = all.flatMap((reads) => (reads.uses ? [reads.uses] : []));
  const told = uses.length === all.length && all.length <= SET_POLICIES_MAX;
  return {
    reads: unionOfReads(all),
    uses: told ? unionOfUses(uses) : undefined,
    parts: told ? rememberedParts(uses) : [[...all.keys()]],
    plans: new Map(),
  };
}

function digestOf(blocks: readonly Block[]): string {
  const [first] = blocks;
  if (first !== undefined && blocks.length === 1) return first.digest;
  return createHash('sha256')
    .update(blocks.map(({ digest }) => digest).join())
    .digest('base64');
}
