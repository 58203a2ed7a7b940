/**
 * The Cedar engine of this thread: loads the WebAssembly, hands out its slots, and starts it anew
 * when it broke. The only file that imports cedar-wasm.
 *
 * A stack overflow or panic inside WebAssembly leaves its memory in an unknown state: from then on
 * every call may throw, or worse, answer wrongly. So such an instance is never called again.
 */
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';
import {
  ENGINE_RESTART_MS,
  ENGINE_SETS_MAX,
  ENGINE_SLOTS_MAX,
  ENGINE_THROWS_MAX,
} from '../constants.js';
import { messageOf } from '../errors.js';
import { inSteps } from '../in-steps.js';
import { watchMemory } from './engine-memory.js';
import { SetNames } from './set-names.js';

export type CedarApi = typeof Cedar;

/** The engine broke during this call, or is still broken; the caller gets no answer. */
export class EngineFault extends Error {
  override readonly name = 'EngineFault';
}

/** A schema in the engine, and sets of policies to be asked with it. */
export interface Slot {
  /** Of the schema; slots with the same text share it. */
  readonly name: string;
  /**
   * The name of policies that this slot does not hold yet. They are parsed unless another slot holds
   * the same: `digest` is equal for equal ones only. Goes with the instance: after a restart it must be
   * added anew. To be called within `run`; throws like the call it makes, and when `setsLeft` is 0.
   */
  addSet(api: CedarApi, digest: string, policies: () => string): string;
  /** Of one that this slot holds: another one is added in its place. */
  dropSet(digest: string): void;
  /** How many more it can hold. */
  readonly setsLeft: number;
  /** Gives the slot back; calling it twice does nothing. Its memory is freed in steps. */
  release(): void;
}

export interface EngineOptions {
  /** Makes a new instance. */
  readonly load: () => CedarApi;
  /** A clock that never goes back, milliseconds. */
  readonly nowMs: () => number;
}

const MODULE = '@cedar-policy/cedar-wasm/nodejs';
/** Parsed into a slot that was given back, so that the old program's memory is freed. */
const NO_SCHEMA = '';

interface HeldSlot {
  readonly schema: HeldSchema;
  /** Digests of what was added to it in the present instance. */
  readonly sets: Set<string>;
}

/** Of all slots with this text: the next version of a bundle, or a candidate, mostly has the same. */
interface HeldSchema {
  readonly name: string;
  /** Kept, so that a new instance can be given it again. */
  readonly text: string;
}

/** What is preparsed lives for ever under its name, so names come from a fixed list. */
const SCHEMA_NAMES = Array.from({ length: ENGINE_SLOTS_MAX }, (_, index) => `schema-${index + 1}`);

export class Engine {
  #api: CedarApi;
  #broken: string | undefined;
  #startedAtMs: number;
  #restarts = 0;
  /** Questions at which the present instance threw. */
  #throws = 0;
  /** INVARIANT: the schemas of what this holds are preparsed in the present instance. */
  readonly #slots = new Set<HeldSlot>();
  readonly #sets = new SetNames(ENGINE_SLOTS_MAX * ENGINE_SETS_MAX);
  readonly #options: EngineOptions;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#api = options.load();
    this.#startedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** How often the instance was replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  get slotsInUse(): number {
    return this.#slots.size;
  }

  /** Runs one or more calls. Throws EngineFault when the engine broke; other errors pass through. */
  run<T>(calls: (api: CedarApi) => T): T {
    if (this.#broken !== undefined) this.#restart(this.#broken);
    else if (this.#throws >= ENGINE_THROWS_MAX) this.#replaceWorn();
    try {
      return calls(this.#api);
    } catch (thrown) {
      if (thrown instanceof Error && thrown.name === 'Error') this.#throws += 1;
      if (!breaksEngine(thrown)) throw thrown;
      this.#broken = messageOf(thrown);
      throw new EngineFault(`the engine broke: ${this.#broken}`, { cause: thrown });
    }
  }

  /** Undefined when all slots are taken. Throws EngineFault, or an Error when it does not parse. */
  acquire(schemaText: string): Slot | undefined {
    if (this.#slots.size >= ENGINE_SLOTS_MAX) return undefined;
    const slot: HeldSlot = { schema: this.#schemaFor(schemaText), sets: new Set() };
    this.#slots.add(slot);
    return {
      name: slot.schema.name,
      addSet: (api, digest, policies) => {
        if (slot.sets.size >= ENGINE_SETS_MAX) throw new Error('the slot holds no more sets');
        const name = this.#sets.hold(digest, policies, (...set) => preparsePolicies(api, ...set));
        slot.sets.add(digest);
        return name;
      },
      dropSet: (digest) => {
        if (slot.sets.delete(digest)) this.#sets.drop(digest, { reused: true });
      },
      get setsLeft() {
        return ENGINE_SETS_MAX - slot.sets.size;
      },
      release: () => this.#release(slot),
    };
  }

  /** A schema of 3 KB takes 10 ms to parse, on the thread that answers. */
  #schemaFor(text: string): HeldSchema {
    const held = this.#schemas();
    const same = held.find((schema) => schema.text === text);
    if (same !== undefined) return same;
    const name = SCHEMA_NAMES.find((free) => !held.some((schema) => schema.name === free));
    if (name === undefined) throw new Error('there are more schemas than slots');
    this.run((api) => preparseSchema(api, name, text));
    return { name, text };
  }

  #schemas(): HeldSchema[] {
    return [...new Set([...this.#slots].map(({ schema }) => schema))];
  }

  #release(slot: HeldSlot): void {
    if (!this.#slots.delete(slot)) return;
    for (const digest of slot.sets) this.#sets.drop(digest, { reused: false });
    void inSteps(this.#emptied(slot.schema), { nowMs: this.#options.nowMs });
  }

  /** Piece by piece: to free the hundreds of sets of a large program takes a tenth of a second. */
  *#emptied(schema: HeldSchema): Generator<void> {
    const { restarts } = this;
    // Of an instance that broke, or was replaced, nothing is left to be freed.
    const isGone = () => this.#broken !== undefined || restarts !== this.restarts;
    const inUse = () => this.#schemas().some((held) => held.name === schema.name);
    try {
      if (isGone()) return;
      // Its name may stand for another by now.
      if (!inUse()) this.run((api) => preparseSchema(api, schema.name, NO_SCHEMA));
      yield;
      const sets = this.#sets.emptied((...set) => this.run((api) => preparsePolicies(api, ...set)));
      for (const _ of sets) {
        yield;
        if (isGone()) return;
      }
    } catch {
      // Only memory is at stake here; if the engine broke, the next call restarts it.
    }
  }

  #restart(broken: string): void {
    if (!this.#mayRestart()) {
      throw new EngineFault(`the engine broke and restarts soon: ${broken}`);
    }
    try {
      this.#renew();
    } catch (thrown) {
      throw new EngineFault(`the engine cannot be restarted: ${messageOf(thrown)}`);
    }
    this.#broken = undefined;
  }

  /** Before it breaks; until then it answers, so that nobody need wait for another one. */
  #replaceWorn(): void {
    if (!this.#mayRestart()) return;
    try {
      this.#renew();
    } catch {
      // The present one goes on.
    }
  }

  #mayRestart(): boolean {
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#startedAtMs < ENGINE_RESTART_MS) return false;
    this.#startedAtMs = nowMs;
    return true;
  }

  #renew(): void {
    const api = this.#options.load();
    for (const { name, text } of this.#schemas()) preparseSchema(api, name, text);
    for (const slot of this.#slots) slot.sets.clear();
    this.#sets.clear();
    this.#api = api;
    this.#throws = 0;
    this.#restarts += 1;
  }
}

function preparseSchema(api: CedarApi, name: string, text: string): void {
  const schema = api.preparseSchema(name, text);
  if (schema.type === 'failure') throw new Error(`schema: ${firstMessage(schema.errors)}`);
}

function preparsePolicies(api: CedarApi, name: string, text: string): void {
  const answer = api.preparsePolicySet(name, { staticPolicies: text });
  if (answer.type === 'failure') throw new Error(`policies: ${firstMessage(answer.errors)}`);
}

function firstMessage(errors: readonly Cedar.DetailedError[]): string {
  return errors[0]?.message ?? 'no reason given';
}

/** A trap of WebAssembly, or an overflow of the JavaScript stack below it. */
function breaksEngine(thrown: unknown): boolean {
  return thrown instanceof Error && ['RuntimeError', 'RangeError'].includes(thrown.name);
}

/**
 * Keeps V8 from inlining calls into WebAssembly. Node 20 ends the whole process ("unreachable code"
 * in Deoptimizer::DoComputeBuiltinContinuation) when it must deoptimise a function in the middle of
 * such a call: seen in about half of all loads of 9,000 policies. No thread and no `catch` helps.
 */
const NO_INLINED_CALLS = '--no-turbo-inline-js-wasm-calls';

/**
 * V8 optimises a WebAssembly function once this many bytes of its code have run; 1,800,000 in Node 20
 * and 13,000,000 in Node 24 when left alone. By then every function that parses counts as hot, and
 * optimising them for a load of ten policies costs four times what the load does: 3.9 s of CPU from the
 * start of `serve` until it is ready, 1.8 with this. With 400,000,000 and less the parser is optimised
 * at that time already, which takes no more CPU but 15 to 30 MB for ever. Questions to the engine get
 * cheaper the sooner it happens: 40,000 took 15.2 s of CPU with 300,000,000, 20.4 s with 1,000,000,000.
 */
const OPTIMISE_AFTER = 600_000_000;

/**
 * V8 optimises one function of the engine at a time. By itself it takes as many as it has threads, 15 MB
 * for each of the large ones, in memory that malloc keeps afterwards.
 */
const OPTIMISE_ONE_AT_A_TIME = '--wasm-num-compilation-tasks=1';

/**
 * A new instance with memory of its own. The require function is new each time too: it would keep
 * every module it loaded.
 */
function loadInstance(): CedarApi {
  setFlagsFromString(NO_INLINED_CALLS);
  setFlagsFromString(OPTIMISE_ONE_AT_A_TIME);
  setFlagsFromString(`--wasm-tiering-budget=${OPTIMISE_AFTER}`);
  const require = createRequire(import.meta.url);
  delete require.cache[require.resolve(MODULE)];
  const { api, memory } = watchMemory(() => require(MODULE) as CedarApi);
  const preparsePolicySet: CedarApi['preparsePolicySet'] = (name, policies) => {
    const answer = api.preparsePolicySet(name, policies);
    memory?.makeRoom();
    return answer;
  };
  return { ...api, preparsePolicySet };
}

const create = () => new Engine({ load: loadInstance, nowMs: () => performance.now() });

let engineOfThread: Engine | undefined;
let secondEngine: Engine | undefined;

/** Loaded on first use: commands that need no engine stay fast. */
export function engine(): Engine {
  engineOfThread ??= create();
  return engineOfThread;
}

/** Another one in this thread, for programs that must not break the first. It goes when none is left. */
export function engineBeside(): Engine {
  if (secondEngine?.slotsInUse === 0) secondEngine = undefined;
  secondEngine ??= create();
  return secondEngine;
}

export interface EngineVersion {
  readonly sdk: string;
  /** Version of the Cedar language. */
  readonly language: string;
}

export function engineVersion(): EngineVersion {
  return engine().run((api) => ({
    sdk: api.getCedarSDKVersion(),
    language: api.getCedarLangVersion(),
  }));
}
