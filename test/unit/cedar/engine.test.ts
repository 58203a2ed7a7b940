import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import {
  type CedarApi,
  Engine,
  EngineFault,
  engine,
  engineBeside,
  engineVersion,
} from '../../../src/cedar/engine.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import type { CedarProgram } from '../../../src/cedar/types.js';
import { ENGINE_RESTART_MS, ENGINE_SLOTS_MAX, ENGINE_THROWS_MAX } from '../../../src/constants.js';
import { freshEngine, lines, loadInstance, programOf, request } from './support.js';

function engineWithClock() {
  const clock = { ms: 0 };
  return { clock, engine: freshEngine(() => clock.ms) };
}

const BOMB = `permit (principal, action, resource) when { ${'('.repeat(5_000)}true${')'.repeat(5_000)} };`;

function blowUp(engine: Engine): void {
  engine.run((api) => api.policyToJson(BOMB));
}

describe('the engine', () => {
  it('tells the versions of the SDK and the language', () => {
    expect(engineVersion().sdk).toMatch(/^4\.13\.\d+$/);
    expect(engineVersion().language).toMatch(/^\d+\.\d+/);
  });

  it('loads what was loaded again after it broke, and answers as before', () => {
    const { engine } = engineWithClock();
    const loaded = createEvaluator(programOf({}), { engine });
    if (!loaded.ok) throw new Error(lines(loaded).join());
    const before = loaded.value.evaluate(request());
    expect(before).toMatchObject({ kind: 'answered', satisfied: ['all'] });
    expect(() => blowUp(engine)).toThrow(EngineFault);
    expect(loaded.value.evaluate(request())).toEqual(before);
    expect(engine.restarts).toBe(1);
  });

  it('restarts at most once in a while, and says fault in between', () => {
    const { engine, clock } = engineWithClock();
    const loaded = createEvaluator(programOf({}), { engine });
    if (!loaded.ok) throw new Error(lines(loaded).join());
    const { evaluate } = loaded.value;
    expect(() => blowUp(engine)).toThrow(EngineFault);
    expect(evaluate(request()).kind).toBe('answered');
    expect(() => blowUp(engine)).toThrow(EngineFault);
    clock.ms += ENGINE_RESTART_MS - 1;
    expect(evaluate(request())).toMatchObject({ kind: 'failed', fault: true });
    clock.ms += 1;
    expect(evaluate(request()).kind).toBe('answered');
    expect(engine.restarts).toBe(2);
  });

  it('keeps the instance when a call throws for its input', () => {
    const { engine } = engineWithClock();
    const loaded = createEvaluator(programOf({}), { engine });
    if (!loaded.ok) throw new Error(lines(loaded).join());
    const answer = loaded.value.evaluate(request({ context: { path: '\ud800' } }));
    expect(answer).toMatchObject({ kind: 'failed' });
    expect(answer).not.toHaveProperty('fault');
    expect(loaded.value.evaluate(request()).kind).toBe('answered');
    expect(engine.restarts).toBe(0);
  });

  it('is replaced before it breaks by what is left behind whenever it throws', () => {
    const { engine, clock } = engineWithClock();
    const loaded = createEvaluator(programOf({}), { engine });
    if (!loaded.ok) throw new Error(lines(loaded).join());
    const { evaluate } = loaded.value;
    const kinds = new Set<unknown>();
    const before = evaluate(request());
    for (let turn = 0; turn < 5 * ENGINE_THROWS_MAX; turn += 1) {
      clock.ms += 10;
      const answer = evaluate(request({ context: { path: '\ud800' } }));
      kinds.add('fault' in answer ? 'fault' : answer.kind);
    }
    expect([...kinds]).toEqual(['failed']);
    expect(engine.restarts).toBe(4);
    expect(evaluate(request())).toEqual(before);
  });

  it('goes on with a worn instance when there is no other', () => {
    const load = vi.fn(loadInstance);
    const engine = new Engine({ load, nowMs: () => 0 });
    load.mockImplementation(() => {
      throw new Error('no memory');
    });
    const refuse = () => {
      throw new Error('not taken');
    };
    for (let turn = 0; turn <= ENGINE_THROWS_MAX; turn += 1) {
      expect(() => engine.run(refuse)).toThrow('not taken');
    }
    expect(load).toHaveBeenCalledTimes(2);
    expect(engine.run(() => 'an answer')).toBe('an answer');
  });

  it('leaves a schema alone that took the name of one that is given back', async () => {
    const engine = freshEngine(() => 0);
    const load = (schemaText: string) => {
      const loaded = createEvaluator({ ...programOf({}), schemaText }, { engine });
      if (!loaded.ok) throw new Error(lines(loaded).join());
      return loaded.value;
    };
    const { schemaText } = programOf({});
    load(schemaText).release();
    const next = load(`${schemaText}\n`);
    for (let turns = 0; turns < 3; turns += 1) await turn();
    expect(next.evaluate(request())).toMatchObject({ satisfied: ['all'] });
  });

  it('parses a schema once for all slots that have the same, as long as one is in use', async () => {
    const parsed: string[] = [];
    const watched = (): CedarApi => {
      const api = loadInstance();
      const preparseSchema: CedarApi['preparseSchema'] = (name, schema) => {
        parsed.push(schema === '' ? `-${name}` : name);
        return api.preparseSchema(name, schema);
      };
      return { ...api, preparseSchema };
    };
    const engine = new Engine({ load: watched, nowMs: () => 0 });
    const load = (program: CedarProgram) => {
      const loaded = createEvaluator(program, { engine });
      if (!loaded.ok) throw new Error(lines(loaded).join());
      return loaded.value;
    };
    const program = programOf({});
    const other = { ...program, schemaText: `${program.schemaText}\n` };
    const [first, second] = [load(program), load(program)];
    expect(parsed.splice(0)).toEqual(['schema-1']);
    const third = load(other);
    expect(parsed.splice(0)).toEqual(['schema-2']);
    first.release();
    await turn();
    await turn();
    expect(parsed).toEqual([]);
    expect(second.evaluate(request())).toMatchObject({ satisfied: ['all'] });
    second.release();
    await vi.waitFor(() => expect(parsed).toContain('-schema-1'));
    expect(parsed.splice(0)).toEqual(['-schema-1']);
    expect(third.evaluate(request())).toMatchObject({ satisfied: ['all'] });
    expect(() => blowUp(engine)).toThrow(EngineFault);
    expect(third.evaluate(request())).toMatchObject({ satisfied: ['all'] });
    expect(parsed).toEqual(['schema-2']);
    load(program);
    expect(parsed).toEqual(['schema-2', 'schema-1']);
  });

  it('uses a bounded set of names over many loads', async () => {
    const names = new Set<string>();
    const watched = (): CedarApi => {
      const api = loadInstance();
      const preparsePolicySet: CedarApi['preparsePolicySet'] = (name, policies) => {
        names.add(name);
        return api.preparsePolicySet(name, policies);
      };
      const preparseSchema: CedarApi['preparseSchema'] = (name, schema) => {
        names.add(name);
        return api.preparseSchema(name, schema);
      };
      return { ...api, preparsePolicySet, preparseSchema };
    };
    const engine = new Engine({ load: watched, nowMs: () => 0 });
    const program = programOf({});
    const active: { release(): void }[] = [];
    for (let round = 0; round < 200; round += 1) {
      const id = `p${round}`;
      const policies = program.policies.map((source) => ({ ...source, id }));
      await turn();
      const loaded = createEvaluator({ ...program, policies }, { engine });
      if (!loaded.ok) throw new Error(lines(loaded).join());
      const answer = loaded.value.evaluate(request());
      expect(answer).toMatchObject({ kind: 'answered', satisfied: [id] });
      active.push(loaded.value);
      if (active.length === 3) active.shift()?.release();
    }
    // Of the schema of each slot, and of its one set.
    expect(names.size).toBeLessThanOrEqual(2 * ENGINE_SLOTS_MAX);
    expect(engine.slotsInUse).toBe(2);
  });

  it('refuses another program when all slots are taken, until one is given back', () => {
    const { engine } = engineWithClock();
    const program = programOf({});
    const all = Array.from({ length: ENGINE_SLOTS_MAX }, () =>
      createEvaluator(program, { engine }),
    );
    expect(all.every(({ ok }) => ok)).toBe(true);
    expect(lines(createEvaluator(program, { engine }))).toEqual([
      ' engine_failure all slots of the engine are in use',
    ]);
    const [first] = all;
    if (first?.ok) {
      first.value.release();
      first.value.release();
    }
    expect(engine.slotsInUse).toBe(ENGINE_SLOTS_MAX - 1);
    expect(createEvaluator(program, { engine }).ok).toBe(true);
  });

  it('takes no slot for a program that does not parse', () => {
    const { engine } = engineWithClock();
    const program = { ...programOf({}), schemaText: 'nonsense' };
    expect(lines(createEvaluator(program, { engine }))[0]).toContain('engine_failure schema: ');
    expect(engine.slotsInUse).toBe(0);
  });
});

describe('the engine beside', () => {
  it('is another one, and goes when nothing uses it', () => {
    const beside = engineBeside();
    expect(beside).not.toBe(engine());
    const slot = beside.acquire('entity A;');
    expect(engineBeside()).toBe(beside);
    const crash = () => {
      throw new RangeError('Maximum call stack size exceeded');
    };
    expect(() => beside.run(crash)).toThrow(EngineFault);
    // What decides does not feel it.
    expect(engine().run(() => 'an answer')).toBe('an answer');
    slot?.release();
    expect(engineBeside()).not.toBe(beside);
  });
});
