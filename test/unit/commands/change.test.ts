import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { approvedState } from '../../../src/rollout/effective.js';
import type { VerifiedRollout } from '../../../src/rollout/types.js';
import { type PolicyRepository, policyRepository } from '../../support/policy-repository.js';
import { KEYS, type TrustOverrides } from '../../support/rollouts.js';
import { signedBy, smallBundle } from '../../support/signed-bundles.js';

const START = Date.UTC(2026, 10, 20, 9);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: START }));
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
const WHY = '--ticket CHG-1 --reason "because"';
const FIRST = `--service shop/orders --owner team-orders --review-by 2027-02-22 ${WHY}`;

/** Document 1 in `environment`, with bundle 1 in shadow, approved. */
async function begun(environment = 'dev', trust: TrustOverrides = {}) {
  const repository = await policyRepository(trust);
  await promoted(repository, environment);
  return repository;
}

async function promoted(repository: PolicyRepository, environment: string) {
  const { cedargate, approve } = repository;
  const made = await cedargate(
    `promote orders --environment ${environment} --bundle test@1 ${FIRST}`,
    'ada',
  );
  expect(made).toMatchObject({ exitCode: 0, stderr: '' });
  approve(`history/${environment}/orders/0001.json`, 'bob');
}

const rollout = (repository: PolicyRepository, sequence: number, environment = 'dev') =>
  repository.document(
    `history/${environment}/orders/${String(sequence).padStart(4, '0')}.json`,
  ) as VerifiedRollout;

describe('promote', () => {
  it('begins a rollout: a source that people can read, and its first sealed document', async () => {
    const repository = await begun();
    expect(repository.read('rollouts/dev/orders.yaml')).toContain('bundle: test@1');
    const document = rollout(repository, 1);
    expect(document).toMatchObject({
      ...{ sequence: 1, previous: null, author: 'ada', approvers: ['bob'] },
      ...{ superseded: [], revoked: [], reconciles: [] },
      resolved: { active: { name: 'test', version: '1' }, candidate: null, rollback: null },
      sourceText: repository.read('rollouts/dev/orders.yaml'),
      issuedAtMs: START,
      expiresAtMs: Date.UTC(2027, 1, 22) + 30 * DAY,
    });
    expect(document.seed).toMatch(/^[0-9a-f]{32}$/);
  });

  it('follows with the next one: same seed, previous, superseded, and a way back', async () => {
    const repository = await begun();
    const first = rollout(repository, 1);
    await repository.cedargate(`promote orders --environment dev --bundle test@2 ${WHY}`, 'ada');
    repository.approve('history/dev/orders/0002.json', 'bob');
    expect(rollout(repository, 2)).toMatchObject({
      previous: first.digest,
      seed: first.seed,
      superseded: [first.resolved.active.digest],
      resolved: { active: { version: '2' }, rollback: first.resolved.active },
    });
  });

  it('makes a candidate, which is one no longer once it is active', async () => {
    const repository = await begun();
    const { cedargate, approve } = repository;
    await cedargate(`promote orders --environment dev --bundle test@2 --candidate ${WHY}`, 'ada');
    approve('history/dev/orders/0002.json', 'bob');
    expect(rollout(repository, 2).resolved).toMatchObject({
      active: { version: '1' },
      candidate: { version: '2' },
    });
    await cedargate(`promote orders --environment dev --bundle test@2 ${WHY}`, 'ada');
    approve('history/dev/orders/0003.json', 'bob');
    expect(rollout(repository, 3).resolved).toMatchObject({
      active: { version: '2' },
      candidate: null,
    });
  });

  it('takes a bundle from the environment before, once it was active there for long enough', async () => {
    const repository = await begun('dev');
    const { cedargate } = repository;
    const args = `promote orders --environment test --from dev ${FIRST}`;
    pass(29 * MINUTE);
    expect(await cedargate(args, 'ada')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('not been active in `dev` for long enough'),
    });
    expect(() => repository.files('history/test/orders')).toThrow();
    pass(MINUTE);
    expect(await cedargate(args, 'ada')).toMatchObject({ exitCode: 0 });
    repository.approve('history/test/orders/0001.json', 'bob');
    expect(rollout(repository, 1, 'test').resolved.active).toEqual(
      rollout(repository, 1).resolved.active,
    );
    const show = (n: number) =>
      cedargate(`show ${repository.root}/history/test/orders/000${n}.json`);
    expect((await show(1)).stdout).toContain('  like dev (document 1)\n');
    await cedargate(`enforce orders --environment test --slice all ${WHY}`, 'ada');
    expect((await show(2)).stdout).toContain(
      '  against dev (document 1):\n' +
        '  + enforced slice all: everything; here since 2 (CHG-1, team-orders: because); in dev never touched\n',
    );
  });

  it('counts the soak time from the last approval, and anew after a break', async () => {
    const repository = await begun('dev');
    const { cedargate, approve } = repository;
    pass(DAY);
    await cedargate(`promote orders --environment dev --bundle test@2 ${WHY}`, 'ada');
    approve('history/dev/orders/0002.json', 'bob');
    pass(DAY);
    await cedargate(`promote orders --environment dev --bundle test@1 ${WHY}`, 'ada');
    pass(29 * MINUTE);
    approve('history/dev/orders/0003.json', 'bob');
    pass(29 * MINUTE);
    const early = await cedargate(`promote orders --environment test --from dev ${FIRST}`, 'ada');
    expect(early.stderr).toContain('not been active in `dev` for long enough');
  });
});

describe('a change is refused', () => {
  const CASES: [string, string, string, TrustOverrides?][] = [
    ['without a ticket', 'enforce orders --environment dev --slice a --reason r', '--ticket'],
    [
      'with a ticket of another form',
      'enforce orders --environment dev --slice a --ticket X --reason r',
      'ticket',
    ],
    [
      'for an environment that trust.yaml does not know',
      `promote orders --environment moon --bundle test@1 ${FIRST}`,
      'no environment `moon`',
    ],
    [
      'when a bundle is new and comes from nowhere',
      `promote orders --environment test --bundle test@1 ${FIRST}`,
      'come to `test` from `dev`',
    ],
    [
      'when it skips an environment',
      `promote orders --environment production --from dev ${FIRST}`,
      'come to `production` from `test`',
    ],
    [
      'for a bundle that is not there',
      `promote orders --environment dev --bundle test@9 ${WHY}`,
      'has no `test@9`',
    ],
    [
      'for a route that the bundle lacks',
      `enforce orders --environment dev --slice a --match routes=none ${WHY}`,
      'route `none`',
    ],
    [
      'with a match that is none',
      `enforce orders --environment dev --slice a --match nonsense ${WHY}`,
      'is no match',
    ],
    [
      'for an exception that is too long',
      `exception add orders --environment dev --name a --owner o --match access=read --for 31d ${WHY}`,
      'rollouts/dev/orders.yaml:18:12: `a` lasts 31d',
    ],
    [
      'for a block that is too long',
      `block orders --environment dev --name a --caller anonymous --for 8d ${WHY}`,
      'rollouts/dev/orders.yaml:19:12: `a` lasts 8d',
    ],
    [
      'for an end before the beginning',
      `block orders --environment dev --name a --caller anonymous --until 2026-01-01T00:00:00Z ${WHY}`,
      'until',
    ],
    [
      'for a slice that is not enforced',
      `relax orders --environment dev --slice none ${WHY}`,
      'no slice `none`',
    ],
    [
      'for an exception that is not approved',
      `exception end orders --environment dev --name none ${WHY}`,
      'no exception `none` is approved; there is: none',
    ],
    [
      'for a block that is not approved',
      `block orders --environment dev --name none --end ${WHY}`,
      'no block `none` is approved; there is: none',
    ],
    [
      'for a block that ends and begins',
      `block orders --environment dev --name none --end --for 4h ${WHY}`,
      "'--end' cannot be used with option '--for",
    ],
    [
      'when nothing is active where it comes from',
      `promote orders --environment production --from test ${FIRST}`,
      'nothing is active in `test`',
    ],
    [
      'for a rollout that has no source',
      `promote order --environment dev ${WHY}`,
      'check the name and --environment (trust.yaml has `dev`, `test`, `production`)',
    ],
    [
      'for a duration without a unit',
      `block orders --environment dev --name a --caller anonymous --for 8 ${WHY}`,
      '`8` is no duration such as 4h',
    ],
    [
      'when there is no way back',
      `rollback orders --environment dev ${WHY}`,
      'no bundle to go back to',
    ],
    [
      'when it would have expired already',
      `promote orders --environment dev --review-by 2026-01-01 ${WHY}`,
      'expired',
    ],
  ];
  it.each(CASES)('%s', async (_what, args, message, trust) => {
    const repository = await begun('dev', trust);
    const source = repository.read('rollouts/dev/orders.yaml');
    const ran = await repository.cedargate(args, 'ada');
    expect(ran.stderr).toContain(message);
    expect(ran.exitCode).not.toBe(0);
    expect(ran.stdout).toBe('');
    expect(repository.files('history/dev/orders')).toEqual(['0001.json']);
    expect(repository.read('rollouts/dev/orders.yaml')).toBe(source);
  });

  it.each([
    ['of somebody without the role', 'erin', 'does not have the role `author`'],
    ['of nobody', 'mallory', 'that of nobody'],
  ] as const)('with the key %s', async (_what, key, message) => {
    const repository = await begun();
    const ran = await repository.cedargate(`relax orders --environment dev ${WHY}`, key);
    expect(ran).toMatchObject({ exitCode: 4, stderr: expect.stringContaining(message) });
  });

  it('when its source is not one that can be edited', async () => {
    const repository = await begun();
    const { cedargate, read, write, root } = repository;
    const file = 'rollouts/dev/orders.yaml';
    const text = read(file);
    const next = `relax orders --environment dev ${WHY}`;
    for (const [source, message] of [
      [text.replace('name: orders', 'name: carts'), 'the source says `carts` in `dev`'],
      [text.replace('environment: dev', 'environment: test'), 'says `orders` in `test`'],
      ['- a list', '[rollout_invalid]'],
      [Buffer.from([0xff]), '[not_utf8]'],
      [undefined, '--service'],
    ] as const) {
      if (source === undefined) rmSync(join(root, file));
      else write(file, source);
      const ran = await cedargate(next, 'ada');
      expect(ran.stderr).toContain(message);
      expect(ran.exitCode).not.toBe(0);
    }
    expect(repository.files('history/dev/orders')).toEqual(['0001.json']);
  });

  it('while another one waits for approval, unless it takes its place', async () => {
    const repository = await begun();
    const { cedargate, read } = repository;
    const args = `enforce orders --environment dev --slice a --match access=read ${WHY}`;
    await cedargate(args, 'ada');
    const waiting = read('history/dev/orders/0002.json');
    const second = await cedargate(`${args.replace('--slice a', '--slice b')}`, 'carol');
    expect(second).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('waits for') });
    expect(read('history/dev/orders/0002.json')).toBe(waiting);
    await cedargate(`${args} --replace`, 'carol');
    expect(repository.files('history/dev/orders')).toEqual(['0001.json', '0002.json']);
    expect(read('history/dev/orders/0002.json')).not.toBe(waiting);
  });

  it('when a document of the history was edited, moved or removed', async () => {
    const repository = await begun();
    const { cedargate, approve, read, write, root } = repository;
    await cedargate(`promote orders --environment dev --bundle test@2 ${WHY}`, 'ada');
    approve('history/dev/orders/0002.json', 'bob');
    const first = read('history/dev/orders/0001.json');
    const next = `promote orders --environment dev --bundle test@3 ${WHY}`;
    write('history/dev/orders/0001.json', first.replace('SealedRollout', 'SealedRollouT'));
    expect(await cedargate(next, 'ada')).toMatchObject({ exitCode: 3 });
    write('history/dev/orders/0001.json', read('history/dev/orders/0002.json'));
    expect(await cedargate(next, 'ada')).toMatchObject({
      stderr: expect.stringContaining('[history_broken]'),
    });
    rmSync(join(root, 'history/dev/orders/0001.json'));
    expect(await cedargate(next, 'ada')).toMatchObject({ exitCode: 0 });
  });

  it('when two bundles have one version, also when the other is in the history alone', async () => {
    const repository = await begun();
    const { cedargate, write } = repository;
    vi.setSystemTime(START + DAY);
    const other = signedBy(smallBundle('1', '2026-11-04T09:30:00.000Z'), KEYS.ada);
    write('bundles/other.tar.gz', other);
    const both = await cedargate(`promote orders --environment dev ${WHY}`, 'ada');
    expect(both.stderr).toContain('[bundle_ambiguous]');
    write('bundles/test-1.tar.gz', other);
    const moved = await cedargate(`promote orders --environment dev ${WHY}`, 'ada');
    expect(moved.stderr).toContain('in an earlier document');
  });

  it('for a bundle that nobody who counts has signed', async () => {
    const repository = await begun();
    repository.write('bundles/test-2.tar.gz', signedBy(smallBundle('2'), KEYS.erin));
    const ran = await repository.cedargate(
      `promote orders --environment dev --bundle test@2 ${WHY}`,
      'ada',
    );
    expect(ran).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('signature') });
  });
});

describe('enforce, relax, block and exception add', () => {
  it('edit the source in place, and seal what it says', async () => {
    const repository = await begun();
    const { cedargate, approve, read, write } = repository;
    write('rollouts/dev/orders.yaml', `# ours\n${read('rollouts/dev/orders.yaml')}`);
    const steps = [
      `enforce orders --environment dev --slice reads --match access=read ${WHY}`,
      `exception add orders --environment dev --name late --owner team-late --match callers=anonymous --for 14d ${WHY}`,
      `block orders --environment dev --name abuse --caller anonymous --for 4h ${WHY}`,
    ];
    for (const [i, step] of steps.entries()) {
      expect(await cedargate(step, 'ada')).toMatchObject({ exitCode: 0, stderr: '' });
      approve(`history/dev/orders/000${i + 2}.json`, 'bob', 'carol');
    }
    const { source } = rollout(repository, 4);
    expect(source).toMatchObject({
      enforce: [{ name: 'reads', match: { access: 'read' } }],
      exceptions: [{ name: 'late', owner: 'team-late', untilMs: START + 14 * DAY }],
      blocks: [{ name: 'abuse', match: { callers: ['anonymous'] } }],
      change: { owner: 'team-orders' },
    });
    expect(read('rollouts/dev/orders.yaml')).toContain('# ours');
    const listed = await cedargate('exception list orders --environment dev --json');
    expect(JSON.parse(listed.stdout)).toMatchObject([{ name: 'late', state: 'active' }]);
    await cedargate(`relax orders --environment dev --slice reads ${WHY}`, 'ada');
    approve('history/dev/orders/0005.json', 'bob');
    expect(rollout(repository, 5).source.enforce).toEqual([]);
    for (const [i, step] of [
      `exception end orders --environment dev --name late ${WHY}`,
      `block orders --environment dev --name abuse --end ${WHY}`,
    ].entries()) {
      expect(await cedargate(step, 'ada')).toMatchObject({ exitCode: 0, stderr: '' });
      approve(`history/dev/orders/000${i + 6}.json`, 'bob');
    }
    expect(rollout(repository, 6).source).toMatchObject({ exceptions: [], blocks: [{}] });
    expect(rollout(repository, 7).source.blocks).toEqual([]);
  });

  it('say what changes, also when nothing does', async () => {
    const repository = await begun();
    const { cedargate, approve } = repository;
    const args = `enforce orders --environment dev --slice reads --match access=read ${WHY}`;
    const made = await cedargate(args, 'ada');
    expect(made.stdout).toContain('\n  + enforced slice reads: access read\n');
    approve('history/dev/orders/0002.json', 'bob');
    const again = await cedargate(args, 'ada');
    expect(again.stdout).toContain('\n  nothing changes but ticket, reason and dates\n');
    const { stdout } = await cedargate(`${args} --match actions=GET --replace --json`, 'ada');
    expect(JSON.parse(stdout).changes).toMatchObject([{ what: 'enforce', name: 'reads' }]);
  });
});

describe('rollback', () => {
  it('goes back, and not to and fro: what was left is no way back', async () => {
    const repository = await begun();
    const { cedargate, approve } = repository;
    for (const [sequence, step] of [
      [2, `promote orders --environment dev --bundle test@2 ${WHY}`],
      [3, `promote orders --environment dev --bundle test@3 ${WHY}`],
      [4, `rollback orders --environment dev --revoke ${WHY}`],
    ] as const) {
      expect(await cedargate(step, 'ada')).toMatchObject({ exitCode: 0 });
      approve(`history/dev/orders/000${sequence}.json`, 'bob');
    }
    const three = rollout(repository, 3).resolved.active.digest;
    expect(rollout(repository, 4)).toMatchObject({
      revoked: [three],
      resolved: { active: { version: '2' }, rollback: { version: '1' } },
    });
    const again = await cedargate(`promote orders --environment dev --bundle test@3 ${WHY}`, 'ada');
    expect(again.stderr).toContain('`test@3` is revoked');
  });
});

describe('an emergency', () => {
  /** Bundle 2 active, everything enforced. */
  async function enforced() {
    const repository = await begun();
    const { cedargate, approve } = repository;
    await cedargate(`promote orders --environment dev --bundle test@2 ${WHY}`, 'ada');
    approve('history/dev/orders/0002.json', 'bob');
    await cedargate(`enforce orders --environment dev --slice all ${WHY}`, 'ada');
    approve('history/dev/orders/0003.json', 'bob', 'carol');
    return repository;
  }
  const EMERGENCY = '--environment dev --emergency --ticket INC-1';
  const emergency = (repository: PolicyRepository, sequence: number) =>
    repository.document(`history/dev/orders/000${sequence}.json`);

  it('relaxes with one key, and leaves the source that people approved', async () => {
    const repository = await enforced();
    const source = repository.read('rollouts/dev/orders.yaml');
    const ran = await repository.cedargate(`relax orders ${EMERGENCY}`, 'erin');
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    expect(approvedState(emergency(repository, 4))).toMatchObject({
      ...{ sequence: 4, ticket: 'INC-1', author: 'erin', enforce: [] },
      emergency: { reconcileByMs: START + DAY },
    });
    expect(repository.read('rollouts/dev/orders.yaml')).toBe(source);
  });

  it('repeats what an open one says, and adds to it', async () => {
    const repository = await enforced();
    await repository.cedargate(`relax orders ${EMERGENCY} --slice all`, 'erin');
    await repository.cedargate(`rollback orders ${EMERGENCY} --revoke`, 'erin');
    await repository.cedargate(
      `block orders ${EMERGENCY} --name abuse --caller anonymous --for 4h`,
      'erin',
    );
    expect(emergency(repository, 6)).toMatchObject({
      ...{ relax: ['all'], rollback: true, blocks: [{ name: 'abuse' }] },
      revoke: [rollout(repository, 3).resolved.active.digest],
    });
    expect(approvedState(emergency(repository, 6)).active?.version).toBe('1');
  });

  it('keeps everything in shadow, and does not wait for a bundle that is not at hand', async () => {
    const repository = await enforced();
    await repository.cedargate(`relax orders ${EMERGENCY}`, 'erin');
    rmSync(join(repository.root, 'bundles'), { recursive: true });
    const block = (name: string, hours: number) =>
      `block orders ${EMERGENCY} --name ${name} --caller anonymous --for ${hours}h`;
    for (const step of [block('abuse', 4), block('other', 4), block('abuse', 2)]) {
      expect(await repository.cedargate(step, 'erin')).toMatchObject({ exitCode: 0, stderr: '' });
    }
    expect(emergency(repository, 7)).toMatchObject({
      relax: 'all',
      blocks: [{ name: 'other' }, { name: 'abuse', untilMs: START + 120 * MINUTE }],
    });
  });

  it('is refused beyond the limits, and on a history that does not hold', async () => {
    const repository = await enforced();
    const { cedargate, read, write } = repository;
    const block = `block orders --environment dev --emergency --name a --caller anonymous`;
    for (const [args, message] of [
      [`${block} --for 8d --ticket INC-1`, '`limits.maxBlock` is 7d'],
      [`${block} --for 4h --ticket X`, 'ticket `X` has not the form'],
    ] as const) {
      const ran = await cedargate(args, 'erin');
      expect(ran).toMatchObject({ exitCode: 4, stderr: expect.stringContaining(message) });
    }
    write('history/dev/orders/0001.json', read('history/dev/orders/0002.json'));
    expect((await cedargate(`relax orders ${EMERGENCY}`, 'erin')).stderr).toContain(
      '[history_broken]',
    );
    expect(repository.files('history/dev/orders')).toHaveLength(3);
  });

  it('ends a block that one made, and none that was approved', async () => {
    const repository = await enforced();
    const { cedargate, approve } = repository;
    const block = 'block orders --environment dev --name old --caller anonymous --for 4h';
    await cedargate(`${block} ${WHY}`, 'ada');
    approve('history/dev/orders/0004.json', 'bob', 'carol');
    await cedargate(`relax orders ${EMERGENCY}`, 'erin');
    await cedargate(`block orders ${EMERGENCY} --name slip --caller anonymous --for 4h`, 'erin');
    const planned = await cedargate(
      `block orders --environment dev --name slip --end ${WHY}`,
      'ada',
    );
    expect(planned.stderr).toContain('emergency 6 has it: end it there with --emergency');
    const approved = await cedargate(`block orders ${EMERGENCY} --name old --end`, 'erin');
    expect(approved).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('no open emergency has a block `old`; there is: `slip`'),
    });
    expect(await cedargate(`block orders ${EMERGENCY} --name slip --end`, 'erin')).toMatchObject({
      exitCode: 0,
    });
    expect(emergency(repository, 7)).toMatchObject({ relax: 'all', blocks: [] });
  });

  it('that is wrong names no file that was never written', async () => {
    const repository = await enforced();
    const ran = await repository.cedargate(
      `block orders ${EMERGENCY} --name a --caller batch --for 4h`,
      'erin',
    );
    expect(ran).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/^error: `blocks\[0\][^\n]*\nhelp: correct what/),
    });
  });

  it('needs the role, a ticket and something approved', async () => {
    const repository = await enforced();
    expect((await repository.cedargate(`relax orders ${EMERGENCY}`, 'ada')).stderr).toContain(
      'role `emergency`',
    );
    const noTicket = 'relax orders --environment dev --emergency';
    expect((await repository.cedargate(noTicket, 'erin')).stderr).toContain('--ticket');
    const other = await policyRepository();
    expect((await other.cedargate(`relax orders ${EMERGENCY}`, 'erin')).stderr).toContain(
      'no approved document',
    );
  });

  it('stands in the way of other changes until it is taken over, with what it revoked', async () => {
    const repository = await enforced();
    const { cedargate, approve } = repository;
    await cedargate(`rollback orders ${EMERGENCY} --revoke`, 'erin');
    await cedargate(`relax orders ${EMERGENCY}`, 'erin');
    const two = rollout(repository, 3).resolved.active.digest;
    const other = await cedargate(`relax orders --environment dev ${WHY}`, 'ada');
    expect(other).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('[emergency_unreconciled]'),
    });
    const taken = await cedargate(
      `promote orders --environment dev --bundle test@1 --reconcile ${WHY}`,
      'ada',
    );
    expect(taken).toMatchObject({ exitCode: 0 });
    approve('history/dev/orders/0006.json', 'bob', 'carol');
    const document = rollout(repository, 6);
    // Both of them: a pod may have stopped at either.
    expect(document.reconciles).toEqual([
      emergency(repository, 4).digest,
      emergency(repository, 5).digest,
    ]);
    expect(document).toMatchObject({ revoked: [two], previous: emergency(repository, 5).digest });
    expect(document.source.change.type).toBe('emergency-review');
    await cedargate(`relax orders --environment dev ${WHY}`, 'ada');
    approve('history/dev/orders/0007.json', 'bob');
    expect(rollout(repository, 7).reconciles).toEqual(document.reconciles);
  });

  it('is refused when it blocks a route that the bundle does not have', async () => {
    const repository = await enforced();
    const ran = await repository.cedargate(
      `block orders ${EMERGENCY} --name a --match routes=none --for 4h`,
      'erin',
    );
    expect(ran).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('route `none`') });
    expect(repository.files('history/dev/orders')).toHaveLength(3);
  });

  it('that lies too long is not followed by another one', async () => {
    const repository = await enforced();
    await repository.cedargate(`relax orders ${EMERGENCY}`, 'erin');
    pass(DAY);
    expect(await repository.cedargate(`rollback orders ${EMERGENCY}`, 'erin')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('was to be reconciled by'),
    });
  });

  it('does not wait for a proposal, which it overtakes', async () => {
    const repository = await enforced();
    await repository.cedargate(`promote orders --environment dev --bundle test@3 ${WHY}`, 'ada');
    await repository.cedargate(`relax orders ${EMERGENCY}`, 'erin');
    expect(emergency(repository, 5)).toMatchObject({ kind: 'emergency', base: { sequence: 3 } });
  });
});
