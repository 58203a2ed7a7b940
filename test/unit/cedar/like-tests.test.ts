import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextUses } from '../../../src/cedar/context-uses.js';
import { engine } from '../../../src/cedar/engine.js';
import { isLike, LikeTests } from '../../../src/cedar/like-tests.js';
import type { LikePattern } from '../../../src/cedar/types.js';

const letter = fc.constantFrom('a', 'b', '/', '*', '\u00e9', '\u{1f600}', '\\', '"');
const textOf = (maxLength: number) =>
  fc.array(letter, { maxLength }).map((letters) => letters.join(''));

/** As it is read from a policy. */
function patternOf(condition: string): LikePattern {
  const text = `permit (principal, action, resource) when { ${condition} };`;
  const answer = engine().run((api) => api.policyToJson(text));
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return contextUses(answer.json)[0]?.like?.[0] ?? [];
}

it('`like` here and in the engine say the same of every text', () => {
  const patterns = fc.array(fc.oneof(letter, fc.constant('any')), { maxLength: 6 });
  fc.assert(
    fc.property(patterns, textOf(6), (pattern, text) => {
      const escaped = pattern.map((each) => {
        if (each === 'any') return '*';
        if (each === '*') return '\\*';
        return JSON.stringify(each).slice(1, -1);
      });
      const condition = `context.path like "${escaped.join('')}"`;
      const answer = engine().run((api) =>
        api.isAuthorized({
          principal: { type: 'P', id: 'p' },
          action: { type: 'Action', id: 'a' },
          resource: { type: 'R', id: 'r' },
          context: { path: text },
          entities: [],
          policies: {
            staticPolicies: { p: `permit (principal, action, resource) when { ${condition} };` },
          },
        }),
      );
      if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
      expect(isLike(text, patternOf(condition))).toBe(answer.response.decision === 'allow');
    }),
  );
});

describe('many patterns at once', () => {
  it('are those that would match one by one', () => {
    const pattern = fc.array(textOf(2), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 20 }), textOf(6), (patterns, text) => {
        const places = new LikeTests(patterns)
          .placesOf(text)
          .split(',')
          .filter(Boolean)
          .map(Number);
        expect(places.sort((a, b) => a - b)).toEqual(
          [...patterns.keys()].filter((place) => isLike(text, patterns[place] as LikePattern)),
        );
      }),
    );
  });

  it('come in the same order for every text', () => {
    const tests = new LikeTests([
      ['/a/', ''],
      ['', ''],
      ['/', ''],
    ]);
    expect(tests.placesOf('/a/b')).toBe('0,1,2,');
    expect(tests.placesOf('/b')).toBe('1,2,');
  });
});
