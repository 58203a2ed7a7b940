/** What the commands can do once a key is gone from trust.yaml, with which documents were made. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseTrust } from '../../../src/rollout/trust.js';
import type { VerifiedEmergency, VerifiedRollout } from '../../../src/rollout/types.js';
import { verifyDocument } from '../../../src/rollout/verify.js';
import { commitAll, git } from '../../support/git.js';
import { type PolicyRepository, policyRepository } from '../../support/policy-repository.js';
import { resultValue } from '../../support/result.js';

const START = Date.UTC(2026, 10, 20, 9);
const MINUTE = 60_000;
const WHY = '--ticket CHG-1 --reason "because"';
const FIRST = `--service shop/orders --owner team-orders --review-by 2027-02-22 ${WHY}`;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: START }));
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
const commit = ({ root }: PolicyRepository) => commitAll(root, Date.now() / 1_000);

/** Bundle 1 and then bundle 2 in dev, everything enforced; the rules are in Git. */
async function begun({ isGit = true } = {}) {
  const repository = await policyRepository();
  if (isGit) git(repository.root, ['init', '-q']);
  if (isGit) commit(repository);
  const { cedargate, approve } = repository;
  const dev = '--environment dev';
  await cedargate(`promote orders ${dev} --bundle test@1 ${FIRST}`, 'ada');
  approve('history/dev/orders/0001.json', 'dan');
  await cedargate(`promote orders ${dev} --bundle test@2 ${WHY}`, 'ada');
  approve('history/dev/orders/0002.json', 'bob');
  return repository;
}

const ROLES = {
  author: ['author: {people: [ada, carol]', 'author: {people: [carol]'],
  approver: ['[ada, bob, carol, dan]', '[ada, carol, dan]'],
  emergency: ['emergency: {people: [erin]', 'emergency: {people: [dan]'],
} as const;

function remove(repository: PolicyRepository, ...roles: (keyof typeof ROLES)[]) {
  const { read, write } = repository;
  pass(MINUTE);
  let text = read('trust.yaml').replace('approvers: [bob, carol, dan]', 'approvers: [carol, dan]');
  for (const [before, after] of roles.map((role) => ROLES[role])) {
    text = text.replace(before, after);
  }
  write('trust.yaml', text);
}

/** By the rules of now. */
function document<T = VerifiedRollout>({ root, read }: PolicyRepository, file: string): T {
  const trust = resultValue(parseTrust(Buffer.from(read('trust.yaml')), root));
  const environment = file.split('/')[1] ?? '';
  return resultValue(verifyDocument(Buffer.from(read(file)), file, { trust, environment })) as T;
}

describe('once the key of an author or approver is gone', () => {
  it('the next document follows what does not count, and its way back is one that does', async () => {
    const repository = await begun();
    const { cedargate, approve, files } = repository;
    remove(repository, 'approver');
    commit(repository);
    const refused = await cedargate(
      'relax orders --environment dev --emergency --ticket INC-1',
      'erin',
    );
    expect(refused).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/\nhelp: a sidecar with this trust.yaml refuses every/),
    });
    // Back from bundle 2, which only bob approved; not to what document 2 says.
    expect(await cedargate(`rollback orders --environment dev ${WHY}`, 'ada')).toMatchObject({
      ...{ exitCode: 0, stderr: '' },
    });
    // Whoever approves it sees it against what ran, whether that counts now or not.
    const shown = await cedargate(`show ${repository.root}/history/dev/orders/0003.json --json`);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      ...{ comparedWith: { sequence: 2, approved: true }, notCompared: null },
    });
    approve('history/dev/orders/0003.json', 'dan');
    expect(document(repository, 'history/dev/orders/0003.json')).toMatchObject({
      ...{ sequence: 3, superseded: [], resolved: { active: { version: '1' }, rollback: null } },
    });
    const relaxed = await cedargate(
      `block orders --environment dev --emergency --ticket INC-1 --name a --caller anonymous --for 1h`,
      'erin',
    );
    expect(relaxed).toMatchObject({ exitCode: 0 });
    expect(files('history/dev/orders')).toHaveLength(4);
  });

  it('an emergency still stands on nothing that the author sealed, until it is sealed anew', async () => {
    const repository = await begun();
    const { cedargate, approve } = repository;
    remove(repository, 'author');
    const block =
      'block orders --environment dev --emergency --ticket INC-1 --name a --caller anonymous --for 1h';
    expect(await cedargate(block, 'erin')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('seal it anew'),
    });
    expect(await cedargate(`promote orders --environment dev ${WHY}`, 'carol')).toMatchObject({
      exitCode: 0,
    });
    approve('history/dev/orders/0003.json', 'bob');
    const third = document(repository, 'history/dev/orders/0003.json');
    expect(third.resolved).toMatchObject({ active: { version: '2' }, rollback: { version: '1' } });
    expect(await cedargate(block, 'erin')).toMatchObject({ exitCode: 0 });
  });

  it('a bundle is not known to an environment by what does not count, until that is approved again', async () => {
    const repository = await begun();
    const { cedargate, approve } = repository;
    pass(30 * MINUTE);
    await cedargate(`promote orders --environment test --from dev ${FIRST}`, 'ada');
    approve('history/test/orders/0001.json', 'bob');
    remove(repository, 'approver');
    const anew = `promote orders --environment test ${WHY}`;
    expect((await cedargate(anew, 'ada')).stderr).toContain('bundles come to `test` from `dev`');
    expect((await cedargate(`${anew} --from dev`, 'ada')).stderr).toContain(
      'nothing is active in `dev`',
    );
    const again = `approve ${repository.root}/history/test/orders/0001.json`;
    expect(await cedargate(again, 'dan')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await cedargate(anew, 'ada')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('nothing takes the number of one of which Git does not say whether it counted', async () => {
    const repository = await begun({ isGit: false });
    remove(repository, 'approver');
    const ran = await repository.cedargate(
      `promote orders --environment dev --replace ${WHY}`,
      'ada',
    );
    expect(ran).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('Git does not say whether it had enough'),
    });
  });
});

describe('once the key of an emergency is gone', () => {
  it('the next one repeats what it revoked, and nothing else; nor does it wait for it', async () => {
    const repository = await begun();
    const { cedargate } = repository;
    const emergency = '--environment dev --emergency --ticket INC-1';
    const block = `block orders ${emergency} --caller anonymous --for 1h`;
    await cedargate(`${block} --name old`, 'erin');
    await cedargate(`rollback orders ${emergency} --revoke`, 'erin');
    remove(repository, 'emergency');
    pass(48 * 60 * MINUTE);
    const overtaking = `relax orders --environment dev ${WHY}`;
    expect((await cedargate(overtaking, 'ada')).stderr).toContain('[emergency_unreconciled]');
    expect(await cedargate(`${block} --name new`, 'dan')).toMatchObject({ exitCode: 0 });
    const second = document(repository, 'history/dev/orders/0002.json');
    expect(document<VerifiedEmergency>(repository, 'history/dev/orders/0005.json')).toMatchObject({
      ...{ rollback: false, blocks: [{ name: 'new' }], revoke: [second.resolved.active.digest] },
    });
  });
});
