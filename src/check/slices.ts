/**
 * Where a request stands in a rollout: blocked, held, enforced or in shadow, and whether a live
 * exception speaks for it. Pure; check, replay and tests all ask here.
 *
 * INVARIANT: block > hold > enforce, and a request in no slice is in shadow. What cannot be read
 * counts against the request: it is inside of blocks and enforced slices, and outside of holds and
 * exceptions.
 */
import type { Block, Exception, Slice } from '../rollout/types.js';
import { EntryList } from './entry-list.js';
import type { KeyAnswer, MatchWorld, Traits } from './match.js';
import { PercentBuckets } from './percent.js';
import type { Mode } from './types.js';

/** What a rollout says of one request before it is decided. */
export interface Standing {
  readonly mode: Mode;
  /** Name of the block, the hold or the enforced slice that it is in, in this order. */
  readonly slice: string | undefined;
  readonly blocked: boolean;
}

/** Moments are milliseconds since the epoch. */
export interface Clock {
  readonly presentMs: number;
  /**
   * The largest of the present clock and of those that this process and the documents it verified
   * have seen: a clock that is set back does not bring an exception back.
   */
  readonly latestMs: number;
}

/** A live exception that takes the request. */
export interface Pass {
  readonly name: string;
  /** Whether it stands above a satisfied `forbid`. */
  readonly overrideForbid: boolean;
}

export interface SliceSources {
  readonly enforce: readonly Slice[];
  readonly hold: readonly Slice[];
  readonly exceptions: readonly Exception[];
  readonly blocks: readonly Block[];
  /** Of the rollout: which callers a percentage takes. */
  readonly seed: string;
  /** Caller -> its attribute `tenant`; undefined without a bundle. */
  readonly tenants: ReadonlyMap<string, string> | undefined;
}

/** What one entry says of a request, key by key. */
export interface EntryAnswer {
  readonly list: 'blocks' | 'hold' | 'enforce' | 'exceptions';
  readonly source: Slice | Block | Exception;
  readonly keys: readonly KeyAnswer[];
  /** Of blocks and exceptions: whether the clock lets it count. */
  readonly live: boolean;
  /** All keys say yes, or what cannot be told is taken, as this list has it. */
  readonly takes: boolean;
}

/** Requests that no rollout speaks of. */
const UNSLICED: Readonly<Record<Mode, Standing>> = {
  shadow: { mode: 'shadow', slice: undefined, blocked: false },
  enforce: { mode: 'enforce', slice: undefined, blocked: false },
};

export function unsliced(mode: Mode): Standing {
  return UNSLICED[mode];
}

/** The entries of one rollout, compiled. */
export class Slices {
  /** Whether anything is enforced, whoever it may be for. */
  readonly enforces: boolean;
  readonly #enforce: EntryList<Slice>;
  readonly #hold: EntryList<Slice>;
  readonly #exceptions: EntryList<Exception>;
  readonly #blocks: EntryList<Block>;
  readonly #world: MatchWorld;

  constructor({ enforce, hold, exceptions, blocks, seed, tenants }: SliceSources) {
    const world: MatchWorld = { tenants, buckets: new PercentBuckets(seed) };
    this.#world = world;
    this.enforces = enforce.length > 0;
    this.#enforce = new EntryList(enforce, world);
    this.#hold = new EntryList(hold, world);
    this.#exceptions = new EntryList(exceptions, world);
    this.#blocks = new EntryList(blocks, world);
  }

  /** Blocks begin and end by the present clock. */
  standing(traits: Traits, { presentMs }: Clock): Standing {
    const block = this.#blocks.find(traits, UNREADABLE.blocks, (source) => {
      return isBlocking(source, presentMs);
    });
    const held = this.#hold.find(traits, UNREADABLE.hold);
    const enforced =
      held === undefined ? this.#enforce.find(traits, UNREADABLE.enforce) : undefined;
    const inside = block ?? held ?? enforced;
    if (inside === undefined) return UNSLICED.shadow;
    const mode = enforced === undefined ? 'shadow' : 'enforce';
    return { mode, slice: inside.name, blocked: block !== undefined };
  }

  /** Exceptions begin by the present clock and end by the latest. `forbidden`: only those above it. */
  pass(traits: Traits, forbidden: boolean, clock: Clock): Pass | undefined {
    return this.#exceptions.find(traits, UNREADABLE.exceptions, (source) => {
      return isExcepting(source, clock) && (source.overrideForbid || !forbidden);
    });
  }

  /** Why `standing` and `pass` say what they say: every entry, those that stand above first. */
  why(traits: Traits, clock: Clock): readonly EntryAnswer[] {
    const answers = <T extends Slice>(
      list: EntryAnswer['list'],
      entries: EntryList<T>,
      isLive: (source: T) => boolean,
    ) =>
      entries.why(traits).map(({ source, keys }): EntryAnswer => {
        const takes = keys.every(({ answer }) => {
          return answer === 'yes' || (answer === 'unknown' && UNREADABLE[list]);
        });
        return { list, source, keys, live: isLive(source), takes };
      });
    return [
      ...answers('blocks', this.#blocks, (block) => isBlocking(block, clock.presentMs)),
      ...answers('hold', this.#hold, () => true),
      ...answers('enforce', this.#enforce, () => true),
      ...answers('exceptions', this.#exceptions, (exception) => isExcepting(exception, clock)),
    ];
  }

  /** The number of a caller for percentages, 0 to 99. */
  bucketOf(caller: string): number {
    return this.#world.buckets.of(caller);
  }

  tenantOf(caller: string): string | undefined {
    return this.#world.tenants?.get(caller);
  }
}

/** What cannot be told counts against the request. */
const UNREADABLE: Readonly<Record<EntryAnswer['list'], boolean>> = {
  blocks: true,
  hold: false,
  enforce: true,
  exceptions: false,
};

function isBlocking({ fromMs, untilMs }: Block, presentMs: number): boolean {
  return fromMs <= presentMs && presentMs < untilMs;
}

function isExcepting({ fromMs, untilMs }: Exception, { presentMs, latestMs }: Clock): boolean {
  return fromMs <= presentMs && latestMs < untilMs;
}
