import { describe, expect, it } from 'vitest';
import { engine } from '../../../src/cedar/engine.js';
import { statementStart } from '../../../src/cedar/tokens.js';

const STATEMENT = 'forbid (principal, action, resource) when { context.path like "/@a(*" };';

function parsed(text: string) {
  const answer = engine().run((api) => api.policyToJson(text));
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return answer.json;
}

describe('what a policy says, after its annotations', () => {
  it.each([
    ['none', ''],
    ['a few', '@id("a")\n@owner("team")\n@description("forbid @all (now)")\n'],
    ['one without a value', '@draft '],
    ['one with the name of an effect', '@permit("x") @forbid '],
    ['an escaped quote', '@reason("say \\"@no\\" \\\\")'],
    ['an empty value', '@a("")'],
    ['no blanks', '@a("x")@b@c("y")'],
    [
      'comments wherever they may stand',
      '// @a("x")\n@ // x\n b // y\n ( // "\n "v" // )\n ) // z\n',
    ],
    ['names that are not ASCII', '@_x1("a") @\u00e9t\u00e9("b")'],
  ])('begins where it should: %s', (_what, annotations) => {
    const text = `${annotations}${STATEMENT}`;
    expect(text.slice(statementStart(text))).toBe(STATEMENT);
  });

  it.each([
    ['a few', '@id("a") @owner("team")'],
    ['with comments', '@id // x\n("a") // y\n'],
  ])('is the same for the engine: %s', (_what, annotations) => {
    const { annotations: told, ...rest } = parsed(`${annotations}${STATEMENT}`);
    const { annotations: none = {}, ...statement } = parsed(STATEMENT);
    expect(Object.keys(told ?? {})).not.toEqual([]);
    expect(none).toEqual({});
    expect(rest).toEqual(statement);
  });

  it.each(['@', '@1("x") permit', '@a("x" permit', '@a(x) permit', '@a("x'])(
    'is the whole text where that is no policy: %s',
    (text) => {
      expect(statementStart(text)).toBe(0);
    },
  );
});
