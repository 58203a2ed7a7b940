import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../../src/commands/program.js';
import { sealRollout } from '../../../src/rollout/seal.js';
import {
  changeRepository,
  ordersBundle,
  sealNext,
  shelved,
  verified,
} from '../../support/change-repository.js';
import { memoryIo } from '../../support/io.js';
import { KEYS, makeEmergency, rolloutPayload, rolloutTrustText } from '../../support/rollouts.js';

const entities = (parent: string) =>
  JSON.stringify([
    { uid: { type: 'Workload', id: 'spiffe://x.org/ns/a/sa/b' }, attrs: {}, parents: [] },
    { uid: { type: 'Service', id: parent }, attrs: {}, parents: [] },
  ]);
const OLD = ordersBundle('2026.11.2');
const NEW = ordersBundle('2026.11.3', {
  files: { 'entities.production.json': entities('shop/x') },
});
const FIRST = sealNext([], { active: OLD, source: { enforce: '[]' }, approvals: ['bob'] });
const SECOND = sealNext([verified(FIRST)], {
  active: NEW,
  source: {
    enforce: '[{name: reads, match: {actions: [GET]}}]',
    change:
      '{type: normal, ticket: CHG-1041, owner: team-orders, reason: "a | <b>", reviewBy: 2027-02-22}',
  },
});
const FOLDER = 'history/production/orders';
type Files = Readonly<Record<string, string | Uint8Array | undefined>>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-21T10:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

async function show(file: string, more: readonly string[] = [], files: Files = {}) {
  const at = await changeRepository({
    ...shelved([OLD, NEW]),
    [`${FOLDER}/0001.json`]: FIRST,
    [`${FOLDER}/0002.json`]: SECOND,
    ...files,
  });
  const io = memoryIo();
  const args = more.map((each) => (each.startsWith('@') ? at(each.slice(1)) : each));
  await run(['show', at(file), '--repo', at('.'), ...args], io);
  return { ...io.written, exitCode: io.exitCode };
}

describe('show', () => {
  it('prints the card of a document that lacks approvals only', async () => {
    const { stdout, stderr, exitCode } = await show(`${FOLDER}/0002.json`);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    for (const part of [
      'Rollout 2 of orders in production: not approved yet: the change has 0 of 1 approval, 1 still needed from bob, carol or dan',
      'From now on GET requests of all callers to shop/orders are enforced with orders@2026.11.3; everything else stays in shadow.',
      'its Envoy must run the profile `enforcing`',
      'against rollout 1',
      `bundle orders@2026.11.2 (${OLD.digest.slice(0, 19)}) -> orders@2026.11.3 (${NEW.digest.slice(0, 19)})`,
      '+ enforced slice reads: actions GET',
      'written by  ada, ada@example.org (verified)',
      'ticket      CHG-1041\n',
      'impact      low',
      'evidence    none',
      'review by   2027-02-22',
      'expires     2027-03-24T00:00:00.000Z',
      '2 of entities, by entities.production.json',
      'why production differs: nobody has written it down: bundle.yaml, `environments`',
      'Service::"shop/x"',
      'cedargate bundle diff bundles/orders-2026.11.2.tar.gz bundles/orders-2026.11.3.tar.gz',
      'cedargate verify bundles/orders-2026.11.3.tar.gz --trust trust.yaml',
      "cedargate rollback orders --environment production --ticket CHG-1041 --reason 'back from 2' --key KEY",
    ]) {
      expect(stdout).toContain(part);
    }
  });

  it('prints it as JSON', async () => {
    const { stdout } = await show(`${FOLDER}/0002.json`, ['--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'rollout',
      status: 'waiting',
      comparedWith: { sequence: 1, approved: true },
      bundles: { active: { file: 'bundles/orders-2026.11.3.tar.gz' }, candidate: null },
      back: [{ command: expect.stringMatching(/^cedargate rollback orders/) }, {}],
    });
  });

  it('prints Markdown in which nothing that people wrote acts', async () => {
    const trust = rolloutTrustText({ limits: '{ticketUrl: "https://t.example/{ticket}"}' });
    const files = { 'trust.yaml': trust };
    const { stdout } = await show(`${FOLDER}/0002.json`, ['--markdown'], files);
    expect(stdout).toContain('### Rollout 2 of orders in production\n');
    expect(stdout).toContain('| reason | `a \\| <b>` |');
    expect(stdout).toContain('| ticket | [CHG-1041](<https://t.example/CHG-1041>) |');
    expect(stdout).toContain('orders&#64;2026.11.3; everything else stays in shadow.');
    expect(stdout).toContain('<details><summary>Differences between environments: 2');
  });

  it('takes one form only', async () => {
    const { exitCode } = await show(`${FOLDER}/0002.json`, ['--markdown', '--json']);
    expect(exitCode).toBe(2);
  });

  it('tells of an approval that does not count, without what it says', async () => {
    const bytes = sealNext([verified(FIRST)], { active: NEW, approvals: ['ada2', 'bob'] });
    const { stdout, exitCode } = await show(`${FOLDER}/0002.json`, [], {
      [`${FOLDER}/0002.json`]: bytes,
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Rollout 2 of orders in production: approved\n');
    expect(stdout).toContain(
      'does not count: ada, ada@example.org: `ada` is the author, and never approves\n',
    );
    expect(stdout).toContain('  bob, bob@example.org, 2026-11-20T10:00:00.000Z\n');
  });

  it('tells that a document was overtaken', async () => {
    const approved = sealNext([verified(FIRST)], { active: NEW, approvals: ['bob'] });
    const { stdout } = await show(`${FOLDER}/0001.json`, [], { [`${FOLDER}/0002.json`]: approved });
    expect(stdout).toContain('Rollout 1 of orders in production: approved, overtaken by 2\n');
  });

  it('shows an emergency, held against what was approved before', async () => {
    const base = sealNext([verified(FIRST)], { active: NEW, approvals: ['bob'] });
    const { stdout, exitCode } = await show('emergency.json', [], {
      [`${FOLDER}/0002.json`]: base,
      'emergency.json': makeEmergency({ base }),
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Emergency 3 of orders in production: an emergency counts without');
    expect(stdout).toContain('against rollout 2\n');
    expect(stdout).toContain('- enforced slice reads: access read');
    expect(stdout).not.toContain('Approvals');
  });

  it('compares nothing where the document before is not there', async () => {
    const gone = { [`${FOLDER}/0001.json`]: undefined };
    const { stdout, exitCode } = await show(`${FOLDER}/0002.json`, [], gone);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('not compared: the history has no document `sha256:');
    expect(stdout).not.toContain('enforced slice reads added');
  });

  it('takes nothing from a bundle that does not count', async () => {
    const unsigned = shelved([NEW], ['dan']);
    const { stdout } = await show(`${FOLDER}/0002.json`, [], unsigned);
    expect(stdout).toContain('not at hand: 1 person must have signed, 0 did');
    expect(stdout).toContain('the active bundle is not at hand');
    expect(stdout).not.toContain('bundle diff');
  });

  it('judges by the trust file that is named', async () => {
    const strict = rolloutTrustText({ thresholds: '{low: 3, high: 3}' });
    const { stdout } = await show(`${FOLDER}/0002.json`, ['--trust', '@strict.yaml'], {
      'strict.yaml': strict,
      'trust.yaml': undefined,
    });
    expect(stdout).toContain('0 of 3 approvals');
  });
});

describe('show ends', () => {
  const stranger = sealRollout(rolloutPayload(), KEYS.mallory.privateKey);
  const invalid = sealRollout(
    { ...rolloutPayload(), source: 'kind: no', environment: 'production' },
    KEYS.ada.privateKey,
  );
  it.each([
    ['4 when nobody who may signed', 'x.json', { 'x.json': stranger }, 4, 'must have signed'],
    ['3 when the source is invalid', 'x.json', { 'x.json': invalid }, 3, 'x.json (source)'],
    ['3 when it is no document', 'x.json', { 'x.json': '{}' }, 3, '`kind` must be'],
    [
      '3 when it is in the history of another environment',
      'history/test/orders/0002.json',
      { 'history/test/orders/0002.json': SECOND },
      3,
      'it is for environment `production`, and this is `test`',
    ],
    [
      '4 when it is in the history of another rollout',
      'history/production/carts/0002.json',
      { 'history/production/carts/0002.json': SECOND },
      4,
      'the document is one of rollout `orders`',
    ],
    [
      '4 when its file has another number',
      `${FOLDER}/0003.json`,
      { [`${FOLDER}/0003.json`]: SECOND, [`${FOLDER}/0002.json`]: undefined },
      4,
      'the document has sequence 2',
    ],
    [
      '1 without a trust file',
      `${FOLDER}/0002.json`,
      { 'trust.yaml': undefined },
      1,
      'is no policy',
    ],
    ['1 when the file is not there', 'nowhere.json', {}, 1, 'cannot be read'],
  ] as const)('with %s', async (_when, file, files, exitCode, message) => {
    expect(await show(file, [], files)).toMatchObject({
      exitCode,
      stderr: expect.stringContaining(message),
    });
  });
});
