import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkTrustDigest, parseTrust } from '../../../src/rollout/trust.js';
import { resultValue } from '../../support/result.js';
import { keyEntry, testKey, trustText } from '../../support/trust.js';

const ada = testKey('ada-1');
const ada2 = testKey('ada-2', 'ecdsa-p256');
const bob = testKey('bob-1', 'ecdsa-p256');

const PEOPLE = [
  '  ada: {name: Ada, email: ada@example.org, keys: [ada-1, ada-2]}',
  '  bob: {name: Bob, email: bob@example.org, keys: [bob-1]}',
  '  carol: {name: Carol, email: carol@example.org, keys: []}',
  '',
].join('\n');
const KEYS = keyEntry(ada) + keyEntry(ada2) + keyEntry(bob);
const ROLES = '  bundleSigner: {people: [ada, bob], threshold: 2}\n';
const PARTS = { people: PEOPLE, keys: KEYS, roles: ROLES };
const BASE = trustText(PARTS);

const parse = (text: string | Uint8Array) =>
  parseTrust(typeof text === 'string' ? Buffer.from(text) : text, 'trust.yaml');

describe('trust.yaml', () => {
  it('needs people, keys and who may sign bundles, no more', () => {
    const trust = resultValue(parse(BASE));
    expect([...trust.people.keys()]).toEqual(['ada', 'bob', 'carol']);
    expect(trust.people.get('ada')).toMatchObject({
      name: 'Ada',
      email: 'ada@example.org',
      keys: [
        { id: 'ada-1', publicKey: { id: ada.publicKey.id }, fromMs: Date.UTC(2026, 0) },
        { id: 'ada-2', publicKey: { id: ada2.publicKey.id, type: 'ecdsa-p256' } },
      ],
    });
    expect(trust.bundleSigners.threshold).toBe(2);
    expect([...trust.bundleSigners.people].map(([name, keys]) => [name, keys.length])).toEqual([
      ['ada', 2],
      ['bob', 1],
    ]);
    expect(trust).toMatchObject({
      thresholds: undefined,
      destinations: [],
      environments: [],
      limits: {},
      refuseExpired: false,
    });
    expect(trust.gates.size).toBe(0);
  });

  it('has the digest of its bytes', () => {
    const { digest } = resultValue(parse(BASE));
    expect(digest).toBe(`sha256:${createHash('sha256').update(BASE).digest('hex')}`);
    expect(resultValue(parse(`${BASE}# reviewed\n`)).digest).not.toBe(digest);
  });

  it('knows when a key counts', () => {
    const times = [
      'from: 2026-01-01T00:00:00Z',
      'until: 2027-01-01T00:00:00.500Z',
      'retired: 2026-06-01T12:00:00Z',
    ];
    const keys = keyEntry(ada, times) + keyEntry(ada2) + keyEntry(bob);
    expect(resultValue(parse(trustText({ ...PARTS, keys }))).keys.get('ada-1')).toMatchObject({
      fromMs: Date.UTC(2026, 0),
      untilMs: Date.UTC(2027, 0) + 500,
      retiredMs: Date.UTC(2026, 5, 1, 12),
    });
  });

  it('takes everything that the format has', () => {
    const roles = [
      ROLES.trimEnd(),
      '  author: {people: [ada, bob], threshold: 1}',
      '  approver: {people: [ada, bob, carol], threshold: 1}',
      '  emergency: {people: [bob], threshold: 1}',
      '',
    ].join('\n');
    const more = [
      'thresholds: {low: 1, high: 2}',
      'destinations:',
      '  - {match: shop/payments, impact: high, tier: "3", approvers: [ada, bob], threshold: 2}',
      '  - {match: "**", impact: low, tier: standard}',
      'environments:',
      '  - {name: dev}',
      '  - {name: test, after: dev}',
      '  - {name: production, after: test, soak: 7d}',
      'gates:',
      '  "3": {minDuration: 24h, minChecks: 1000, expectedCallers: ["spiffe://example.org/**"]}',
      '  standard: {maxErrorShare: 0.01, maxAnonymousShare: 0, maxP99Ms: 2.5}',
      'limits:',
      '  maxException: 30d',
      '  maxBlock: 24h',
      '  reconcileWithin: 90m',
      '  ticketPattern: "CHG-[0-9]+"',
      '  ticketUrl: "https://tickets.example.org/{ticket}"',
      'refuseExpired: true',
      '',
    ].join('\n');
    const trust = resultValue(parse(trustText({ ...PARTS, roles, more })));
    expect([...trust.roles.keys()]).toEqual(['bundleSigner', 'author', 'approver', 'emergency']);
    expect(trust).toMatchObject({
      thresholds: { low: 1, high: 2 },
      destinations: [
        { match: 'shop/payments', impact: 'high', tier: '3', approvers: ['ada', 'bob'] },
        { match: '**', impact: 'low' },
      ],
      environments: [{ name: 'dev' }, { after: 'dev' }, { after: 'test', soak: 604_800_000 }],
      limits: { maxException: 2_592_000_000, reconcileWithin: 5_400_000 },
      refuseExpired: true,
    });
    expect(trust.gates.get('3')).toMatchObject({ minDuration: 86_400_000, minChecks: 1_000 });
  });

  it('may name people and keys like properties of objects', () => {
    const people = '  constructor: {name: C, email: c@example.org, keys: [to-string]}\n';
    const keys = keyEntry({ ...ada, id: 'to-string' });
    const roles = '  bundleSigner: {people: [constructor], threshold: 1}\n';
    expect(parse(trustText({ people, keys, roles }))).toMatchObject({ ok: true });
  });
});

/** What is wrong, how it is said, and the text at whose line it is said. */
type Refusal = readonly [name: string, text: string, message: string, at: string];

const withPeople = (people: string) => trustText({ ...PARTS, people: PEOPLE + people });
const withKeys = (keys: string) => trustText({ ...PARTS, keys });
const withRoles = (roles: string) => trustText({ ...PARTS, roles });
const withMore = (more: string) => trustText({ ...PARTS, more: `${more}\n` });
const withTimes = (...times: string[]) =>
  withKeys(keyEntry(ada, times) + keyEntry(ada2) + keyEntry(bob));
const FROM = 'from: 2026-01-01T00:00:00Z';
const dave = (text: string) => withPeople(`  dave: ${text}\n`);

const KEY_REFUSALS: readonly Refusal[] = [
  [
    'a key under two people',
    dave('{name: D, email: d@example.org, keys: [bob-1]}'),
    'key `bob-1` belongs to `bob` already',
    'dave:',
  ],
  ['a key of nobody', withKeys(KEYS + keyEntry(testKey('x-1'))), '`x-1` belongs to nobody', 'x-1:'],
  [
    'a person with a key that is not there',
    dave('{name: D, email: d@example.org, keys: [d-1]}'),
    'there is no key `d-1`',
    'dave:',
  ],
  [
    'a person with a key called like a property of objects',
    dave('{name: D, email: d@example.org, keys: [constructor]}'),
    'there is no key `constructor`',
    'dave:',
  ],
  [
    'a key twice under one person',
    dave('{name: D, email: d@example.org, keys: [bob-1, bob-1]}'),
    'names the same twice',
    'dave:',
  ],
  [
    'one public key under two names',
    trustText({
      ...PARTS,
      people: `${PEOPLE}  dave: {name: D, email: d@example.org, keys: [d-1]}\n`,
      keys: KEYS + keyEntry({ ...ada, id: 'd-1' }),
    }),
    'the same public key as `keys.ada-1`',
    // The block under `d-1: public: |`.
    'd-1:\n    public: |',
  ],
  ['a key that is none', withKeys(KEYS.replace('BEGIN PUBLIC', 'BEGIN')), 'not `PUBLIC KEY`', '|'],
  ['a private key', withKeys(KEYS.replaceAll('PUBLIC', 'PRIVATE')), '`PRIVATE KEY`', '|'],
  ['a key without from', withTimes('until: 2027-01-01T00:00:00Z'), 'from` is missing', 'public'],
  ['a day as a time', withTimes('from: 2026-01-01'), 'must be a time in UTC', 'from:'],
  ['a time of another zone', withTimes('from: 2026-01-01T00:00:00+01:00'), 'in UTC', 'from:'],
  ['a day that is none', withTimes('from: 2026-02-30T00:00:00Z'), 'in UTC', 'from:'],
  ['an hour that is none', withTimes('from: 2026-02-03T25:00:00Z'), 'in UTC', 'from:'],
  [
    'an end before the beginning',
    withTimes(FROM, 'until: 2025-01-01T00:00:00Z'),
    'later than `from`',
    'until:',
  ],
  [
    'retired at the beginning',
    withTimes(FROM, 'retired: 2026-01-01T00:00:00Z'),
    'later than `from`',
    'retired:',
  ],
  ['an unknown field of a key', withTimes(FROM, 'type: rsa'), 'unknown field', 'type:'],
  [
    'a name of a key that is none',
    trustText({
      ...PARTS,
      people: `${PEOPLE}  dave: {name: D, email: d@example.org, keys: []}\n`,
      keys: KEYS + keyEntry(testKey('X_1')),
    }),
    'the name `X_1` must be',
    'X_1:',
  ],
];

const PEOPLE_REFUSALS: readonly Refusal[] = [
  [
    'a name of a person that is none',
    dave('{}').replace('dave', 'Dave'),
    'name` is missing',
    'Dave',
  ],
  [
    'capitals in the name of a person',
    dave('{name: D, email: d@example.org, keys: []}').replace('dave', 'Dave'),
    'the name `Dave` must be 1 to 63',
    'Dave',
  ],
  ['no address', dave('{name: D, email: nobody, keys: []}'), 'must be an address', 'dave:'],
  ['a blank name', dave('{name: " ", email: d@example.org, keys: []}'), 'blank', 'dave:'],
  [
    'an escape in a name',
    dave('{name: "\\u001b[2J", email: d@example.org, keys: []}'),
    'control characters',
    'dave:',
  ],
  ['an unknown field', dave('{name: D, email: d@e.org, keys: [], role: x}'), 'unknown', 'dave:'],
  ['no people', 'keys: {}\nroles: {bundleSigner: {people: [a], threshold: 1}}', 'people', 'keys'],
  ['no roles', BASE.replace(/roles:[\s\S]*/, ''), '`roles` is missing', 'people:'],
  ['no signers', withRoles('  author: {people: [ada], threshold: 1}\n'), 'bundleSigner', 'author'],
  ['an unknown role', withRoles(`${ROLES}  boss: {people: [ada], threshold: 1}\n`), 'boss', 'boss'],
  [
    'a role of a stranger',
    withRoles('  bundleSigner: {people: [ada, eve], threshold: 1}\n'),
    'there is no person `eve`',
    'bundleSigner',
  ],
  [
    'one person twice in a role',
    withRoles('  bundleSigner: {people: [ada, ada], threshold: 2}\n'),
    'names the same twice',
    'bundleSigner',
  ],
  [
    'a threshold above the people of the role',
    withRoles('  bundleSigner: {people: [ada, bob], threshold: 3}\n'),
    'the threshold 3 can never be met: 2 ',
    'bundleSigner',
  ],
  [
    'a threshold that people without keys would have to meet',
    withRoles('  bundleSigner: {people: [ada, carol], threshold: 2}\n'),
    'the threshold 2 can never be met: 1 ',
    'bundleSigner',
  ],
  [
    'a threshold of 0',
    withRoles('  bundleSigner: {people: [ada], threshold: 0}\n'),
    'must be at least 1',
    'bundleSigner',
  ],
  [
    'a threshold of one and a half',
    withRoles('  bundleSigner: {people: [ada, bob], threshold: 1.5}\n'),
    'must be a whole number',
    'bundleSigner',
  ],
  [
    'a threshold without end',
    withRoles('  bundleSigner: {people: [ada, bob], threshold: .inf}\n'),
    'threshold`',
    'bundleSigner',
  ],
  [
    'a role of nobody',
    withRoles('  bundleSigner: {people: [], threshold: 1}\n'),
    'must not be empty',
    'bundleSigner',
  ],
  [
    'an emergency that needs two',
    withRoles(`${ROLES}  emergency: {people: [ada, bob], threshold: 2}\n`),
    'always 1',
    'emergency',
  ],
  [
    'approvers without keys',
    withRoles(`${ROLES}  approver: {people: [carol], threshold: 1}\n`),
    'can never be met: 0 ',
    'approver',
  ],
];

const CHANGE_REFUSALS: readonly Refusal[] = [
  ['a high threshold below the low one', withMore('thresholds: {low: 2, high: 1}'), 'below', 'low'],
  ['half of the thresholds', withMore('thresholds: {low: 1}'), 'high` is missing', 'low'],
  [
    'more approvals than approvers',
    trustText({
      ...PARTS,
      roles: `${ROLES}  approver: {people: [ada], threshold: 1}\n`,
      more: 'thresholds: {low: 1, high: 2}\n',
    }),
    'the threshold 2 can never be met: 1 ',
    'thresholds:',
  ],
  [
    'a destination that is none',
    withMore('destinations: [{match: shop, impact: low}]'),
    'match',
    'd',
  ],
  ['an impact that is none', withMore('destinations: [{match: a/b, impact: mid}]'), 'impact', 'd'],
  [
    'approvers of a destination who are strangers',
    withMore('destinations: [{match: a/b, impact: low, approvers: [eve]}]'),
    'there is no person `eve`',
    'destinations',
  ],
  [
    'a threshold of a destination above its approvers',
    withMore('destinations: [{match: a/b, impact: low, approvers: [ada], threshold: 2}]'),
    'the threshold 2 can never be met: 1 ',
    'destinations',
  ],
  [
    'approvers of a destination without the role',
    trustText({
      ...PARTS,
      roles: `${ROLES}  approver: {people: [ada], threshold: 1}\n`,
      more: 'destinations: [{match: a/b, impact: low, approvers: [ada, bob]}]\n',
    }),
    '`bob` has not the role `approver`',
    'destinations',
  ],
  [
    'approvers of a destination where nobody has the role',
    withMore('destinations: [{match: a/b, impact: low, approvers: [ada]}]'),
    '`ada` has not the role `approver`',
    'destinations',
  ],
  [
    'a threshold of a destination that people without keys would have to meet',
    trustText({
      ...PARTS,
      roles: `${ROLES}  approver: {people: [ada, carol], threshold: 1}\n`,
      more: 'destinations: [{match: a/b, impact: low, approvers: [ada, carol], threshold: 2}]\n',
    }),
    'the threshold 2 can never be met: 1 ',
    'destinations',
  ],
  [
    'more approvals than approvers with keys',
    trustText({
      ...PARTS,
      roles: `${ROLES}  approver: {people: [ada, carol], threshold: 1}\n`,
      more: 'thresholds: {low: 1, high: 2}\n',
    }),
    'the threshold 2 can never be met: 1 ',
    'thresholds',
  ],
  [
    'a threshold of a destination without approvers',
    withMore('destinations: [{match: a/b, impact: low, threshold: 1}]'),
    'counts `approvers`, and there are none',
    'destinations',
  ],
  [
    'a tier without a gate',
    withMore(
      'destinations: [{match: a/b, impact: low, tier: gold}]\ngates: {iron: {minChecks: 1}}',
    ),
    '`gates` has no tier `gold`',
    'destinations',
  ],
  [
    'a tier as a number',
    withMore('destinations: [{match: a/b, impact: low, tier: 3}]'),
    'must be text, but `3` is a number',
    'destinations',
  ],
  ['a gate of nothing', withMore('gates: {gold: {}}'), 'must not be empty', 'gates'],
  ['a share above 1', withMore('gates: {gold: {maxErrorShare: 5}}'), 'must be 0 to 1', 'gates'],
  ['a caller that is none', withMore('gates: {a: {expectedCallers: [bob]}}'), 'SPIFFE', 'gates'],
  ['a name of a tier that is none', withMore('gates: {A: {minChecks: 1}}'), 'name `A`', 'gates'],
  [
    'two environments of one name',
    withMore('environments: [{name: a}, {name: a}]'),
    'already',
    'e',
  ],
  [
    'an environment after one that is not there',
    withMore('environments: [{name: a, after: b}]'),
    'there is no environment `b`',
    'environments',
  ],
  [
    'an environment after itself',
    withMore('environments: [{name: a, after: a}]'),
    '`a` comes after itself',
    'environments',
  ],
  [
    'environments in a circle, and one behind it',
    withMore('environments: [{name: x, after: a}, {name: a, after: b}, {name: b, after: a}]'),
    '`a` comes after itself',
    'environments',
  ],
  ['soak after nothing', withMore('environments: [{name: a, soak: 1d}]'), '`soak` is', 'environm'],
  [
    'a soak without a unit',
    withMore('environments: [{name: a, soak: "7"}]'),
    'duration',
    'environ',
  ],
  [
    'a pattern that is none',
    withMore('limits: {ticketPattern: "["}'),
    'regular expression',
    'limi',
  ],
  [
    'a pattern that is one between brackets only',
    withMore('limits: {ticketPattern: "a)|(?:b"}'),
    'regular expression',
    'limi',
  ],
  ['a URL without a ticket', withMore('limits: {ticketUrl: "https://x/"}'), '{ticket}', 'limits'],
  ['a limit that is unknown', withMore('limits: {maxWait: 1d}'), 'unknown field', 'limits'],
  ['refuseExpired as text', withMore('refuseExpired: "no"'), 'true or false', 'refuseExpired'],
  ['a kind', withMore('kind: Trust'), 'unknown field `kind`', 'kind'],
];

/** The line, and the one before: an entry's place may be its value, below its name. */
function linesUpTo(text: string, line: number): string {
  return text
    .split('\n')
    .slice(Math.max(0, line - 2), line)
    .join('\n');
}

describe('trust.yaml is refused', () => {
  it.each([...KEY_REFUSALS, ...PEOPLE_REFUSALS, ...CHANGE_REFUSALS])(
    'with %s',
    (_name, text, message, at) => {
      const result = parse(text);
      if (result.ok) throw new Error('the file was taken');
      const found = result.problems.find((p) => p.message.includes(message));
      expect(found, JSON.stringify(result.problems)).toMatchObject({
        code: 'trust_invalid',
        file: 'trust.yaml',
        line: expect.any(Number),
        column: expect.any(Number),
      });
      const near = linesUpTo(text, found?.line ?? 1);
      expect(near).toContain(at.split('\n').at(-1));
    },
  );

  it('when it is no plain YAML, and says where', () => {
    expect(parse('people: &a {}\n')).toMatchObject({
      problems: [{ code: 'trust_invalid', line: 1, message: 'the anchor `&a` is not allowed' }],
    });
    expect(parse('people: {}\npeople: {}\n')).toMatchObject({
      problems: [{ code: 'trust_invalid', line: 2 }],
    });
  });

  it('when it is no UTF-8', () => {
    expect(parse(Buffer.from([0x61, 0x0a, 0xff]))).toMatchObject({
      problems: [{ code: 'trust_invalid', line: 2 }],
    });
  });

  it('when it is empty', () => {
    expect(parse('')).toMatchObject({ problems: [{ code: 'trust_invalid' }] });
  });
});

describe('the digest of a trust file', () => {
  const digest = `sha256:${'a'.repeat(64)}` as const;
  const other = `sha256:${'b'.repeat(64)}`;

  it.each([
    ['nothing is pinned', []],
    ['it is pinned', [digest]],
    ['it is one of several, while keys are rotated', [other, digest]],
  ])('is right when %s', (_name, pinned) => {
    expect(checkTrustDigest({ digest }, pinned)).toBeUndefined();
  });

  it.each([
    ['another is pinned', [other]],
    ['it is pinned without its kind', ['a'.repeat(64)]],
    ['an empty text is pinned', ['']],
  ])('is wrong when %s', (_name, pinned) => {
    expect(checkTrustDigest({ digest }, pinned)).toMatchObject({ code: 'trust_digest' });
  });
});
