import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  REASON_CHARS_MAX,
  ROLLOUT_BLOCKS_MAX,
  ROLLOUT_DESTINATIONS_MAX,
  ROLLOUT_EXCEPTIONS_MAX,
  ROLLOUT_SLICES_MAX,
  YAML_BYTES_MAX,
} from '../../../src/constants.js';
import {
  bundleRefText,
  CHANGE_TYPES,
  parseBundleRef,
  parseRolloutSource,
  readRolloutSource,
} from '../../../src/rollout/source.js';
import { resultValue } from '../../support/result.js';
import { SOURCE } from '../../support/rollout-source.js';

const FILE = 'rollouts/production/payments.yaml';
const parse = (text: string) => parseRolloutSource(text, FILE);

/** The source with one text in place of another, which must be in it. */
function but(old: string, now: string, text = SOURCE): string {
  if (!text.includes(old)) throw new Error(`the source has no ${old}`);
  return text.replace(old, () => now);
}

/** Without what may be left out. */
const SHORT = SOURCE.slice(0, SOURCE.indexOf('candidate:'));
const list = (length: number, item: (i: number) => string) =>
  Array.from({ length }, (_, i) => item(i)).join(', ');

describe('the source of a rollout', () => {
  it('is read whole', () => {
    expect(resultValue(parse(SOURCE))).toEqual({
      name: 'payments',
      environment: 'production',
      destinations: [{ service: 'shop/payments', onFault: 'fail', requireLog: false }],
      change: {
        type: 'normal',
        ticket: 'CHG-1041',
        owner: 'team-payments',
        reason: 'enforce reads',
        reviewByMs: Date.UTC(2027, 1, 22),
      },
      bundle: { name: 'payments', version: '2026.11.3' },
      candidate: { name: 'payments', version: '2026.11.4' },
      enforce: [{ name: 'reads', match: { access: 'read', percent: 25 } }],
      hold: [{ name: 'partners', match: { callers: ['spiffe://partner.example/**'] } }],
      exceptions: [
        {
          name: 'orders-refunds',
          ticket: 'INC-99',
          owner: 'team-orders',
          reason: 'missing grant seen in shadow',
          match: {
            callers: ['spiffe://example.org/ns/shop/sa/orders'],
            access: 'write',
            routes: ['refund'],
          },
          fromMs: Date.UTC(2026, 10, 20),
          untilMs: Date.UTC(2026, 11, 1) + 500,
          overrideForbid: false,
        },
      ],
      blocks: [],
    });
  });

  it('needs no candidate and no lists: all is in shadow', () => {
    expect(resultValue(parse(SHORT))).toMatchObject({
      candidate: undefined,
      enforce: [],
      hold: [],
      exceptions: [],
      blocks: [],
    });
  });

  it.each(['enforce', 'hold', 'exceptions', 'blocks'] as const)(
    'may have a list %s whose entries are all commented out',
    (field) => {
      expect(resultValue(parse(`${SHORT}${field}:\n  # - {name: a}\n`))[field]).toEqual([]);
    },
  );

  it('fails where it cannot decide, and needs no log, unless it says so', () => {
    const destinations =
      'destinations: [{service: shop/payments}, {service: shop/cart, onFault: deny, requireLog: true}]';
    const text = SOURCE.replace(/^destinations: .*$/m, destinations);
    expect(resultValue(parse(text)).destinations).toEqual([
      { service: 'shop/payments', onFault: 'fail', requireLog: false },
      { service: 'shop/cart', onFault: 'deny', requireLog: true },
    ]);
  });

  it('may match by everything that the format has', () => {
    const match = {
      callers: ['spiffe://example.org/ns/*/sa/pay-*', 'spiffe://example.org/**', 'anonymous'],
      namespaces: ['shop', 'Shop_2.x'],
      trustDomains: ['example.org'],
      tenants: ['Acme & Söhne'],
      destinations: ['shop/payments'],
      routes: ['refund'],
      actions: ['GET', 'M-SEARCH', 'rpc', 'connect'],
      access: 'write',
      unidentified: true,
    };
    const text = `${SHORT}enforce: [{name: all, match: {}}, {name: a, match: ${JSON.stringify(match)}}]\n`;
    expect(resultValue(parse(text)).enforce).toEqual([
      { name: 'all', match: {} },
      { name: 'a', match },
    ]);
  });

  it.each(CHANGE_TYPES)('may be a change of type %s', (type) => {
    expect(resultValue(parse(but('type: normal', `type: ${type}`))).change.type).toBe(type);
  });

  it('may have an exception that stands above a forbid, and blocks', () => {
    const at = 'from: 2026-11-20T00:00:00Z, until: 2026-11-21T00:00:00Z';
    const rest = `ticket: INC-1, owner: sre, reason: abuse, match: {namespaces: [a]}, ${at}`;
    const text = `${SHORT}exceptions: [{name: a, ${rest}, overrideForbid: true}]\nblocks: [{name: a, ${rest}}]\n`;
    const source = resultValue(parse(text));
    expect(source.exceptions[0]?.overrideForbid).toBe(true);
    expect(source.blocks).toEqual([
      {
        name: 'a',
        ticket: 'INC-1',
        owner: 'sre',
        reason: 'abuse',
        match: { namespaces: ['a'] },
        fromMs: Date.UTC(2026, 10, 20),
        untilMs: Date.UTC(2026, 10, 21),
      },
    ]);
  });

  it('comes with its document, for places of what is found later', () => {
    const { source, document } = resultValue(readRolloutSource(SOURCE, FILE));
    expect(source).toEqual(resultValue(parse(SOURCE)));
    expect(document).toMatchObject({ file: FILE, text: SOURCE });
  });

  it('is read or refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(SOURCE.length), (text, at) => {
        const result = parse(SOURCE.slice(0, at) + text + SOURCE.slice(at));
        if (result.ok) return;
        expect(result.problems[0]).toMatchObject({ code: 'rollout_invalid', file: FILE });
      }),
    );
  });

  it('has as many entries as the limits say', () => {
    const slices = (n: number, field: string) =>
      `${field}: [${list(n, (i) => `{name: ${field}-${i}, match: {}}`)}]\n`;
    const half = ROLLOUT_SLICES_MAX / 2;
    expect(parse(SHORT + slices(half, 'enforce') + slices(half, 'hold')).ok).toBe(true);
    expect(parse(SHORT + slices(ROLLOUT_SLICES_MAX, 'hold')).ok).toBe(true);
    const entries = (n: number, field: string) =>
      `${field}: [${list(n, (i) => `{name: a-${i}, ${ENTRY}}`)}]\n`;
    expect(parse(SHORT + entries(ROLLOUT_BLOCKS_MAX, 'blocks')).ok).toBe(true);
    expect(parse(SHORT + entries(ROLLOUT_EXCEPTIONS_MAX, 'exceptions')).ok).toBe(true);
  });
});

const ENTRY =
  'ticket: I-1, owner: sre, reason: r, match: {access: read}, from: 2026-11-20T00:00:00Z, until: 2026-11-21T00:00:00Z';

/** What is wrong, how it is said, and what stands at the line and column that are told. */
type Refusal = readonly [name: string, text: string, message: string, at: string];

const withMatch = (match: string, field = 'enforce') =>
  `${SHORT}${field}: [{name: a, match: ${match}}]\n`;
const withCaller = (caller: string) => withMatch(`{callers: ["${caller}"]}`);
const withEntry = (entry: string, field = 'blocks') => `${SHORT}${field}: [{name: a, ${entry}}]\n`;
const withChange = (field: string, value: string) =>
  SOURCE.replace(new RegExp(`${field}: [^,}]+`), () => `${field}: ${value}`);

const HEAD_REFUSALS: readonly Refusal[] = [
  ['another version', but('dev/v1', 'dev/v2'), '`apiVersion` must be one of', 'cedargate.dev/v2'],
  ['no version', but('apiVersion: cedargate.dev/v1\n', ''), '`apiVersion` must be', 'kind'],
  ['another kind', but('PolicyRollout', 'Rollout'), '`kind` must be one of', 'Rollout'],
  ['an unknown field', `${SOURCE}paused: true\n`, 'unknown field `paused`', 'paused'],
  ['a name of other letters', but('name: payments', 'name: Pay'), '`name` must be 1 to 63', 'Pay'],
  ['a name as a number', but('name: payments', 'name: 1.10'), 'but `1.10` is a number', '1.10'],
  ['an environment of other letters', but('production\n', 'Prod\n'), '`environment` must', 'Prod'],
  ['no environment', but('environment: production\n', ''), '`environment` is missing', 'apiV'],
  [
    'no destinations',
    but(
      'destinations: [{service: shop/payments, onFault: fail, requireLog: false}]',
      'destinations: []',
    ),
    '`destinations` must not be empty',
    '[]',
  ],
  ['a destination of a pattern', but('shop/payments', 'shop/*'), '`<namespace>/<name>`', 'shop/*'],
  [
    'a destination as text',
    SOURCE.replace(/^destinations: .*$/m, 'destinations: [shop/payments]'),
    'must be a map',
    'shop/payments]',
  ],
  [
    'a destination twice',
    but('[{service', '[{service: shop/payments}, {service'),
    'is there already',
    'shop/payments, onF',
  ],
  ['a destination with more', but('onFault: fail', 'retries: 3'), 'unknown field', 'retries'],
  [
    'an answer to faults that is none',
    but('fail', 'open'),
    'must be one of `fail`, `allow`, `deny`',
    'open',
  ],
  ['requireLog as text', but('requireLog: false', 'requireLog: "no"'), 'true or false', '"no"'],
  [
    'a bundle without a version',
    but('payments@2026.11.3', 'payments'),
    '`NAME@VERSION`',
    'payments\ncand',
  ],
  ['a bundle with two versions', but('@2026.11.3', '@1@2'), '`NAME@VERSION`', 'payments@1@2'],
  ['a bundle by a path', but('payments@2026.11.3', '../payments@1'), '`NAME@VERSION`', '../pay'],
  [
    'a bundle with a version of spaces',
    but('@2026.11.3', '@1 0'),
    '`NAME@VERSION`',
    'payments@1 0',
  ],
  ['no bundle', but('bundle: payments@2026.11.3\n', ''), '`bundle` is missing', 'apiVersion'],
  [
    'an empty candidate',
    but('candidate: payments@2026.11.4', 'candidate:'),
    'must be text',
    '\nenforce',
  ],
  [
    'a candidate that runs already',
    but('2026.11.4', '2026.11.3'),
    'is what `bundle` is',
    'payments@2026.11.3\nenf',
  ],
];

const CHANGE_REFUSALS: readonly Refusal[] = [
  ['no change', SOURCE.replace(/^change: .*\n/m, ''), '`change` is missing', 'apiVersion'],
  ['another type', withChange('type', 'urgent'), '`change.type` must be one of', 'urgent'],
  ['a ticket as a number', withChange('ticket', '1041'), 'quote it: ticket: "1041"', '1041'],
  ['no ticket', but('ticket: CHG-1041, ', ''), '`change.ticket` is missing', '{type'],
  ['an empty ticket', withChange('ticket', '""'), '`change.ticket` must not be empty', '""'],
  ['a blank ticket', withChange('ticket', '" "'), '`change.ticket` must not be blank', '" "'],
  ['a ticket of two lines', withChange('ticket', '"a\\nb"'), 'one line of text', '"a\\nb"'],
  ['a ticket that turns text around', withChange('ticket', '"\\u202e"'), 'one line', '"\\u202e"'],
  ['a long ticket', withChange('ticket', 'x'.repeat(129)), 'at most 128', 'xxx'],
  ['a blank owner', withChange('owner', '" "'), '`change.owner` must not be blank', '" "'],
  ['no owner', but(', owner: team-payments', ''), '`change.owner` is missing', '{type'],
  ['no reason', but(', reason: enforce reads', ''), '`change.reason` is missing', '{type'],
  ['a blank reason', withChange('reason', '" "'), '`change.reason` must not be blank', '" "'],
  ['a reason of two lines', withChange('reason', '"a\\nb"'), 'one line of text', '"a\\nb"'],
  ['a long reason', withChange('reason', 'x'.repeat(REASON_CHARS_MAX + 1)), 'at most', 'xxx'],
  ['no review', but(', reviewBy: 2027-02-22', ''), '`change.reviewBy` is missing', '{type'],
  ['a day that is none', withChange('reviewBy', '2027-02-29'), 'must be a day', '2027-02-29'],
  ['a day of another form', withChange('reviewBy', '22.02.2027'), 'must be a day', '22.02'],
  ['a time as a day', withChange('reviewBy', '2027-02-22T00:00:00Z'), 'must be a day', '2027'],
  ['more about the change', withChange('type', 'normal, url: x'), 'unknown field', 'url'],
];

const MATCH_REFUSALS: readonly Refusal[] = [
  ['a match that is missing', `${SHORT}enforce: [{name: a}]\n`, 'match` is missing', '{name: a}'],
  [
    'a slice with more',
    `${SHORT}enforce: [{name: a, match: {}, from: x}]\n`,
    'unknown field',
    'from',
  ],
  [
    'a held slice with more',
    `${SHORT}hold: [{name: a, match: {}, until: x}]\n`,
    'unknown field',
    'until',
  ],
  ['a slice of no name', `${SHORT}hold: [{match: {}}]\n`, 'name` is missing', '{match'],
  ['a slice of other letters', `${SHORT}hold: [{name: A, match: {}}]\n`, 'must be 1 to 63', 'A,'],
  [
    'one name twice',
    `${SHORT}hold: [{name: a, match: {}}, {name: a, match: {}}]\n`,
    'slice `a` is there',
    'a, match: {}}]',
  ],
  [
    'one name in both lists',
    `${SHORT}enforce: [{name: b, match: {}}]\nhold: [{name: b, match: {}}]\n`,
    'slice `b` is there',
    'b, match: {}}]\n',
  ],
  ['an unknown key', withMatch('{hosts: [a]}'), 'unknown field', 'hosts'],
  ['an empty list', withMatch('{callers: []}'), 'must not be empty', '[]}'],
  ['one value twice', withMatch('{routes: [a, a]}'), 'names a value twice', '[a, a]'],
  ['no list', withMatch('{callers: anonymous}'), 'must be a list', 'anonymous}'],
  ['a caller that is none', withCaller('orders'), 'must be `anonymous` or a SPIFFE ID', '"orders'],
  ['any caller', withCaller('*'), 'must be `anonymous` or a SPIFFE ID', '"*"'],
  ['any trust domain', withCaller('spiffe://*/ns/a'), 'a whole trust domain', '"spiffe:'],
  ['part of a trust domain', withCaller('spiffe://*.org/ns/a'), 'a whole trust domain', '"spiffe:'],
  ['a trust domain of capitals', withCaller('spiffe://Example.org/a'), 'a whole trust', '"spiffe:'],
  ['a trust domain of a port', withCaller('spiffe://a:80/a'), 'a whole trust domain', '"spiffe:'],
  ['no trust domain', withCaller('spiffe:///a'), 'a whole trust domain', '"spiffe:'],
  ['a long trust domain', withCaller(`spiffe://${'a'.repeat(256)}/a`), 'a whole trust', '"spiffe:'],
  ['`**` in the middle', withCaller('spiffe://a/**/b'), '`**` as the last segment', '"spiffe:'],
  ['`**` twice', withCaller('spiffe://a/**/**'), '`**` as the last segment', '"spiffe:'],
  ['`**` within a segment', withCaller('spiffe://a/b**'), 'has a segment that is none', '"spiffe:'],
  ['`***`', withCaller('spiffe://a/***'), 'has a segment that is none', '"spiffe:'],
  ['an empty segment', withCaller('spiffe://a//b'), 'has a segment that is none', '"spiffe:'],
  ['a slash at the end', withCaller('spiffe://a/b/'), 'has a segment that is none', '"spiffe:'],
  ['a dot segment', withCaller('spiffe://a/../b'), 'has a segment that is none', '"spiffe:'],
  ['a query', withCaller('spiffe://a/b?c'), 'has a segment that is none', '"spiffe:'],
  ['an encoded letter', withCaller('spiffe://a/%62'), 'has a segment that is none', '"spiffe:'],
  ['many stars', withCaller(`spiffe://a/${'*a'.repeat(9)}`), 'at most 8 `*`', '"spiffe:'],
  ['a long caller', withCaller(`spiffe://a/${'b'.repeat(2_048)}`), 'longer than', '"spiffe:'],
  [
    'a pattern of namespaces',
    withMatch('{namespaces: ["shop-*"]}'),
    'must be a namespace',
    '"shop',
  ],
  ['a long namespace', withMatch(`{namespaces: [${'a'.repeat(2_049)}]}`), 'longer than', 'aaa'],
  ['a namespace as a number', withMatch('{namespaces: [7]}'), 'but `7` is a number', '7]'],
  ['a pattern of trust domains', withMatch('{trustDomains: ["*.org"]}'), 'a trust domain', '"*'],
  ['a pattern of tenants', withMatch('{tenants: ["a*"]}'), 'must be plain text', '"a*'],
  ['an empty tenant', withMatch('{tenants: [""]}'), 'must be plain text', '""'],
  ['a hidden letter in a tenant', withMatch('{tenants: ["a\\u200b"]}'), 'must be plain', '"a'],
  ['a long tenant', withMatch(`{tenants: [${'a'.repeat(257)}]}`), 'at most 256', 'aaa'],
  ['a pattern of destinations', withMatch('{destinations: ["shop/*"]}'), '`<namespace>/', '"shop'],
  [
    'another destination',
    withMatch('{destinations: [shop/cart]}'),
    '`shop/cart` is no destination',
    'shop/cart',
  ],
  [
    'another destination in hold',
    withMatch('{destinations: [shop/cart]}', 'hold'),
    '`shop/cart` is no',
    'shop/cart',
  ],
  [
    'another destination in a block',
    withEntry(but('access: read', 'destinations: [a/b]', ENTRY)),
    '`a/b` is no',
    'a/b]',
  ],
  [
    'another destination in an exception',
    withEntry(but('access: read', 'destinations: [a/b]', ENTRY), 'exceptions'),
    '`a/b` is no',
    'a/b]',
  ],
  ['a route that is none', withMatch('{routes: ["/refunds"]}'), 'must be 1 to 63', '"/ref'],
  ['a method in lower case', withMatch('{actions: [get]}'), 'must be a method', 'get]'],
  ['the group of reads as an action', withMatch('{actions: [read]}'), 'see `access`', 'read]'],
  ['an access that is none', withMatch('{access: rw}'), 'must be one of `read`, `write`', 'rw}'],
  ['unidentified: false', withMatch('{unidentified: false}'), 'must be one of `true`', 'false}'],
  ['a share of nobody', withMatch('{percent: 0}'), 'from 1 to 99', '0}'],
  ['a share of everybody', withMatch('{percent: 100}'), 'from 1 to 99', '100}'],
  ['a share with a fraction', withMatch('{percent: 12.5}'), 'from 1 to 99', '12.5}'],
  ['a share as text', withMatch('{percent: "25"}'), 'must be a number', '"25"'],
  [
    'a share of anonymous callers',
    withMatch('{callers: [anonymous], percent: 5}'),
    'never takes anonymous',
    '5}',
  ],
  [
    'a share of anonymous and other callers',
    withMatch('{callers: ["spiffe://a/b", anonymous], percent: 5}'),
    'never takes anonymous',
    '5}',
  ],
  [
    'a share of callers that cannot be read',
    withMatch('{unidentified: true, percent: 5}'),
    'never takes callers whose identity',
    '5}',
  ],
  ['a share in hold', withMatch('{percent: 5}', 'hold'), 'is for `enforce` only', '5}'],
  [
    'a share in a block',
    withEntry(but('access: read', 'access: read, percent: 5', ENTRY)),
    'is for `enforce` only',
    '5}',
  ],
  [
    'a share in an exception',
    withEntry(but('access: read', 'access: read, percent: 5', ENTRY), 'exceptions'),
    'is for `enforce` only',
    '5}',
  ],
];

const entryRefusals = (field: 'exceptions' | 'blocks'): readonly Refusal[] => {
  const entry = (old: string, now: string) => withEntry(but(old, now, ENTRY), field);
  return [
    [`${field} of everything`, entry('{access: read}', '{}'), 'must not be empty', '{}'],
    [
      `${field} without a match`,
      entry('match: {access: read}, ', ''),
      'match` is missing',
      '{name',
    ],
    [`${field} without a ticket`, entry('ticket: I-1, ', ''), 'ticket` is missing', '{name'],
    [`${field} with a blank ticket`, entry('I-1', '" "'), 'must not be blank', '" "'],
    [`${field} without an owner`, entry('owner: sre, ', ''), 'owner` is missing', '{name'],
    [`${field} with a blank owner`, entry('sre', '" "'), 'must not be blank', '" "'],
    [`${field} without a reason`, entry('reason: r, ', ''), 'reason` is missing', '{name'],
    [`${field} with a blank reason`, entry('reason: r', 'reason: " "'), 'not be blank', '" "'],
    [
      `${field} without a beginning`,
      entry('from: 2026-11-20T00:00:00Z, ', ''),
      'from` is',
      '{name',
    ],
    [`${field} without an end`, entry(', until: 2026-11-21T00:00:00Z', ''), 'until` is', '{name'],
    [
      `${field} from a day`,
      entry('2026-11-20T00:00:00Z', '2026-11-20'),
      'a time in UTC',
      '2026-11-20,',
    ],
    [
      `${field} that end at once`,
      entry('2026-11-21', '2026-11-20'),
      'later than `from`',
      '2026-11-20T00:00:00Z}',
    ],
    [
      `${field} that end before`,
      entry('2026-11-21', '2026-11-19'),
      'later than `from`',
      '2026-11-19',
    ],
    [
      `${field} of other letters`,
      `${SHORT}${field}: [{name: A_, ${ENTRY}}]\n`,
      'must be 1 to 63',
      'A_',
    ],
    [
      `${field} of one name`,
      `${SHORT}${field}: [{name: a, ${ENTRY}}, {name: a, ${ENTRY}}]\n`,
      '`a` is there already',
      'a, ',
    ],
    [`${field} with more`, entry('owner', 'url: x, owner'), 'unknown field', 'url'],
  ];
};

const MORE_REFUSALS: readonly Refusal[] = [
  ['a block above a forbid', withEntry(`${ENTRY}, overrideForbid: true`), 'unknown field', 'overr'],
  [
    'overrideForbid as text',
    withEntry(`${ENTRY}, overrideForbid: "y"`, 'exceptions'),
    'true or',
    '"y"',
  ],
  [
    'more slices than the limit',
    `${SHORT}enforce: [${list(ROLLOUT_SLICES_MAX, (i) => `{name: a-${i}, match: {}}`)}]\nhold: [{name: b, match: {}}]\n`,
    'more than 100 slices',
    'enforce',
  ],
  [
    'more held slices than the limit',
    `${SHORT}hold: [${list(ROLLOUT_SLICES_MAX + 1, (i) => `{name: a-${i}, match: {}}`)}]\n`,
    'more than 100 slices',
    'hold',
  ],
  [
    'more blocks than the limit',
    `${SHORT}blocks: [${list(ROLLOUT_BLOCKS_MAX + 1, (i) => `{name: a-${i}, ${ENTRY}}`)}]\n`,
    'at most 100 entries',
    '[',
  ],
  [
    'more exceptions than the limit',
    `${SHORT}exceptions: [${list(ROLLOUT_EXCEPTIONS_MAX + 1, (i) => `{name: a-${i}, ${ENTRY}}`)}]\n`,
    'at most 1000 entries',
    '[',
  ],
  [
    'more destinations than the limit',
    SOURCE.replace(
      /^destinations: .*$/m,
      `destinations: [${list(ROLLOUT_DESTINATIONS_MAX + 1, (i) => `{service: a/b-${i}}`)}]`,
    ),
    'at most 1000 entries',
    '[',
  ],
  [
    'more values than the limit',
    withMatch(`{routes: [${list(1_001, (i) => `a-${i}`)}]}`),
    'at most 1000 values',
    '[a-0',
  ],
];

const YAML_REFUSALS: readonly Refusal[] = [
  ['an anchor', but('fail,', '&f fail,'), 'the anchor `&f`', 'fail,'],
  ['a tag', but('CHG-1041', '!!str CHG-1041'), 'the tag', 'CHG-1041'],
  [
    'a key twice',
    `${SOURCE}bundle: payments@2\n`,
    'the key `bundle` is not unique',
    'bundle: payments@2\n',
  ],
  ['a second document', `${SOURCE}---\na: 1\n`, 'more than one document', '---'],
  ['an open bracket', but('blocks: []', 'blocks: ['), '', ''],
];

describe('the source of a rollout is refused', () => {
  it.each([
    ...HEAD_REFUSALS,
    ...CHANGE_REFUSALS,
    ...MATCH_REFUSALS,
    ...entryRefusals('exceptions'),
    ...entryRefusals('blocks'),
    ...MORE_REFUSALS,
    ...YAML_REFUSALS,
  ])('with %s', (_name, text, message, at) => {
    const result = parse(text);
    if (result.ok) throw new Error('the source was taken');
    expect(result.problems.map((p) => p.code)).toEqual(
      result.problems.map(() => 'rollout_invalid'),
    );
    const found = result.problems.find((p) => `${p.message} ${p.help ?? ''}`.includes(message));
    expect(found, JSON.stringify(result.problems)).toMatchObject({
      file: FILE,
      line: expect.any(Number),
      column: expect.any(Number),
    });
    const lines = text.split('\n').slice((found?.line ?? 1) - 1);
    const there = [...lines.join('\n')].slice((found?.column ?? 1) - 1).join('');
    expect(there.slice(0, at.length)).toBe(at);
  });

  it('when it is larger than YAML files may be', () => {
    const text = `${SOURCE}${'#'.repeat(YAML_BYTES_MAX)}\n`;
    expect(parse(text)).toMatchObject({ problems: [{ code: 'rollout_invalid', file: FILE }] });
  });

  it.each([
    ['nothing', ''],
    ['a comment', '# later\n'],
    ['a list', '- a\n'],
  ])('when it is %s', (_name, text) => {
    expect(parse(text)).toMatchObject({
      problems: [{ code: 'rollout_invalid', message: expect.stringContaining('must be a map') }],
    });
  });

  it('with every problem, in the order of the file', () => {
    const text = but('access: read, percent: 25', 'access: r', but('CHG-1041', '1', SOURCE));
    const result = parse(text);
    expect(result.ok ? [] : result.problems.map(({ line }) => line)).toEqual([7, 11]);
  });
});

describe('NAME@VERSION', () => {
  it('is a name and a version', () => {
    expect(parseBundleRef('payments@2026.11.3')).toEqual({
      name: 'payments',
      version: '2026.11.3',
    });
  });

  it.each(['', '@', 'a@', '@1', 'a', 'A@1', 'a@1@2', 'a@1/2', ' a@1', 'a@1 ', 'a@1\n', 'a@é'])(
    'is not %j',
    (text) => {
      expect(parseBundleRef(text)).toBeUndefined();
    },
  );

  it('is written as it is read', () => {
    expect(bundleRefText({ name: 'a', version: '1.10' })).toBe('a@1.10');
  });
});
