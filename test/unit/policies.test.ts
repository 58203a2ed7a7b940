/** The policies that we ship are copied by others: they must be right, and their tests must bite. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runBundleTests } from '../../src/analysis/bundle-test.js';
import { readTestDirectory } from '../../src/analysis/test-files.js';
import type { TestReport } from '../../src/analysis/test-report.js';
import { compileBundle } from '../../src/bundle/compile.js';
import { readBundleDirectory } from '../../src/bundle/read-directory.js';
import type { SourceFile } from '../../src/bundle/types.js';
import { createEvaluator } from '../../src/cedar/evaluator.js';
import type { Result } from '../../src/result.js';
import { thirdOf } from '../support/properties.js';

const ROOT = fileURLToPath(new URL('../../policies/', import.meta.url));

async function read(directory: string) {
  const bundle = await readBundleDirectory(directory);
  const tests = await readTestDirectory(directory);
  if (!bundle.ok || !tests.ok) throw new Error(`${directory} cannot be read`);
  const { files: testFiles, ignored } = tests.value;
  return { files: bundle.value.files, testFiles, ignored };
}

/** A compile and a full run for every policy, on a machine that may be busy. */
const REMOVALS_MS_MAX = 120_000;

type Change = (files: readonly SourceFile[]) => readonly SourceFile[];

async function tryShipped(directory: string, change: Change): Promise<Result<TestReport>> {
  const { files, testFiles } = await read(directory);
  const input = { files: change(files), testFiles, environment: undefined };
  return runBundleTests(input, createEvaluator);
}

async function runShipped(
  directory: string,
  change: Change = (files) => files,
): Promise<TestReport> {
  const result = await tryShipped(directory, change);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

/** Replaces text in one of the files, and insists that it was there. */
function edit(file: string, before: string | RegExp, after: string) {
  return (files: readonly SourceFile[]) =>
    files.map((source) => {
      if (source.name !== file) return source;
      const text = Buffer.from(source.bytes).toString('utf8');
      const changed = text.replace(before, after);
      if (changed === text) throw new Error(`${file} does not hold ${before}`);
      return { name: file, bytes: Buffer.from(changed) };
    });
}

describe.each([
  ['the worked example', ROOT],
  ['the observe baseline', `${ROOT}observe`],
])('%s', (_name, directory) => {
  it.each([undefined, 'production', 'staging'])(
    'compiles without a warning in environment %s',
    async (environment) => {
      const { files } = await read(directory);
      const result = compileBundle(files, { environment });
      expect(result).toMatchObject({ ok: true, value: { warnings: [] } });
    },
  );

  it('passes its own tests, which reach every policy', async () => {
    const report = await runShipped(directory);
    expect(report.failed).toEqual([]);
    expect(report.passed).toBeGreaterThan(0);
    expect(report.coverage.unreached).toEqual([]);
  });

  it('has nothing in tests/ that is not run', async () => {
    expect((await read(directory)).ignored).toEqual([]);
  });
});

describe('the tests of the worked example', () => {
  const changes: [name: string, file: string, before: string | RegExp, after: string][] = [
    [
      'the scope of health is widened',
      'shop.cedar',
      '"shop/payments/health"',
      '"shop/payments/payment"',
    ],
    ['reads become anything', 'shop.cedar', 'action in Action::"read"', 'action'],
    [
      'reads are given to the trust domain',
      'shop.cedar',
      'principal in Namespace::"example.org/shop",\n  action in',
      'principal,\n  action in',
    ],
    ['test data may be loaded in production', 'shop.cedar', '== "staging"', '!= "nowhere"'],
    ['a refund needs no card', 'orders.cedar', 'like "card-*"', 'like "*"'],
    ['a refund needs no real ticket', 'orders.cedar', 'like "INC-*"', 'like "*"'],
    [
      'anyone in the shop creates payments',
      'orders.cedar',
      'principal == Workload::"spiffe://example.org/ns/shop/sa/orders",\n  action == Action::"POST",\n  resource == Route::"shop/payments/payments"',
      'principal in Namespace::"example.org/shop",\n  action == Action::"POST",\n  resource == Route::"shop/payments/payments"',
    ],
    ['any workload captures', 'batch.cedar', 'sa/batch"', 'sa/orders"'],
    [
      'the kind of task does not matter',
      'batch.cedar',
      'context.task.kind == "settlement"',
      'true',
    ],
    ['the intent does not matter', 'batch.cedar', 'context.task.intent == "nightly"', 'true'],
    ['tokens of longer than a quarter of an hour settle', 'batch.cedar', '<= 900', '<= 3600'],
    ['expired tasks pass', 'batch.cedar', 'context.time < context.task.expiresAt', 'true'],
    ['a task ends a moment later', 'batch.cedar', 'context.time < ', 'context.time <= '],
    [
      'anyone in the chain is fine',
      'batch.cedar',
      '["scheduler"].containsAll(context.task.chain)',
      'true',
    ],
    ['a job deploys as any other', 'ci.cedar', 'context.task.id == context.params.job', 'true'],
    ['any job deploys', 'ci.cedar', 'context.task.kind == "deploy"', 'true'],
    ['a job deploys anywhere', 'ci.cedar', 'context.task.intent == context.environment', 'true'],
    ['a job never ends', 'ci.cedar', 'context.time < context.task.expiresAt', 'true'],
    [
      'anyone runs a job',
      'ci.cedar',
      'principal == Workload::"spiffe://example.org/ns/ci/sa/runner"',
      'principal',
    ],
    ['any task refunds', 'agents.cedar', 'context.task.kind == "refund"', 'true'],
    [
      'a task refunds any payment',
      'agents.cedar',
      'context.task.intent == context.params.payment',
      'true',
    ],
    [
      'anyone has a hand in the task',
      'agents.cedar',
      / == (\["support-agent", "support-desk"\])/,
      '.containsAll($1)',
    ],
    [
      'an agent hands the task to itself',
      'agents.cedar',
      /context.task.chain == (\["support-agent", "support-desk"\])/,
      '$1.containsAll(context.task.chain)',
    ],
    [
      'a task of an agent never ends',
      'agents.cedar',
      'context.time < context.task.expiresAt',
      'true',
    ],
    [
      'any agent has the task',
      'agents.cedar',
      'principal == Workload::"spiffe://example.org/ns/agents/sa/support"',
      'principal',
    ],
    [
      'an agent needs no number',
      'guardrails.cedar',
      'context.task has id && context.task has chain',
      'context.task has chain',
    ],
    [
      'an agent needs nobody',
      'guardrails.cedar',
      'context.task has id && context.task has chain',
      'context.task has id',
    ],
    ['long-lived tokens write', 'guardrails.cedar', '<= 3600', '<= 3601'],
    ['tokens of an hour do not write', 'guardrails.cedar', '<= 3600', '<= 3599'],
    [
      'long-lived tokens do not even read',
      'guardrails.cedar',
      'action in Action::"write",\n  resource in Service::"shop/payments"\n)\nwhen',
      'action,\n  resource in Service::"shop/payments"\n)\nwhen',
    ],
    [
      'a token without times escapes',
      'guardrails.cedar',
      'context has claims || context has task',
      'context has task',
    ],
    [
      'a token without an issuer escapes',
      'guardrails.cedar',
      'context has claims || context has task',
      'context has claims',
    ],
    [
      'a long-lived token is only what says so',
      'guardrails.cedar',
      /when { context has claims \|\| context has task }\nunless {([^}]*)<= 3600\n};/,
      'when {$1> 3600\n};',
    ],
    ['the schema does not show the issuer', 'schema.cedarschema', /iss\?: String,.*/, ''],
    [
      'the tenant does not matter',
      'partner.cedar',
      'context.claims.tenant == principal.tenant',
      'true',
    ],
    [
      'the partner may search',
      'partner.cedar',
      'action in Action::"write"',
      'action == Action::"DELETE"',
    ],
    [
      'only /admin/* is guarded',
      'guardrails.cedar',
      'context.path == "/admin" || context.path like "/admin/*" }\nunless',
      'context.path like "/admin/x*" }\nunless',
    ],
    [
      'everything that begins with /admin is guarded',
      'guardrails.cedar',
      'like "/admin/*" }\nunless',
      'like "/admin*" }\nunless',
    ],
    [
      'the admin paths are open from outside',
      'guardrails.cedar',
      'isInRange(ip("10.0.0.0/8"))',
      'isInRange(ip("0.0.0.0/0"))',
    ],
    ['nobody gets past the guard', 'guardrails.cedar', '"10.0.0.0/8"', '"10.1.0.0/16"'],
    [
      'the partner is live everywhere',
      'entities.json',
      '"attrs": { "tenant": "acme" },\n    "parents": []',
      '"attrs": { "tenant": "acme" },\n    "parents": [{ "type": "Group", "id": "live-partners" }]',
    ],
    ['the partner is live nowhere', 'entities.production.json', 'live-partners', 'other-partners'],
    ['nobody is an operator', 'entities.json', 'payments-operators', 'other-operators'],
    [
      'the search is no route any more',
      'routes.yaml',
      'path: /payments/search',
      'path: /payments/find',
    ],
  ];

  it.each(thirdOf(changes))('fail when %s', async (_name, file, before, after) => {
    const report = await runShipped(ROOT, edit(file, before, after));
    expect(report.failed).not.toEqual([]);
  });

  it('are refused when the scope is gone, since then they name no destination', async () => {
    const change = edit('bundle.yaml', 'scope:\n  destinations: [shop/payments]', '');
    const result = await tryShipped(ROOT, change);
    expect(result.ok ? undefined : result.problems[0].code).toBe('test_invalid');
  });

  it(
    'fail when any one policy is removed',
    async () => {
      const { files } = await read(ROOT);
      const result = compileBundle(files, { environment: undefined });
      if (!result.ok) throw new Error('the example does not compile');
      const { policies } = result.value.program;
      expect(policies.length).toBeGreaterThan(10);
      for (const { id, file, text } of thirdOf(policies)) {
        // Kept by name, so that expectations still name a policy of the bundle, but never satisfied.
        const never = `${text.replace(/;\s*$/, '')} when { false };`;
        const report = await runShipped(ROOT, edit(file, text, never));
        expect(report.failed, `nothing fails without ${id}`).not.toEqual([]);
        expect(report.coverage.unreached.map((policy) => policy.id)).toContain(id);
      }
    },
    REMOVALS_MS_MAX,
  );

  it('show requests in the words of the documentation', async () => {
    const text = await readFile(`${ROOT}tests/requests.yaml`, 'utf8');
    const docs = await readFile(new URL('../../docs/policy-source.md', import.meta.url), 'utf8');
    const shown = /## Tests[\s\S]*?```yaml\n([\s\S]*?)```/.exec(docs)?.[1] ?? '?';
    const squeeze = (yaml: string) => yaml.replace(/\s+/g, ' ').trim();
    const found = squeeze(text).includes(squeeze(shown.replace('  reason: policy_permit\n', '')));
    expect(found).toBe(true);
  });
});
