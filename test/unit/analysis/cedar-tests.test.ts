import { describe, expect, it } from 'vitest';
import { parseCedarTests } from '../../../src/analysis/cedar-tests.js';

const TEST = {
  name: 'a',
  request: {
    principal: 'Workload::"w"',
    action: 'Action::"GET"',
    resource: 'Service::"a/b"',
    context: { path: '/' },
  },
  entities: [] as unknown,
  decision: 'allow',
  reason: ['b', 'a'],
  num_errors: 0,
};
const source = (value: unknown, file = 'tests/a.json') => ({
  file,
  text: typeof value === 'string' ? value : JSON.stringify(value, undefined, 2),
});
const parse = (...sources: { file: string; text: string }[]) => parseCedarTests(sources);

describe('a Cedar test', () => {
  it('is read as the cedar CLI reads it', () => {
    expect(parse(source([TEST]))).toMatchObject({
      ok: true,
      value: [
        {
          kind: 'cedar',
          name: 'a',
          line: 2,
          principal: { type: 'Workload', id: 'w' },
          action: { type: 'Action', id: 'GET' },
          resource: { type: 'Service', id: 'a/b' },
          context: { path: '/' },
          entities: [],
          expect: { decision: 'allow', reason: ['a', 'b'], errorsCount: 0 },
        },
      ],
    });
  });

  it('may have no name', () => {
    const { name: _, ...unnamed } = TEST;
    const result = parse(source([TEST, unnamed]));
    expect(result.ok && result.value[1]?.name).toBe('unnamed test 2 of tests/a.json');
  });

  const ENTITY = {
    uid: { type: 'Workload', id: 'w' },
    attrs: { tier: 1 },
    parents: [{ type: 'Namespace', id: 'n' }],
  };

  it('takes both forms of references in entities', () => {
    const explicit = {
      ...ENTITY,
      uid: { __entity: ENTITY.uid },
      parents: [{ __entity: ENTITY.parents[0] }],
    };
    const plain = parse(source([{ ...TEST, entities: [ENTITY] }]));
    const wrapped = parse(source([{ ...TEST, entities: [explicit] }]));
    expect(plain.ok && plain.value[0]?.entities).toEqual([ENTITY]);
    expect(wrapped.ok && wrapped.value[0]?.entities).toEqual([ENTITY]);
  });

  it('takes its entities from a file beside it, which then is no test file', () => {
    const result = parse(
      source([{ ...TEST, entities: 'shop.json' }]),
      source([ENTITY], 'tests/shop.json'),
    );
    expect(result.ok && result.value).toHaveLength(1);
    expect(result.ok && result.value[0]?.entities).toEqual([ENTITY]);
  });

  it.each([
    ['a file that is not there', { ...TEST, entities: 'none.json' }, 'there is no `none.json`'],
    [
      'a file outside tests/',
      { ...TEST, entities: '../entities.json' },
      'there is no `../entities.json`',
    ],
    ['an unknown field', { ...TEST, reasons: [] }, 'unknown field `[0].reasons`'],
    ['decision error', { ...TEST, decision: 'error' }, '`[0].decision` must be one of'],
    ['no num_errors', { ...TEST, num_errors: undefined }, '`[0].num_errors` is missing'],
    [
      'a principal that is no reference',
      { ...TEST, request: { ...TEST.request, principal: 'w' } },
      'must have the form',
    ],
    [
      'no context',
      { ...TEST, request: { ...TEST.request, context: undefined } },
      '`[0].request.context` is missing',
    ],
  ])('is refused with %s', (_name, test, message) => {
    const result = parse(source([test]));
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.problems[0].message).toContain(message);
    expect(result.problems[0]).toMatchObject({ code: 'test_invalid', file: 'tests/a.json' });
    expect(result.problems[0].line).toBeGreaterThan(0);
  });

  it.each(['', '[]', '{}', '[', '[1.5]', '[{"a": 1, "a": 2}]', "['a']", '- a'])(
    'file is refused when it is %s',
    (text) => expect(parse(source(text)).ok).toBe(false),
  );
});
