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
import type { MatchWorld, Traits } from './match.js';
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

  constructor({ enforce, hold, exceptions, blocks, seed, tenants }: SliceSources) {
    const world: MatchWorld = { tenants, buckets: new PercentBuckets(seed) };
    this.enforces = enforce.length > 0;
    this.#enforce = new EntryList(enforce, world);
    this.#hold = new EntryList(hold, world);
    this.#exceptions = new EntryList(exceptions, world);
    this.#blocks = new EntryList(blocks, world);
  }

  /** Blocks begin and end by the present clock. */
  standing(traits: Traits, { presentMs }: Clock): Standing {
    const block = this.#blocks.find(traits, true, ({ fromMs, untilMs }) => {
      return fromMs <= presentMs && presentMs < untilMs;
    });
    const held = this.#hold.find(traits, false);
    const enforced = held === undefined ? this.#enforce.find(traits, true) : undefined;
    const inside = block ?? held ?? enforced;
    if (inside === undefined) return UNSLICED.shadow;
    const mode = enforced === undefined ? 'shadow' : 'enforce';
    return { mode, slice: inside.name, blocked: block !== undefined };
  }

  /** Exceptions begin by the present clock and end by the latest. `forbidden`: only those above it. */
  pass(traits: Traits, forbidden: boolean, { presentMs, latestMs }: Clock): Pass | undefined {
    return this.#exceptions.find(traits, false, ({ fromMs, untilMs, overrideForbid }) => {
      return fromMs <= presentMs && latestMs < untilMs && (overrideForbid || !forbidden);
    });
  }
}
