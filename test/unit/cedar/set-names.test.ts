/** Which policies stand under which name of the engine, whoever holds them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SetNames } from '../../../src/cedar/set-names.js';

/** With an engine that only keeps what it is given. `x` does not parse. */
function watched(namesMax: number) {
  const names = new SetNames(namesMax);
  const engine = new Map<string, string>();
  const parsed: string[] = [];
  const preparse = (name: string, policies: string) => {
    parsed.push(policies);
    if (policies === 'x') throw new Error('not parsed');
    engine.set(name, policies);
  };
  return {
    names,
    engine,
    parsed,
    hold: (text: string) => names.hold(`digest of ${text}`, () => text, preparse),
    drop: (text: string, reused = false) => names.drop(`digest of ${text}`, { reused }),
    empty: (pieces: number) => {
      const work = names.emptied(preparse);
      for (let piece = 0; piece < pieces; piece += 1) work.next();
    },
  };
}

describe('a set of policies in the engine', () => {
  it('is parsed once for all who hold it, and stays until the last one drops it', () => {
    const { hold, drop, empty, engine, parsed } = watched(9);
    const name = hold('a');
    expect([hold('a'), parsed]).toEqual([name, ['a']]);
    drop('a');
    empty(5);
    expect(engine.get(name)).toBe('a');
    drop('a');
    empty(5);
    expect(engine.get(name)).toBe('');
  });

  it('is there again for whoever asks before it was emptied, and is parsed again after', () => {
    const { hold, drop, empty, engine, parsed } = watched(9);
    const name = hold('a');
    hold('b');
    drop('a');
    drop('b');
    expect(hold('a')).toBe(name);
    empty(5);
    expect([engine.get(name), parsed]).toEqual(['a', ['a', 'b', '']]);
    hold('b');
    expect(parsed).toEqual(['a', 'b', '', 'b']);
  });

  it('makes room at once for one that takes its place', () => {
    const { hold, drop, empty, parsed } = watched(9);
    const name = hold('a');
    drop('a', true);
    expect(hold('b')).toBe(name);
    empty(5);
    expect(parsed).toEqual(['a', 'b']);
    expect(hold('a')).not.toBe(name);
  });

  it('that does not parse is held by nobody, and its name is given to the next', () => {
    const { hold, drop } = watched(1);
    for (let n = 0; n < 3; n += 1) expect(() => hold('x')).toThrow('not parsed');
    drop('x');
    expect(hold('a')).toBe(hold('a'));
  });

  it('leaves for another one when all names are used and nobody holds it', () => {
    const { hold, drop, engine } = watched(2);
    const name = hold('a');
    hold('b');
    expect(() => hold('c')).toThrow('all names for policies are in use');
    drop('a');
    expect([hold('c'), engine.get(name)]).toEqual([name, 'c']);
  });

  it('is gone with the instance', () => {
    const { names, hold, parsed } = watched(1);
    hold('a');
    names.clear();
    hold('a');
    expect(parsed).toEqual(['a', 'a']);
  });

  it('is what its name stands for, whatever others hold, drop and empty', () => {
    const step = fc.tuple(
      fc.constantFrom('hold', 'drop', 'replace', 'empty'),
      fc.constantFrom('a', 'b', 'c', 'd', 'e', 'x'),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { hold, drop, empty, engine } = watched(4);
        const held: { text: string; name: string }[] = [];
        for (const [what, text] of steps) {
          const at = held.findIndex((each) => each.text === text);
          if (what === 'empty') empty(1);
          else if (what === 'hold') {
            try {
              held.push({ text, name: hold(text) });
            } catch (thrown) {
              const isFull = new Set(held.map(({ name }) => name)).size === 4;
              expect(String(thrown)).toContain(isFull ? 'in use' : 'not parsed');
            }
          } else if (at >= 0) {
            held.splice(at, 1);
            drop(text, what === 'replace');
          }
          for (const each of held) expect(engine.get(each.name)).toBe(each.text);
          expect(engine.size).toBeLessThanOrEqual(4);
        }
      }),
    );
  });
});
