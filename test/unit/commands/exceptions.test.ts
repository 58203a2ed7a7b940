import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { VerifiedRollout } from '../../../src/rollout/types.js';
import { CALLER, decisionLine } from '../../support/log-lines.js';
import { type PolicyRepository, policyRepository } from '../../support/policy-repository.js';

const START = Date.UTC(2026, 10, 20, 9);
const DAY = 86_400_000;
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: START }));
afterEach(() => void vi.useRealTimers());

const WHY = '--ticket CHG-1 --reason "because"';
const ADD = `exception add orders --environment dev --owner o ${WHY}`;
const ID = '0193466f-0000-7000-8000-000000000001';
const HISTORY = 'history/dev/orders';

async function begun(...lines: string[]): Promise<PolicyRepository & { log: string }> {
  const repository = await policyRepository();
  const { cedargate, approve, write, root } = repository;
  const first = `--service shop/orders --owner team-orders --review-by 2027-02-22 ${WHY}`;
  await cedargate(`promote orders --environment dev --bundle test@1 ${first}`, 'ada');
  approve(`${HISTORY}/0001.json`, 'bob');
  write('a.log', `${lines.join('\n')}\n`);
  return { ...repository, log: join(root, 'a.log') };
}

describe('exception add --from-decision', () => {
  it('writes the narrowest match, and says what it will let through', async () => {
    const { cedargate, approve, document, log } = await begun(
      decisionLine({ resource: 'shop/orders', path: '/\u001b[2J' }),
    );
    const args = `${ADD} --from-decision ${ID} --log ${log} --for 36h`;
    const made = await cedargate(args, 'ada');
    expect(made.exitCode).toBe(0);
    expect(made.stdout).toContain(
      `From 2026-11-20T09:00:00.000Z until 2026-11-21T21:00:00.000Z, POST requests of ${CALLER} to shop/orders are let through where the policies deny them (exception \`decision-000000000001\`, CHG-1, o: because).\n`,
    );
    expect(made.stderr).toContain('note: the request is on no declared route');
    expect(made.stderr).toContain('not only `/\\u{1b}[2J`');
    approve(`${HISTORY}/0002.json`, 'bob');
    const { source } = document(`${HISTORY}/0002.json`) as VerifiedRollout;
    expect(source.exceptions).toEqual([
      {
        ...{ name: 'decision-000000000001', ticket: 'CHG-1', owner: 'o', reason: 'because' },
        match: { callers: [CALLER], destinations: ['shop/orders'], actions: ['POST'] },
        ...{ fromMs: START, untilMs: START + 1.5 * DAY, overrideForbid: false },
      },
    ]);
    const named = await cedargate(`${args} --name late --json`, 'ada');
    expect(JSON.parse(named.stdout)).toMatchObject({
      means: [expect.stringContaining('(exception `late`, CHG-1')],
      changes: [{ what: 'exception', name: 'late' }],
    });
  });

  it('is refused for what it cannot do, and where flags do not fit together', async () => {
    const { cedargate, log, files } = await begun(
      decisionLine(),
      decisionLine({ decision_id: 'x', resource: 'shop/carts' }),
    );
    const from = `--from-decision ${ID} --log ${log}`;
    for (const [args, message] of [
      [`${from} --for 14d`, '`decision-000000000001` names the route `refund`, which'],
      [
        `--from-decision x --log ${log} --for 14d`,
        '`shop/carts` is no destination of this rollout',
      ],
      [`--from-decision ${ID.slice(1)} --log ${log} --for 14d`, 'no line of the logs is decision'],
      [`--from-decision ${ID} --for 14d`, '--from-decision needs --log'],
      [`${from} --match access=read --for 14d`, 'either --match or --from-decision'],
      [`--name a --match access=read --log ${log} --for 14d`, '--log is for --from-decision'],
      ['--match access=read --for 14d', 'needs --name, or --from-decision'],
      [`${from} --for 14d --override-forbid`, 'no forbid denies it'],
      [`${from}`, 'either --for DURATION'],
      [`${from} --for 31d`, '`decision-000000000001` names the route'],
      [`--from-decision ${ID} --log none.log --for 14d`, '`none.log` cannot be read'],
    ] as const) {
      const ran = await cedargate(`${ADD} ${args}`, 'ada');
      expect(ran.stderr).toContain(message);
      expect(ran.exitCode).not.toBe(0);
    }
    expect(files(HISTORY)).toEqual(['0001.json']);
  });
});

describe('exception list', () => {
  async function listed() {
    const repository = await begun();
    const { cedargate, approve } = repository;
    for (const [i, [name, days]] of [
      ['far', 20],
      ['near', 7],
    ].entries()) {
      await cedargate(
        `${ADD} --name ${name} --match callers=anonymous --match actions=${i === 0 ? 'GET' : 'PUT'} --for ${days}d`,
        'ada',
      );
      approve(`${HISTORY}/000${i + 2}.json`, 'bob');
    }
    return repository;
  }
  const LIST = 'exception list orders --environment dev';

  it('marks those that end soon, and of what sidecars or logs say those never used', async () => {
    const { cedargate, write, root } = await listed();
    const plain = await cedargate(LIST);
    expect(plain.stdout).toBe(
      'far   active  until 2026-12-10T09:00:00.000Z             o  CHG-1  because\n' +
        'near  active  until 2026-11-27T09:00:00.000Z, ends soon  o  CHG-1  because\n',
    );
    const status = (exceptions: readonly object[]) => {
      const rollouts = [
        { rollout: { name: 'carts' }, exceptions: [] },
        { rollout: { name: 'orders' }, exceptions },
      ];
      return JSON.stringify({ environment: 'dev', rollouts, more: 1 });
    };
    const [first_used, last_used] = ['2026-11-20T10:00:00.000Z', '2026-11-21T10:00:00.000Z'];
    write('1.json', status([{ name: 'far', uses: 2, first_used, last_used: first_used }]));
    write('2.json', status([{ name: 'far', uses: 3, first_used, last_used }, { name: 'near' }]));
    write('3.json', status([{ name: 'near', uses: 0, first_used: null, last_used: null }]));
    const at = (...names: string[]) => names.map((name) => join(root, `${name}.json`)).join(' ');
    const json = async (args: string) =>
      JSON.parse((await cedargate(`${LIST} --json ${args}`)).stdout);
    expect(await json(`--status ${at('1', '2')}`)).toMatchObject([
      { name: 'far', endsSoon: false, uses: 5, firstUsed: first_used, lastUsed: last_used },
      { name: 'near', endsSoon: true, uses: null, firstUsed: null, lastUsed: null },
    ]);
    const told = await cedargate(`${LIST} --status ${at('2', '3')}`);
    expect(told.stdout).toContain(`used 3 times, last ${last_used}`);
    expect(told.stdout).toContain('never used');
    expect((await cedargate(`${LIST} --status ${at('2')}`)).stdout).toContain('uses not known');
    const use = { exception: 'far', workload: 'w', cluster: null, rollout: 'orders' };
    const lines = [
      { ...use, timestamp: last_used, mode: 'enforce' },
      use,
      { ...use, rollout: 'carts' },
      { ...use, environment: 'test' },
    ].map((line) => decisionLine(line));
    write('a.log', `${lines.join('\n')}\nno line\n`);
    const logged = await cedargate(`${LIST} --log ${join(root, 'a.log')}`);
    expect(logged.stdout).toContain(`used 2 times, last ${last_used}`);
    expect(logged.stdout).toContain('never used');
    expect(logged.stderr).toContain('not read: ');
  });

  it('has one as ended once a document says that it is later, as sidecars do', async () => {
    const { cedargate, approve } = await listed();
    vi.setSystemTime(START + 8 * DAY);
    await cedargate(`enforce orders --environment dev --slice r --match access=read ${WHY}`, 'ada');
    approve(`${HISTORY}/0004.json`, 'bob');
    vi.setSystemTime(START);
    vi.setSystemTime(START);
    const states = JSON.parse((await cedargate(`${LIST} --json`)).stdout);
    expect(states).toMatchObject([
      { name: 'far', state: 'active' },
      { name: 'near', state: 'ended', endsSoon: false },
    ]);
  });

  it('refuses what is no /status of the rollout', async () => {
    const { cedargate, write, root } = await listed();
    for (const [text, message] of [
      ['{', 'is not JSON'],
      ['{"environment":"dev"}', '`rollouts` is missing or wrong'],
      [
        '{"environment":"test","rollouts":[{"rollout":{"name":"orders"},"exceptions":[]}]}',
        'does not run `orders` in `dev`',
      ],
      ['{"environment":"dev","rollouts":[]}', 'does not run `orders` in `dev`'],
    ] as const) {
      write('s.json', text);
      const ran = await cedargate(`${LIST} --status ${join(root, 's.json')}`);
      expect(ran).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(message) });
    }
    const missing = await cedargate(`${LIST} --log none.log`);
    expect(missing).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('cannot be read'),
    });
  });
});
