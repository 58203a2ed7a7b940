/**
 * Room in the memory of an instance of the engine. By itself it takes some pages more whenever policies
 * are parsed, and V8 counts the memory before and the one after as two: once it holds 64 to 96 MB, each
 * time is `external memory pressure`, for which the whole heap is collected at once. With 400 sets of 50
 * policies (200 callers, and the next version) there were more than two such collections a set, 4 to 16 ms
 * each: the longest turns while 10,000 policies were loaded anew. So an instance that holds many sets takes
 * all that it may need in one go. Pages that nobody wrote to are not
 * there: resident memory stays what it is.
 */
import { ENGINE_ROOM_BYTES, ENGINE_ROOM_FROM_BYTES } from '../constants.js';

/** What the module has for its own JavaScript, and does not pass on. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  __wbindgen_malloc(bytes: number, align: number): number;
  __wbindgen_free(pointer: number, bytes: number, align: number): void;
}

export class EngineMemory {
  readonly #exports: Exports;
  #roomy = false;

  constructor(exports: Exports) {
    this.#exports = exports;
  }

  get bytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  /** To be called after what may have taken more. Throws, as any call, when there is no memory. */
  makeRoom(): void {
    if (this.#roomy || this.bytes < ENGINE_ROOM_FROM_BYTES) return;
    this.#roomy = true;
    const pointer = this.#exports.__wbindgen_malloc(ENGINE_ROOM_BYTES, 1);
    // It keeps what it was given, and takes no more while there is some of it.
    this.#exports.__wbindgen_free(pointer, ENGINE_ROOM_BYTES, 1);
  }
}

type Constructor = new (...given: unknown[]) => { readonly exports: unknown };

/** Loads an instance, and looks at what it is made of while that is being put together. */
export function watchMemory<T>(load: () => T): { api: T; memory: EngineMemory | undefined } {
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { Instance: Constructor } };
  const { Instance } = wasm;
  let memory: EngineMemory | undefined;
  wasm.Instance = new Proxy(Instance, {
    construct(target, given) {
      const instance = new target(...given);
      const exports = instance.exports as Partial<Exports>;
      const { memory: bytes, __wbindgen_malloc: take, __wbindgen_free: give } = exports;
      if (bytes && take && give) memory = new EngineMemory(exports as Exports);
      return instance;
    },
  });
  try {
    const api = load();
    return { api, memory };
  } finally {
    wasm.Instance = Instance;
  }
}
