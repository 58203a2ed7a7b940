import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CheckError, DecisionInput } from '../../../src/check/types.js';
import { MASKED, mask } from '../../../src/decision-log/mask.js';
import { maskSettings } from '../../support/decision-logs.js';
import '../../support/properties.js';

function input(context: DecisionInput['context']): DecisionInput {
  return {
    principal: { type: 'Workload', id: 'spiffe://example.org/ns/shop/sa/orders' },
    action: 'GET',
    resource: { type: 'Service', id: 'shop/payments' },
    context,
  };
}

const SETTINGS = maskSettings({ headers: ['x-tenant'], claims: ['tier'], query: ['page'] });

describe('mask', () => {
  test('shows values of allow-listed names and hides all others, names stay', () => {
    const context = {
      path: 'a/b',
      headers: { 'x-tenant': 'blue', 'x-key': 'k' },
      claims: { tier: { level: 1 }, sub: 's', nested: { a: 1 } },
      query: { page: ['1'], token: ['t'] },
      params: { id: '7' },
    };
    const masked = mask(input(context), [], SETTINGS);
    expect(masked.replayable).toBe(false);
    expect(masked.input?.context).toEqual({
      path: 'a/b',
      headers: { 'x-tenant': 'blue', 'x-key': MASKED },
      claims: { tier: { level: 1 }, sub: MASKED, nested: MASKED },
      query: { page: ['1'], token: MASKED },
      params: { id: '7' },
    });
  });

  test('an input of which nothing is masked is replayable', () => {
    const context = { path: 'a', headers: { 'x-tenant': 'blue' }, query: { page: ['1'] } };
    const masked = mask(input(context), [], SETTINGS);
    expect(masked).toMatchObject({ replayable: true, input: { context } });
  });

  test('without an input nothing is replayable', () => {
    expect(mask(undefined, [], SETTINGS)).toMatchObject({ input: undefined, replayable: false });
  });

  test('texts of context.task follow the claims they come from, its numbers are shown', () => {
    const expiresAt = { __extn: { fn: 'datetime', arg: '2026-11-22T10:00:00.000Z' } };
    const task = {
      id: 'i',
      kind: 'k',
      intent: 'n',
      chain: ['c'],
      expiresAt,
      credentialSeconds: 60,
    };
    const show = (claims: string[]) =>
      mask(input({ task }), [], maskSettings({ claims })).input?.context.task;
    const numbers = { expiresAt, credentialSeconds: 60 };
    expect(show([])).toEqual({
      id: MASKED,
      kind: MASKED,
      intent: MASKED,
      chain: MASKED,
      ...numbers,
    });
    expect(show(['task_id', 'task_kind', 'task_intent', 'act'])).toEqual(task);
    expect(show(['task_kind'])).toMatchObject({ id: MASKED, kind: 'k', intent: MASKED });
  });

  test('a record that is no record is hidden whole', () => {
    for (const odd of ['text', 7, null, ['a']]) {
      const masked = mask(input({ headers: odd }), [], SETTINGS);
      expect(masked).toMatchObject({ replayable: false, input: { context: { headers: MASKED } } });
    }
  });

  test('`__proto__` is a name like any other', () => {
    const headers = JSON.parse('{"__proto__": "secret-value", "constructor": "secret-value"}');
    const masked = mask(input({ headers }), [], SETTINGS);
    expect(JSON.stringify(masked.input?.context)).toBe(
      '{"headers":{"__proto__":"[masked]","constructor":"[masked]"}}',
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

const ENGINE: readonly (readonly [message: string, shown: string])[] = [
  ['record does not have the attribute `zz`', 'record does not have the attribute `zz`'],
  ['type error: expected long, got string', 'type error: expected long, got string'],
  [
    'type error: expected one of [set, (entity of type `any_entity_type`)], got string',
    'type error: expected one of [set, (entity of type `any_entity_type`)], got string',
  ],
  [
    'integer overflow while attempting to add the values `77777` and `9223372036854775807`',
    'integer overflow while attempting to add: [masked]',
  ],
  [
    'error while evaluating `ipaddr` extension function: invalid IP address: SEC"RET',
    'error while evaluating `ipaddr` extension function: [masked]',
  ],
  ['`Workload::"w"` does not have the tag `secret`', '[masked]'],
  ['anything the engine may say tomorrow: secret', '[masked]'],
];

describe('masked error messages', () => {
  const error = (message: string): CheckError => ({
    code: 'policy_evaluation',
    message,
    policy: 'p1',
  });

  test.each(ENGINE)('of the engine: %s', (message, shown) => {
    const hidden = mask(input({ headers: { 'x-key': 'k' } }), [error(message)], SETTINGS);
    expect(hidden.errors).toEqual([error(shown)]);
    const open = mask(input({ path: 'a' }), [error(message)], SETTINGS);
    expect(open.errors).toEqual([error(message)]);
  });

  test('a fault without an input is not quoted either', () => {
    const fault = { code: 'internal_fault', message: 'cannot parse Bearer abc' };
    expect(mask(undefined, [fault], SETTINGS).errors).toEqual([{ ...fault, message: '[masked]' }]);
  });
});

describe('property', () => {
  /** Values that are found again wherever they turn up; escapes included. */
  const marker = fc
    .tuple(fc.constantFrom('', '"', '\\', '\n', 'é', '`'), fc.nat({ max: 99_999 }))
    .map(([odd, n]) => `SECRET${odd}MARK${n}`);
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      marker,
      fc.array(marker, { maxLength: 3 }),
      fc.dictionary(fc.string(), tie('any'), { maxKeys: 3, noNullPrototype: false }),
    ),
  })).any;
  const fields = fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), value, {
    maxKeys: 4,
    noNullPrototype: false,
  });
  const context = fc.record(
    { headers: fields, claims: fields, query: fields, task: fields, path: fc.constant('a/b') },
    { requiredKeys: [], noNullPrototype: false },
  );
  const quote = fc.constantFrom(
    (text: string) => text,
    (text: string) => `type error: expected ${text}, got string`,
    (text: string) => `record does not have the attribute \`${text}\``,
    (text: string) => `error while evaluating \`ipaddr\` extension function: ${text}`,
  );
  const code = fc.constantFrom('policy_evaluation', 'engine_refused', 'value_ignored');

  function markersIn(what: unknown): string[] {
    if (typeof what === 'string') return what.includes('SECRET') ? [what] : [];
    if (typeof what !== 'object' || what === null) return [];
    return Object.values(what).flatMap(markersIn);
  }

  test('no part of a hidden value is in the result, its errors included', () => {
    fc.assert(
      fc.property(context, quote, code, (given, asked, errorCode) => {
        const secrets = markersIn(given);
        const errors = secrets.map((text) => ({ code: errorCode, message: asked(text) }));
        const masked = mask(input(given as DecisionInput['context']), errors, maskSettings());
        expect(JSON.stringify(masked)).not.toContain('SECRET');
        expect(masked.replayable).toBe(markersIn(given).length === 0 && !hasHidden(given));
      }),
    );
  });

  /** A record may hold only empty records: nothing to find, but still masked. */
  function hasHidden(given: object): boolean {
    return Object.entries(given).some(
      ([name, record]) => name !== 'path' && Object.keys(record).length > 0,
    );
  }

  test('what was given is never changed', () => {
    fc.assert(
      fc.property(context, (given) => {
        const before = JSON.stringify(given);
        mask(input(given as DecisionInput['context']), [], maskSettings());
        expect(JSON.stringify(given)).toBe(before);
      }),
    );
  });
});
