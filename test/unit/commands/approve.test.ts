import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatBuiltManifest } from '../../../src/bundle/built-manifest.js';
import { openBundle } from '../../../src/bundle/open.js';
import { run } from '../../../src/commands/program.js';
import { examineRollout } from '../../../src/rollout/verify.js';
import { archiveOf } from '../../support/built-bundles.js';
import {
  changeRepository,
  type Next,
  ordersBundle,
  sealNext,
  shelved,
  verified,
} from '../../support/change-repository.js';
import { memoryIo } from '../../support/io.js';
import { resultValue } from '../../support/result.js';
import {
  BY,
  digestOf,
  type KeyName,
  makeEmergency,
  rolloutTrustText,
  someDigest,
} from '../../support/rollouts.js';

const OLD = ordersBundle('2026.11.2');
const NEW = ordersBundle('2026.11.3', { routes: ['refund'] });
const LATER = ordersBundle('2026.11.4');
const FIRST = sealNext([], {
  active: OLD,
  source: { enforce: '[]' },
  issuedAt: '2026-11-10T10:00:00.000Z',
  approvals: ['bob'],
});
const FOLDER = 'history/production/orders';
const FILE = `${FOLDER}/0002.json`;
type Files = Readonly<Record<string, string | Uint8Array | undefined>>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-21T10:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

function second(next: Partial<Next> = {}): Buffer {
  return sealNext([verified(FIRST)], { active: NEW, ...next });
}

/** The first document is approved, the second is not yet. */
async function repositoryWith(next: Partial<Next>, files: Files = {}) {
  return changeRepository({
    ...shelved([OLD, NEW, LATER]),
    [`${FOLDER}/0001.json`]: FIRST,
    [FILE]: second(next),
    ...files,
  });
}

type Folder = Awaited<ReturnType<typeof repositoryWith>>;

async function approve(at: Folder, by: KeyName, more: readonly string[] = [], file = FILE) {
  const io = memoryIo();
  const args = ['approve', at(file), '--repo', at('.'), '--key', at(`keys/${by}.key`), ...more];
  await run(args, io);
  return { ...io.written, exitCode: io.exitCode };
}

async function examined(at: Folder) {
  return resultValue(examineRollout(await readFile(at(FILE)), FILE, BY));
}

describe('approve', () => {
  it('shows the card, and signs in place', async () => {
    const at = await repositoryWith({});
    const { stdout, stderr, exitCode } = await approve(at, 'bob', ['--comment', 'seen in shadow']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toContain('Rollout 2 of orders in production: not approved yet');
    expect(stdout).toContain('approved by bob at 2026-11-21T10:00:00.000Z');
    expect(stdout).toContain('the change has 1 of 1 approval');
    const { document, approvals } = await examined(at);
    expect(document.approvers).toEqual(['bob']);
    expect(document.digest).toBe(verified(await readFile(at(FILE))).digest);
    expect(approvals[0]?.statement?.comment).toBe('seen in shadow');
  });

  it('says how many are still needed, and of whom', async () => {
    const at = await repositoryWith({
      source: { enforce: '[{name: all, match: {access: write}}]' },
    });
    const first = await approve(at, 'bob');
    expect(first.stdout).toContain(
      'the change has 1 of 2 approvals, 1 still needed from carol or dan',
    );
    const last = await approve(at, 'dan', ['--json']);
    expect(JSON.parse(last.stdout)).toMatchObject({
      approved: { person: 'dan', replaced: false },
      card: { status: 'approved', needed: [{ got: 2, missing: 0, from: [] }] },
    });
    expect((await examined(at)).document.approvers).toEqual(['bob', 'dan']);
  });

  it.each(['bob', 'bob2'] as const)(
    'replaces what the same person approved before, with %s',
    async (again) => {
      const at = await repositoryWith({});
      await approve(at, 'bob', ['--comment', 'first']);
      const { stdout } = await approve(at, again, ['--comment', 'second']);
      expect(stdout).toContain('approved again by bob');
      const { approvals } = await examined(at);
      expect(approvals.map(({ statement }) => statement?.comment)).toEqual(['second']);
    },
  );

  it('takes one more than is needed', async () => {
    const at = await repositoryWith({ approvals: ['bob'] });
    expect((await approve(at, 'dan')).exitCode).toBe(0);
    expect((await examined(at)).document.approvers).toEqual(['bob', 'dan']);
  });

  it('loses nothing when two people approve at once', async () => {
    const at = await repositoryWith({});
    const both = await Promise.all([approve(at, 'bob'), approve(at, 'dan')]);
    const done = both.filter(({ exitCode }) => exitCode === 0);
    expect((await examined(at)).document.approvers).toHaveLength(done.length);
    expect(done.length).toBeGreaterThan(0);
  });

  it('takes the first document of a rollout', async () => {
    const at = await changeRepository({
      ...shelved([NEW]),
      [`${FOLDER}/0001.json`]: sealNext([], { active: NEW }),
    });
    const { exitCode, stderr } = await approve(at, 'bob', [], `${FOLDER}/0001.json`);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });
});

describe('approve refuses people', () => {
  it.each([
    ['the author', 'ada', '0002.json: `ada` is the author, and never approves'],
    ['the author with another key', 'ada2', '0002.json: `ada` is the author, and never approves'],
    ['somebody without the role', 'erin', '`erin` does not have the role `approver`'],
    ['a key that is nobody’s', 'mallory', 'the key is that of nobody in trust.yaml'],
  ] as const)('%s', async (_who, by, message) => {
    const at = await repositoryWith({});
    const { exitCode, stderr } = await approve(at, by);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(message),
    });
    expect(await readFile(at(FILE))).toEqual(second());
  });

  it('a key that does not count now', async () => {
    const trust = rolloutTrustText({
      keys: { 'bob-1': ['from: 2026-01-01T00:00:00Z', 'retired: 2026-11-21T00:00:00Z'] },
    });
    const at = await repositoryWith({}, { 'trust.yaml': trust });
    const { exitCode, stderr } = await approve(at, 'bob');
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('key `bob-1` of `bob` does not count now'),
    });
  });

  it('a key that ends before the document begins', async () => {
    const trust = rolloutTrustText({
      keys: { 'bob-1': ['from: 2026-01-01T00:00:00Z', 'until: 2026-11-21T10:02:00Z'] },
    });
    const at = await repositoryWith(
      { issuedAt: '2026-11-21T10:05:00.000Z' },
      { 'trust.yaml': trust },
    );
    expect(await approve(at, 'bob')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('the approval would not count: key `bob-1` of `bob`'),
    });
  });

  it('a comment that hides something', async () => {
    const at = await repositoryWith({});
    const { exitCode, stderr } = await approve(at, 'bob', ['--comment', 'a\u202eb']);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('without control characters'),
    });
  });
});

/** Its sources give another manifest than it has. */
function forged(bundle: typeof NEW): typeof NEW {
  const { manifest, files } = resultValue(openBundle(bundle.archive, 'x.tar.gz'));
  const archive = archiveOf({
    files: Object.fromEntries([...files].map(([n, bytes]) => [n, Buffer.from(bytes).toString()])),
    manifest: formatBuiltManifest({ ...manifest, tests: { passed: 7, coverage: 100 } }),
  });
  const { digest } = resultValue(openBundle(archive, 'x.tar.gz'));
  return { ...bundle, digest, archive };
}

describe('approve takes', () => {
  it.each([
    ['active', { active: forged(OLD) }],
    ['candidate', { active: NEW, candidate: forged(LATER) }],
  ])('what was %s here before, without building it again', async (_role, before) => {
    const first = sealNext([], { ...before, approvals: ['bob'] });
    const next = sealNext([verified(first)], before);
    const bundles = shelved([OLD, NEW, LATER, ...Object.values(before)]);
    const at = await repositoryWith(
      {},
      { ...bundles, [`${FOLDER}/0001.json`]: first, [FILE]: next },
    );
    expect(await approve(at, 'bob')).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it('a way back that does not fit any more', async () => {
    const narrow = ordersBundle('2026.11.2', { scope: 'shop/other' });
    const first = sealNext([], { active: narrow, approvals: ['bob'] });
    const next = sealNext([verified(first)], { active: NEW });
    const files = { [`${FOLDER}/0001.json`]: first, [FILE]: next, ...shelved([narrow]) };
    const at = await repositoryWith({}, files);
    expect(await approve(at, 'bob')).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it('what takes an emergency over', async () => {
    const approved = second({ approvals: ['bob'] });
    const emergency = makeEmergency({ base: approved });
    const history = [FIRST, approved, emergency].map((bytes) => verified(bytes));
    const file = `${FOLDER}/0004.json`;
    const at = await repositoryWith(
      {},
      {
        [FILE]: approved,
        [`${FOLDER}/0003.json`]: emergency,
        [file]: sealNext(history, { active: NEW, reconcile: true }),
      },
    );
    expect(await approve(at, 'dan', [], file)).toMatchObject({ stderr: '', exitCode: 0 });
  });
});

/** What is refused, in which repository, with which words. */
const REFUSED: readonly (readonly [string, Partial<Next>, Files, number, string])[] = [
  [
    'whose author nobody trusts',
    { author: 'mallory', payload: { author: 'ada' } },
    {},
    4,
    'the author: 1 person must have signed',
  ],
  [
    'a rule of trust.yaml forbids',
    {
      source: { change: '{type: normal, ticket: nope, owner: t, reason: r, reviewBy: 2027-02-22}' },
    },
    {},
    4,
    'ticket `nope`',
  ],
  [
    'that skips a number',
    { payload: { sequence: 3 } },
    { [FILE]: undefined, [`${FOLDER}/0003.json`]: second({ payload: { sequence: 3 } }) },
    4,
    'it has sequence 3, and the next one of the history is 2',
  ],
  ['whose file has another number', { payload: { sequence: 3 } }, {}, 4, 'has sequence 3'],
  [
    'that stands on another document',
    { payload: { previous: someDigest('9') } },
    {},
    4,
    '`previous` is',
  ],
  [
    'that invents a seed',
    { payload: { seed: 'other' } },
    {},
    4,
    '`seed` is other, and the history makes it 5eed',
  ],
  [
    'that goes back to what was never active',
    { payload: { resolved: { active: ref(NEW), candidate: null, rollback: ref(LATER) } } },
    {},
    4,
    '`resolved.rollback` is orders@2026.11.4',
  ],
  [
    'that lives longer than its review allows',
    { payload: { expiresAt: '2030-01-01T00:00:00.000Z' } },
    {},
    4,
    '`expiresAt` is 2030-01-01T00:00:00.000Z',
  ],
  [
    'that takes over what is no emergency',
    { payload: { reconciles: [someDigest('e')] } },
    {},
    4,
    '`reconciles` is',
  ],
  [
    'that forgets what it supersedes',
    { payload: { superseded: [] } },
    {},
    4,
    '`superseded` is empty',
  ],
  [
    'whose active bundle is not at hand',
    {},
    { 'bundles/orders-2026.11.3.tar.gz': undefined },
    1,
    'has no `orders@2026.11.3`',
  ],
  [
    'whose candidate is not at hand',
    { candidate: LATER },
    { 'bundles/orders-2026.11.4.tar.gz': undefined },
    1,
    'has no `orders@2026.11.4`',
  ],
  [
    'whose way back is not at hand',
    {},
    { 'bundles/orders-2026.11.2.tar.gz': undefined },
    1,
    'has no `orders@2026.11.2`',
  ],
  [
    'whose bundle is another one here',
    {},
    shelved([ordersBundle('2026.11.3')]),
    4,
    '`orders@2026.11.3` is `sha256:',
  ],
  [
    'whose bundle nobody signed who may',
    {},
    shelved([NEW], ['dan']),
    4,
    '1 person must have signed, 0 did',
  ],
  [
    'with a route that the bundle lacks',
    { source: { enforce: '[{name: reads, match: {access: read, routes: [nowhere]}}]' } },
    {},
    3,
    '`reads` names the route `nowhere`',
  ],
];

function ref({ name, version, digest }: typeof NEW) {
  return { name, version, digest };
}

describe('approve refuses a document', () => {
  it.each(REFUSED)('%s', async (_what, next, files, exitCode, message) => {
    const at = await repositoryWith(next, files);
    const file = files[FILE] === undefined && FILE in files ? `${FOLDER}/0003.json` : FILE;
    const before = await readFile(at(file));
    const result = await approve(at, 'bob', [], file);
    expect(result).toMatchObject({ exitCode, stderr: expect.stringContaining(message) });
    expect(await readFile(at(file))).toEqual(before);
  });

  it('that stands on another document, wherever it lies', async () => {
    const copy = second({ payload: { previous: someDigest('9') } });
    const at = await repositoryWith({}, { 'copy.json': copy });
    expect(await approve(at, 'bob', [], 'copy.json')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(`and the newest document is \`${verified(FIRST).digest}\``),
    });
  });

  it('that was overtaken', async () => {
    const approved = second({ approvals: ['bob'] });
    const third = sealNext([verified(FIRST), verified(approved)], {
      active: NEW,
      approvals: ['bob'],
    });
    const at = await repositoryWith({}, { [FILE]: approved, [`${FOLDER}/0003.json`]: third });
    expect(await approve(at, 'dan')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('it has sequence 2, and the next one of the history is 4'),
    });
  });

  it('that is an emergency', async () => {
    const emergency = makeEmergency({ base: second({ approvals: ['bob'] }) });
    const at = await repositoryWith({}, { [`${FOLDER}/0003.json`]: emergency });
    expect(await approve(at, 'dan', [], `${FOLDER}/0003.json`)).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('nobody approves an emergency'),
    });
  });

  it('that overtakes an emergency without taking it over', async () => {
    const emergency = makeEmergency({
      base: second({ approvals: ['bob'] }),
      payload: { issuedAt: '2026-11-20T11:00:00.000Z', reconcileBy: '2026-11-21T11:00:00.000Z' },
    });
    const approved = second({ approvals: ['bob'] });
    const history = [FIRST, approved, emergency].map((bytes) => verified(bytes));
    const at = await repositoryWith(
      {},
      {
        [FILE]: approved,
        [`${FOLDER}/0003.json`]: emergency,
        [`${FOLDER}/0004.json`]: sealNext(history, { active: NEW }),
        [`${FOLDER}/0005.json`]: undefined,
      },
    );
    expect(await approve(at, 'dan', [], `${FOLDER}/0004.json`)).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('emergency 3 (INC-7) is open'),
    });
  });

  it('that expired meanwhile', async () => {
    vi.setSystemTime(Date.parse('2027-04-01T00:00:00Z'));
    const at = await repositoryWith({});
    expect(await approve(at, 'bob')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('the document expired at 2027-03-24T00:00:00.000Z'),
    });
  });

  it.each([
    [
      'ahead of the clock',
      '2026-11-21T10:05:00.001Z',
      'it is dated 2026-11-21T10:05:00.001Z, and here it is 2026-11-21T10:00:00.000Z',
    ],
    [
      'before the document before it',
      '2026-11-10T09:59:59.999Z',
      'it is dated 2026-11-10T09:59:59.999Z, and document 1 was made at 2026-11-10T10:00:00.000Z',
    ],
  ])('that is dated %s', async (_when, issuedAt, message) => {
    const at = await repositoryWith({ issuedAt });
    expect(await approve(at, 'bob')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(message),
    });
  });

  it('whose bundle does not cover its destinations, active or candidate', async () => {
    const narrow = ordersBundle('2026.11.5', { scope: 'shop/other' });
    for (const next of [{ active: narrow }, { candidate: narrow }]) {
      const at = await repositoryWith(next, shelved([narrow]));
      expect(await approve(at, 'bob')).toMatchObject({
        exitCode: 3,
        stderr: expect.stringContaining('`shop/orders` is not in the scope of the bundle'),
      });
    }
  });

  it('that forgets a revocation', async () => {
    const revoked = [LATER.digest];
    const first = sealNext([], { active: OLD, payload: { revoked }, approvals: ['bob', 'dan'] });
    const next = sealNext([verified(first)], { active: NEW, payload: { revoked: [] } });
    const at = await repositoryWith({}, { [`${FOLDER}/0001.json`]: first, [FILE]: next });
    expect(await approve(at, 'dan')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(`\`revoked\` is empty, and the history makes it ${revoked}`),
    });
  });

  it('that lies in the history of another rollout', async () => {
    const at = await repositoryWith({}, { 'history/production/carts/0002.json': second() });
    expect(await approve(at, 'bob', [], 'history/production/carts/0002.json')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('the document is one of rollout `orders`'),
    });
  });

  it('whose new bundle says of its sources what they do not give', async () => {
    const bundle = forged(NEW);
    const at = await repositoryWith({ active: bundle }, shelved([bundle]));
    expect(await approve(at, 'bob')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('the manifest says 7 passed'),
    });
  });
});

describe('approve, where bundles come from another environment', () => {
  const trust = rolloutTrustText({
    more: 'environments: [{name: test}, {name: production, after: test, soak: 24h}]\n',
  });
  const inTest = (active: typeof NEW, issuedAt: string, before: readonly Uint8Array[] = []) =>
    sealNext(
      before.map((bytes) => verified(bytes, { ...BY, environment: 'test' })),
      { active, issuedAt, source: { environment: 'test' }, approvals: ['bob'] },
    );
  const long = inTest(NEW, '2026-11-19T10:00:00.000Z');
  const short = inTest(NEW, '2026-11-19T10:00:00.001Z');
  const later = inTest(LATER, '2026-11-21T09:00:00.000Z', [long]);

  it.each([
    ['takes what was there long enough', [long], 0, ''],
    ['takes what was there long enough when it was sealed', [long, later], 0, ''],
    [
      'refuses what was there too short',
      [short],
      4,
      'has not been active in `test` for long enough',
    ],
    ['refuses what was never there', [], 4, 'is not the active bundle of `test`'],
    [
      'refuses what was not there',
      [inTest(OLD, '2026-11-01T10:00:00.000Z')],
      4,
      'is not the active',
    ],
  ])('%s', async (_what, documents, exitCode, message) => {
    const files = documents.map((bytes, i) => [`history/test/orders/000${i + 1}.json`, bytes]);
    const at = await repositoryWith({}, { 'trust.yaml': trust, ...Object.fromEntries(files) });
    expect(await approve(at, 'bob')).toMatchObject({
      exitCode,
      stderr: expect.stringContaining(message),
    });
  });

  /** The history of test, by the numbers of its files. */
  const where = (documents: readonly Uint8Array[]) =>
    repositoryWith(
      {},
      {
        'trust.yaml': trust,
        ...Object.fromEntries(
          documents.map((bytes, i) => [`history/test/orders/000${i + 1}.json`, bytes]),
        ),
      },
    );

  it('refuses what was revoked there since', async () => {
    const revoking = sealNext([verified(long, { ...BY, environment: 'test' })], {
      active: LATER,
      issuedAt: '2026-11-21T09:00:00.000Z',
      source: { environment: 'test' },
      payload: { revoked: [NEW.digest] },
      approvals: ['bob'],
    });
    expect(await approve(await where([long, revoking]), 'bob')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(`\`${NEW.digest}\` is revoked in \`test\``),
    });
  });

  it.each([
    ['another rollout', { name: 'scratch' }, 'the document is one of rollout `scratch`'],
    ['another number', {}, 'the document has sequence 1'],
  ])('believes no history with a document of %s', async (_what, source, message) => {
    const strange = sealNext([], {
      active: NEW,
      issuedAt: '2026-11-01T10:00:00.000Z',
      source: { environment: 'test', ...source },
      approvals: ['bob'],
    });
    expect(await approve(await where([long, strange]), 'bob')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(message),
    });
  });

  it('counts from the last other bundle, also where its approvals do not count any more', async () => {
    const first = inTest(NEW, '2026-11-01T10:00:00.000Z');
    const byTest = { ...BY, environment: 'test' };
    const second = sealNext([verified(first, byTest)], {
      active: OLD,
      issuedAt: '2026-11-02T10:00:00.000Z',
      source: { environment: 'test' },
    });
    const third = sealNext([verified(first, byTest)], {
      active: NEW,
      issuedAt: '2026-11-20T09:00:00.000Z',
      source: { environment: 'test' },
      payload: { sequence: 3, previous: digestOf(second) },
      approvals: ['bob'],
    });
    expect(await approve(await where([first, second, third]), 'bob')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('for long enough: until 2026-11-21T09:00:00.000Z'),
    });
    // What waits there for approval has not run.
    const waiting = sealNext([verified(first, byTest)], {
      active: OLD,
      issuedAt: '2026-11-20T09:00:00.000Z',
      source: { environment: 'test' },
    });
    expect(await approve(await where([first, waiting]), 'bob')).toMatchObject({ exitCode: 0 });
  });

  it('is not misled by a document that is dated ahead', async () => {
    const ahead = { issuedAt: '2026-11-25T10:00:00.000Z' };
    const recent = inTest(NEW, '2026-11-21T09:00:00.000Z');
    const files = { 'trust.yaml': trust, 'history/test/orders/0001.json': recent };
    expect(await approve(await repositoryWith(ahead, files), 'bob')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('has not been active in `test` for long enough'),
    });
  });
});
