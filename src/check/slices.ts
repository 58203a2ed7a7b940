/**
 * Where a request stands in a rollout: blocked, held, enforced or in shadow, and whether a live
 * exception speaks for it. Pure; check, replay and tests all ask here.
 *
 * INVARIANT: block > hold > enforce, and a request in no slice is in shadow. What cannot be read
 * counts against the request: it is inside of blocks and enforced slices, and outside of holds and
 * exceptions.
 */
import { BoundedCache } from '../bounded-cache.js';
import { STANDINGS_BYTES_MAX, STANDINGS_MAX } from '../constants.js';
import type { Block, Exception, Slice } from '../rollout/types.js';
import { EntryList } from './entry-list.js';
import { type KeyAnswer, type MatchWorld, type Traits, traitsKey } from './match.js';
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

const TAKEN_BYTES = 200;
const REFERENCE_BYTES = 8;

/** Requests that no rollout speaks of. */
const UNSLICED: Readonly<Record<Mode, Standing>> = {
  shadow: { mode: 'shadow', slice: undefined, blocked: false },
  enforce: { mode: 'enforce', slice: undefined, blocked: false },
};

export function unsliced(mode: Mode): Standing {
  return UNSLICED[mode];
}

/** The entries that take a request, whatever the clock says. */
interface Taken {
  readonly blocks: readonly Block[];
  readonly held: Slice | undefined;
  readonly enforced: Slice | undefined;
  readonly exceptions: readonly Exception[];
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
  /**
   * By all that entries look at: a request like one before is held against none of them again. A look
   * takes 0.6 us; a hundred slices and a thousand exceptions take 310.
   */
  readonly #taken = new BoundedCache<Taken>({
    entriesMax: STANDINGS_MAX,
    bytesMax: STANDINGS_BYTES_MAX,
  });

  constructor({ enforce, hold, exceptions, blocks, seed, tenants }: SliceSources) {
    const world: MatchWorld = { tenants, buckets: new PercentBuckets(seed) };
    this.#world = world;
    this.enforces = enforce.length > 0;
    this.#enforce = new EntryList(enforce, world, UNREADABLE.enforce);
    this.#hold = new EntryList(hold, world, UNREADABLE.hold);
    this.#exceptions = new EntryList(exceptions, world, UNREADABLE.exceptions);
    this.#blocks = new EntryList(blocks, world, UNREADABLE.blocks);
  }

  /** Blocks begin and end by the present clock. */
  standing(traits: Traits, { presentMs }: Clock): Standing {
    const { blocks, held, enforced } = this.#of(traits);
    const block = blocks.find((each) => isBlocking(each, presentMs));
    const inside = block ?? held ?? enforced;
    if (inside === undefined) return UNSLICED.shadow;
    const mode = held === undefined && enforced !== undefined ? 'enforce' : 'shadow';
    return { mode, slice: inside.name, blocked: block !== undefined };
  }

  /** Exceptions begin by the present clock and end by the latest. `forbidden`: only those above it. */
  pass(traits: Traits, forbidden: boolean, clock: Clock): Pass | undefined {
    return this.#of(traits).exceptions.find((each) => {
      return isExcepting(each, clock) && (each.overrideForbid || !forbidden);
    });
  }

  #of(traits: Traits): Taken {
    const key = traitsKey(traits);
    const known = this.#taken.get(key);
    if (known !== undefined) return known;
    const blocks = this.#blocks.taking(traits);
    const exceptions = this.#exceptions.taking(traits);
    const [held] = this.#hold.taking(traits);
    const [enforced] = this.#enforce.taking(traits);
    const taken = { blocks, held, enforced, exceptions };
    const bytes = key.length + TAKEN_BYTES + REFERENCE_BYTES * (blocks.length + exceptions.length);
    this.#taken.set(key, taken, bytes);
    return taken;
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
