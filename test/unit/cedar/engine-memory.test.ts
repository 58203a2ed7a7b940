/** How the engine takes memory: V8 collects the whole heap whenever a large one grows. */
import { describe, expect, it } from 'vitest';
import { type CedarApi, engineBeside } from '../../../src/cedar/engine.js';
import { EngineMemory, watchMemory } from '../../../src/cedar/engine-memory.js';
import { ENGINE_ROOM_BYTES, ENGINE_ROOM_FROM_BYTES } from '../../../src/constants.js';
import { loadInstance, policy } from './support.js';

/** A set of many policies that is like no other. */
const setOf = (n: number) =>
  Array.from({ length: 60 }, (_, id) =>
    policy(`p${n}-${id}`, `permit (principal, action, resource) when { context.path == "${n}" };`),
  ).join('\n');

function parse(api: CedarApi, from: number, count: number): void {
  for (let n = from; n < from + count; n += 1) {
    const answer = api.preparsePolicySet(`set-${n}`, { staticPolicies: setOf(n) });
    expect(answer.type).toBe('success');
  }
}

describe('the memory of the engine', () => {
  it('is what it needs while that is little, and then does not grow with what is parsed', () => {
    const { api, memory } = watchMemory(loadInstance);
    if (memory === undefined) throw new Error('the engine has no memory');
    parse(api, 0, 1);
    memory.makeRoom();
    expect(memory.bytes).toBeLessThan(ENGINE_ROOM_FROM_BYTES);
    let sets = 1;
    while (memory.bytes < ENGINE_ROOM_FROM_BYTES) parse(api, sets++, 1);
    const resident = process.memoryUsage.rss();
    memory.makeRoom();
    const { bytes } = memory;
    expect(bytes).toBeGreaterThanOrEqual(ENGINE_ROOM_BYTES);
    expect(process.memoryUsage.rss() - resident).toBeLessThan(ENGINE_ROOM_BYTES / 4);
    parse(api, sets, 40);
    memory.makeRoom();
    expect(memory.bytes).toBe(bytes);
  });

  it('is given room by those who parse', () => {
    const { external } = process.memoryUsage();
    const engine = engineBeside();
    const slot = engine.acquire('entity A;');
    if (slot === undefined) throw new Error('no slot');
    for (let n = 0; n < 50; n += 1) {
      engine.run((api) => slot.addSet(api, String(n), () => setOf(n)));
    }
    expect(process.memoryUsage().external - external).toBeGreaterThan(ENGINE_ROOM_BYTES / 2);
    slot.release();
  });

  it('is looked for while an instance is made, and never after', () => {
    const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { Instance: unknown } };
    const { Instance } = wasm;
    const crash = () => {
      throw new Error('no such module');
    };
    expect(() => watchMemory(crash)).toThrow('no such module');
    expect(watchMemory(() => wasm.Instance === Instance)).toEqual({
      api: false,
      memory: undefined,
    });
    expect(wasm.Instance).toBe(Instance);
  });

  it('is taken once', () => {
    const taken: number[] = [];
    const memory = new EngineMemory({
      memory: { buffer: new ArrayBuffer(ENGINE_ROOM_FROM_BYTES) },
      __wbindgen_malloc: (bytes) => taken.push(bytes),
      __wbindgen_free: (pointer, bytes) => taken.push(pointer, bytes),
    });
    for (let times = 0; times < 3; times += 1) memory.makeRoom();
    expect(taken).toEqual([ENGINE_ROOM_BYTES, 1, ENGINE_ROOM_BYTES]);
  });
});
