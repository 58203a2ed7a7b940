import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { percentBucket } from '../../../src/check/percent.js';
import type { VerifiedRollout } from '../../../src/rollout/types.js';
import { policy, SCHEMA } from '../../support/bundle-files.js';
import { callers, decisionLine, reads } from '../../support/log-lines.js';
import { type PolicyRepository, policyRepository } from '../../support/policy-repository.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 20, 9) }));
afterEach(() => void vi.useRealTimers());

const WHY = '--ticket CHG-1 --reason "because"';
const FIRST = `--service shop/orders --owner team-orders --review-by 2027-02-22 ${WHY}`;
const PARTNER = 'spiffe://partner.example/team/a';
const ABUSER = 'spiffe://example.org/ns/shop/sa/abuser';
const LATE = 'spiffe://example.org/ns/shop/sa/late';
const LISTS = `
hold: [{name: partners, match: {callers: ["spiffe://partner.example/**"]}}]
exceptions: [{name: late, ticket: INC-1, owner: o, reason: r, match: {callers: ["${LATE}"]}, from: 2026-11-20T00:00:00Z, until: 2026-11-21T00:00:00Z}]
blocks: [{name: abuse, ticket: INC-1, owner: o, reason: r, match: {callers: ["${ABUSER}"]}, from: 2026-11-20T00:00:00Z, until: 2026-11-21T00:00:00Z}]
`;

/** Half of the callers enforced for reads, in document 2, which is approved. */
async function enforced(): Promise<PolicyRepository & { seed: string }> {
  const repository = await policyRepository();
  const { cedargate, approve, read, write, root } = repository;
  await cedargate(`promote orders --environment dev --bundle test@1 ${FIRST}`, 'ada');
  approve('history/dev/orders/0001.json', 'bob');
  const source = read('rollouts/dev/orders.yaml').replace(/^hold:.*/ms, LISTS.trimStart());
  write('rollouts/dev/orders.yaml', source);
  write('a.log', reads([...callers(40), LATE]));
  const half = '--slice reads --match access=read --match percent=50';
  const evidence = `--evidence ${join(root, 'a.log')}`;
  await cedargate(`enforce orders --environment dev ${half} ${evidence} ${WHY}`, 'ada');
  await cedargate(`approve ${join(root, 'history/dev/orders/0002.json')}`, 'bob');
  const { seed } = repository.document('history/dev/orders/0002.json') as VerifiedRollout;
  return { ...repository, seed };
}

const NAMED = 'explain --rollout orders --environment dev';
const ask = (caller: string, path: string) => `--caller ${caller} --method GET --path ${path}`;

describe('explain --rollout', () => {
  it('says in which slice a request is and why, and what becomes of it', async () => {
    const { cedargate, seed } = await enforced();
    const bucket = (caller: string) => percentBucket(seed, caller);
    const [inside = ''] = callers(40).filter((caller) => bucket(caller) < 50);
    const [outside = ''] = callers(40).filter((caller) => bucket(caller) >= 50);
    const json = async (args: string) => {
      const { stdout, stderr } = await cedargate(`${NAMED} ${args} --json`);
      expect(stderr).toBe('');
      return JSON.parse(stdout);
    };
    const text = await cedargate(`${NAMED} ${ask(inside, '/2')}`);
    expect(text).toMatchObject({ exitCode: 0, stderr: '' });
    expect(text.stdout).toContain(
      [
        'By rollout orders 2:',
        '  enforced by slice `reads`: deny (no_permit)',
        `  nearest block \`abuse\` does not take it: callers ${ABUSER}, and here it is ${inside}`,
        `  nearest hold \`partners\` does not take it: callers spiffe://partner.example/**, and here it is ${inside}`,
        `  enforced slice \`reads\` takes it: access read; bucket ${bucket(inside)}, inside of 50 percent`,
        `  nearest exception \`late\` does not take it: callers ${LATE}, and here it is ${inside}`,
        '',
      ].join('\n'),
    );
    const shadow = await cedargate(`${NAMED} ${ask(outside, '/2')}`);
    expect(shadow.stdout).toContain(
      '  in shadow, in no slice: allow (no_permit), and would be denied if',
    );
    expect(shadow.stdout).toContain(
      `nearest enforced slice \`reads\` does not take it: bucket ${bucket(outside)}, outside of 50 percent`,
    );
    expect((await json(ask(inside, '/1'))).standing).toMatchObject({
      ...{ rollout: 'orders', sequence: 2, mode: 'enforce', slice: 'reads', kind: 'enforce' },
      bucket: bucket(inside),
      verdict: { outcome: 'allow', reason: 'policy_permit' },
    });
    expect((await json(ask(PARTNER, '/2'))).standing).toMatchObject({
      ...{ mode: 'shadow', slice: 'partners', kind: 'hold' },
      verdict: { outcome: 'allow', reason: 'no_permit', wouldDeny: true },
    });
    expect((await json(ask(ABUSER, '/1'))).standing).toMatchObject({
      ...{ slice: 'abuse', kind: 'block' },
      verdict: { outcome: 'deny', reason: 'blocked' },
    });
    const late = (await json(ask(LATE, '/2'))).standing;
    expect(late.exception).toBe('late');
    expect(late.verdict).toMatchObject({ outcome: 'allow', wouldDeny: false });
    const ended = (await json(`${ask(LATE, '/2')} --time 2026-11-21T00:00:00Z`)).standing;
    expect(ended.exception).toBeNull();
    const anonymous = (await json(ask('anonymous', '/2'))).standing;
    expect(anonymous).toMatchObject({ bucket: null, slice: null });
    const unreadable = (await json(ask(inside, '/a//b'))).standing;
    expect(unreadable).toMatchObject({ slice: 'reads', verdict: { reason: 'path_rejected' } });
  });

  it('takes a document that waits, and a line of the log as of its time', async () => {
    const { cedargate, root, write } = await enforced();
    await cedargate(`enforce orders --environment dev --slice all ${WHY}`, 'ada');
    const file = join(root, 'history/dev/orders/0003.json');
    const waits = await cedargate(`explain --rollout ${file} ${ask(PARTNER, '/1')}`);
    expect(waits.stderr).toContain('the document is not approved');
    expect(waits.stdout).toContain('enforced slice `all` takes it: everything');
    const logged = (changes: object) => {
      const input = {
        principal: { type: 'Workload', id: LATE },
        ...{ action: 'GET', resource: { type: 'Service', id: 'shop/orders' } },
        context: { path: '/2' },
      };
      const request = { principal: LATE, action: 'GET', access: 'read', resource: 'shop/orders' };
      write('line', decisionLine({ input, replayable: true, ...request, ...changes }));
      return cedargate(`${NAMED} --line ${join(root, 'line')} --json`);
    };
    const standing = async (changes: object) => JSON.parse((await logged(changes)).stdout).standing;
    expect(await standing({})).toMatchObject({ exception: 'late', verdict: { outcome: 'allow' } });
    expect(await standing({ timestamp: '2026-11-21T08:00:00Z' })).toMatchObject({
      exception: null,
    });
    const blocked = { reason: 'blocked', input: null, replayable: false };
    expect(await standing(blocked)).toMatchObject({ verdict: null });
    expect((await logged({ resource: null })).stderr).toContain('names no destination');
    expect((await logged({ access: 1 })).stderr).toContain('`access`: must be `read` or `write`');
  });

  it('refuses what it cannot place', async () => {
    const { cedargate, root, write } = await enforced();
    const asked = ask(PARTNER, '/1');
    const file = join(root, 'history/dev/orders/0002.json');
    for (const [args, message] of [
      [`explain --rollout orders ${asked}`, 'by name needs --environment'],
      [`explain --rollout carts --environment dev ${asked}`, 'no document of `carts` is approved'],
      [`explain --rollout ${file} --environment test ${asked}`, 'is of environment `dev`'],
      [`explain --rollout none.json ${asked}`, 'cannot be read'],
      [`${NAMED} --service shop/carts ${asked}`, 'does not cover `shop/carts`'],
    ] as const) {
      const ran = await cedargate(args);
      expect(ran.stderr).toContain(message);
      expect(ran.stdout).toBe('');
      expect(ran.exitCode).not.toBe(0);
    }
    for (const [name, text] of Object.entries({
      'bundle.yaml': 'name: test\nversion: "9"\nowner: o\n',
      'schema.cedarschema': SCHEMA,
      'main.cedar': policy('main'),
    })) {
      write(`policies/${name}`, text);
    }
    const other = await cedargate(`${NAMED} --bundle ${join(root, 'policies')} ${asked}`);
    expect(other.stderr).toContain('the rollout runs test@1, and this is test@9');
    expect(other.stdout).toContain('By rollout orders 2:');
  });
});
