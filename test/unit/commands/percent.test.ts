import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { percentBucket } from '../../../src/check/percent.js';
import type { VerifiedRollout } from '../../../src/rollout/types.js';
import { verifyDocument } from '../../../src/rollout/verify.js';
import { callers, decisionLine, reads } from '../../support/log-lines.js';
import { type PolicyRepository, policyRepository } from '../../support/policy-repository.js';
import { BY, makeRollout, sourceText } from '../../support/rollouts.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 20, 9) }));
afterEach(() => void vi.useRealTimers());

const WHY = '--ticket CHG-1 --reason "because"';
const FIRST = `--service shop/orders --owner team-orders --review-by 2027-02-22 ${WHY}`;
const ENFORCE = `enforce orders --environment dev --slice reads --match access=read ${WHY}`;
const HISTORY = 'history/dev/orders';

/** Document 1 is approved; `a.log` has one read by each of these. */
async function begun(known = callers(40)): Promise<PolicyRepository & { log: string }> {
  const repository = await policyRepository();
  const { cedargate, approve, write, root } = repository;
  await cedargate(`promote orders --environment dev --bundle test@1 ${FIRST}`, 'ada');
  approve(`${HISTORY}/0001.json`, 'bob');
  const later = { timestamp: '2026-11-21T08:00:00.000Z' };
  write('a.log', `${reads(known)}${reads(known.slice(0, 1), later)}no line\n`);
  return { ...repository, log: join(root, 'a.log') };
}

const document = ({ document: read }: PolicyRepository, sequence: number) =>
  read(`${HISTORY}/000${sequence}.json`) as VerifiedRollout;

describe('a percentage', () => {
  it('is sealed with those whom it takes, who are on the card that people approve', async () => {
    const repository = await begun();
    const { cedargate, log, read, root } = repository;
    const made = await cedargate(`${ENFORCE} --match percent=25 --evidence ${log}`, 'ada');
    expect(made).toMatchObject({
      exitCode: 0,
      stderr: 'evidence: 41 decisions of orders in dev read, 1 line was none of cedargate\n',
    });
    expect(made.stdout).toContain(`evidence: ${HISTORY}/0002.evidence.json\n`);
    const file = join(root, `${HISTORY}/0002.json`);
    const shown = await cedargate(`show ${file}`);
    expect(shown).toMatchObject({ exitCode: 0, stderr: '' });
    const { evidence, seen } = JSON.parse((await cedargate(`show ${file} --json`)).stdout);
    const sealed = await cedargate(`approve ${file}`, 'bob');
    expect(sealed).toMatchObject({ exitCode: 0, stderr: '' });
    const { seed, evidence: digest } = document(repository, 2);
    expect(evidence).toBe(digest);
    const inside = callers(40).filter((caller) => percentBucket(seed, caller) < 25);
    expect(seen).toMatchObject({
      why: null,
      logs: [{ name: 'a.log', lines: 42 }],
      from: '2026-11-20T08:00:00.000Z',
      to: '2026-11-21T08:00:00.000Z',
      slices: [{ name: 'reads', percent: 25, known: 40, outside: 40 - inside.length }],
    });
    const named = seen.slices[0].inside.map((one: { caller: string }) => one.caller);
    expect(named.sort()).toEqual(inside.sort());
    expect(shown.stdout).toContain(
      `Who was seen to call\n  slice reads, 25 % of 40 known callers: ${inside.length} inside, ${40 - inside.length} outside, `,
    );
    const markdown = await cedargate(`show ${file} --markdown`);
    for (const caller of inside) {
      expect(shown.stdout).toContain(`    inside: ${caller} (`);
      expect(markdown.stdout).toContain(`  - \`inside: ${caller} (`);
    }
    expect(JSON.parse(read(`${HISTORY}/0002.evidence.json`)).lines.bad).toBe(1);
  });

  it('may be in the first document: the seed is that of the document', async () => {
    const repository = await begun();
    const { cedargate, log, read, write } = repository;
    const source = read('rollouts/dev/orders.yaml');
    write(
      'rollouts/dev/carts.yaml',
      source
        .replace('name: orders', 'name: carts')
        .replace('enforce: []', 'enforce: [{name: s, match: {percent: 50}}]'),
    );
    const made = await cedargate(`promote carts --environment dev ${WHY} --evidence ${log}`, 'ada');
    expect(made).toMatchObject({ exitCode: 0 });
    const file = join(repository.root, 'history/dev/carts/0001.json');
    const approved = await cedargate(`approve ${file}`, 'bob');
    expect(approved).toMatchObject({ exitCode: 0, stderr: '' });
    expect(approved.stdout).toContain('slice s, 50 % of 40 known callers: ');
  });

  it('needs evidence when it is new or grows, and none when it stays or shrinks', async () => {
    const repository = await begun();
    const { cedargate, approve, log, files } = repository;
    const refused = await cedargate(`${ENFORCE} --match percent=25`, 'ada');
    expect(refused).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('[evidence_missing]'),
    });
    expect(files(HISTORY)).toEqual(['0001.json']);
    await cedargate(`${ENFORCE} --match percent=25 --evidence ${log}`, 'ada');
    await cedargate(`approve ${join(repository.root, HISTORY, '0002.json')}`, 'bob');
    const grown = await cedargate(`${ENFORCE} --match percent=50`, 'ada');
    expect(grown.stderr).toContain('[evidence_missing]');
    const other = `enforce orders --environment dev --slice more --match routes=x ${WHY}`;
    expect((await cedargate(other, 'ada')).stderr).toContain('[rollout_misfit]');
    for (const [sequence, percent] of [
      [3, '25'],
      [4, '5'],
    ] as const) {
      const made = await cedargate(`${ENFORCE} --match percent=${percent}`, 'ada');
      expect(made).toMatchObject({ exitCode: 0, stderr: '' });
      approve(`${HISTORY}/000${sequence}.json`, 'bob');
      expect(document(repository, sequence).evidence).toBeNull();
    }
  });

  it('is refused below ten known callers, with the way out', async () => {
    const { cedargate, log, files, write } = await begun(callers(9));
    // The tenth is seen elsewhere.
    const [tenth = ''] = callers(10).slice(-1);
    write('b.log', reads([tenth], { environment: 'test' }));
    const args = `${ENFORCE} --match percent=25 --evidence ${log} --evidence ${log.replace('a.log', 'b.log')}`;
    const refused = await cedargate(args, 'ada');
    expect(refused.exitCode).toBe(5);
    expect(refused.stderr).toContain('1 of other places left out');
    expect(refused.stderr).toContain('9 callers are known in slice `reads`, and 25 % wants 10');
    expect(refused.stderr).toContain('[callers_too_few]');
    expect(refused.stderr).toContain('--match callers=');
    expect(files(HISTORY)).toEqual(['0001.json']);
    const missing = await cedargate(`${ENFORCE} --match percent=25 --evidence none.log`, 'ada');
    expect(missing.stderr).toContain('`none.log` cannot be read');
  });

  it('is not approved without the evidence that the document names', async () => {
    const repository = await begun();
    const { cedargate, log, read, write, root } = repository;
    await cedargate(`${ENFORCE} --match percent=25 --evidence ${log}`, 'ada');
    const file = join(root, `${HISTORY}/0002.json`);
    const beside = `${HISTORY}/0002.evidence.json`;
    const evidence = read(beside);
    write(beside, evidence.replace('"inside":false', '"inside":true'));
    const altered = await cedargate(`approve ${file}`, 'bob');
    expect(altered).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('[evidence_altered]'),
    });
    expect(altered.stdout).toContain('the evidence cannot be shown: it is `sha256:');
    rmSync(join(root, beside));
    const missing = await cedargate(`approve ${file}`, 'bob');
    expect(missing).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('0002.evidence.json'),
    });
    const { stdout } = await cedargate(`show ${file} --markdown`);
    expect(stdout).toContain('- `the evidence cannot be shown: the file cannot be read');
    write(beside, evidence);
    expect(await cedargate(`approve ${file}`, 'bob')).toMatchObject({ exitCode: 0 });
  });

  it('takes its evidence with it when it is replaced', async () => {
    const { cedargate, log, files } = await begun();
    await cedargate(`${ENFORCE} --match percent=25 --evidence ${log}`, 'ada');
    expect(files(HISTORY)).toEqual(['0001.json', '0002.evidence.json', '0002.json']);
    expect(await cedargate(`${ENFORCE} --replace`, 'ada')).toMatchObject({ exitCode: 0 });
    expect(files(HISTORY)).toEqual(['0001.json', '0002.json']);
  });
});

it('evidence for a whole slice says who is in it, however few they are', async () => {
  const { cedargate, root, write } = await begun();
  write('b.log', `${reads(callers(2))}${decisionLine()}\n`);
  const made = await cedargate(`${ENFORCE} --evidence ${join(root, 'b.log')}`, 'ada');
  expect(made).toMatchObject({ exitCode: 0 });
  const { stdout } = await cedargate(`show ${join(root, `${HISTORY}/0002.json`)}`);
  expect(stdout).toContain('  slice reads: 2 known callers\n    inside: spiffe://');
});

type Wrong = readonly [
  what: string,
  list: 'enforce' | 'hold' | 'exceptions' | 'blocks',
  item: string,
  message: string,
];
const at = 'from: 2026-11-20T00:00:00Z, until: 2026-11-21T00:00:00Z';
const until = (day: string) => at.replace('11-21', day);
const people = 'ticket: INC-1, owner: o, reason: r';
const narrow = 'match: {access: read}';
const WRONG: readonly Wrong[] = [
  ['percent of all', 'enforce', '{name: a, match: {percent: 100}}', 'from 1 to 99'],
  ['percent of nobody', 'enforce', '{name: a, match: {percent: 0}}', 'from 1 to 99'],
  ['a part of a percent', 'enforce', '{name: a, match: {percent: 2.5}}', 'from 1 to 99'],
  [
    'percent with anonymous callers',
    'enforce',
    '{name: a, match: {percent: 5, callers: [anonymous]}}',
    'never takes anonymous callers',
  ],
  [
    'percent with callers that cannot be read',
    'enforce',
    '{name: a, match: {percent: 5, unidentified: true}}',
    'never takes callers whose identity cannot be read',
  ],
  ['percent of a hold', 'hold', '{name: a, match: {percent: 5}}', 'is for `enforce` only'],
  [
    'percent of an exception',
    'exceptions',
    `{name: a, ${people}, match: {percent: 5}, ${at}}`,
    'is for `enforce` only',
  ],
  [
    'percent of a block',
    'blocks',
    `{name: a, ${people}, match: {percent: 5}, ${at}}`,
    'is for `enforce` only',
  ],
  [
    'an exception without a ticket',
    'exceptions',
    `{name: a, owner: o, reason: r, ${narrow}, ${at}}`,
    'ticket` is missing',
  ],
  [
    'a block without a ticket',
    'blocks',
    `{name: a, owner: o, reason: r, ${narrow}, ${at}}`,
    'ticket` is missing',
  ],
  [
    'an exception that ends before it begins',
    'exceptions',
    `{name: a, ${people}, ${narrow}, ${until('11-19')}}`,
    'must be later than `from`',
  ],
  [
    'a block that ends before it begins',
    'blocks',
    `{name: a, ${people}, ${narrow}, ${until('11-19')}}`,
    'must be later than `from`',
  ],
  [
    'an exception longer than the rules allow',
    'exceptions',
    `{name: a, ${people}, ${narrow}, ${until('12-21')}}`,
    '`limits.maxException` is 30d',
  ],
  [
    'a block longer than the rules allow',
    'blocks',
    `{name: a, ${people}, ${narrow}, ${until('11-28')}}`,
    '`limits.maxBlock` is 7d',
  ],
  [
    'a slice outside of the rollout',
    'enforce',
    '{name: a, match: {destinations: [shop/x]}}',
    '`shop/x` is no destination of this rollout',
  ],
  [
    'a hold outside of the rollout',
    'hold',
    '{name: a, match: {destinations: [shop/x]}}',
    '`shop/x` is no destination of this rollout',
  ],
  [
    'an unknown route of a slice',
    'enforce',
    '{name: a, match: {routes: [refund]}}',
    '`a` names the route `refund`',
  ],
  [
    'an unknown route of a hold',
    'hold',
    '{name: a, match: {routes: [refund]}}',
    '`a` names the route `refund`',
  ],
  [
    'an unknown route of an exception',
    'exceptions',
    `{name: a, ${people}, match: {routes: [refund]}, ${at}}`,
    '`a` names the route `refund`',
  ],
  [
    'an unknown route of a block',
    'blocks',
    `{name: a, ${people}, match: {routes: [refund]}, ${at}}`,
    '`a` names the route `refund`',
  ],
];

it('what is wrong with a source is refused when it is sealed, with the line', async () => {
  const { cedargate, read, write, files } = await begun();
  const text = read('rollouts/dev/orders.yaml');
  for (const [what, list, item, message] of WRONG) {
    const edited = text.replace(new RegExp(`^${list}: .*$`, 'm'), `${list}: [${item}]`);
    const line = edited.split('\n').findIndex((each) => each.startsWith(`${list}:`)) + 1;
    write('rollouts/dev/orders.yaml', edited);
    const ran = await cedargate(`promote orders --environment dev ${WHY}`, 'ada');
    expect(ran.stderr, what).toContain(message);
    expect(ran.stderr, what).toContain(`rollouts/dev/orders.yaml:${line}:`);
    expect(ran.exitCode, what).not.toBe(0);
    expect(files(HISTORY), what).toEqual(['0001.json']);
  }
});

describe('what is wrong with a source is refused again when it is loaded, with the line', () => {
  // Whether a bundle has a route is asked where it is: reload/choose-running.ts.
  const loaded = WRONG.filter(([what]) => !what.startsWith('an unknown route'));
  it.each(loaded)('%s', (_, list, item, message) => {
    const source = { enforce: '[]', [list]: `[${item}]` };
    const bytes = makeRollout({ source, approvals: 3 });
    const line =
      sourceText(source)
        .split('\n')
        .findIndex((each) => each.startsWith(`${list}:`)) + 1;
    const problem = { message: expect.stringContaining(message), file: 'r.json (source)', line };
    const read = verifyDocument(bytes, 'r.json', BY);
    expect(read).toMatchObject({ ok: false, problems: [problem] });
  });
});
