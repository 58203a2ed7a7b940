/**
 * `make verify`: what takes longer than `make test`, or needs tools that not every machine has.
 * Every step runs whatever became of the others; the results go to docs/verified.json, which is
 * committed. Exit 1 when any step failed. STEP=cosign runs the steps with that in their names only, and
 * puts what they found in place of what the report said of them: every step says of which commit it is.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { delimiter, join } from 'node:path';
import { writeBundle } from '../bench/bundles.js';
import { startLoadProcess } from '../bench/load-process.js';
import { benchPolicies } from '../bench/policies.js';
import { startCedargate } from '../bench/servers.js';
import { bundleFiles, policy, writeFiles } from '../test/support/bundle-files.js';
import { findEnvoy } from '../test/support/envoy.js';
import type { LogLine } from '../test/support/program.js';
import { startSidecar } from '../test/support/sidecar.js';
import { cosignSigns, cosignVersion, withoutCosign } from './cosign.js';
import { inTemporaryFolder, ROOT, run, versionOf } from './shell.js';
import { soakThroughEnvoy } from './soak.js';

const REPORT = 'docs/verified.json';
/** The npm package `node`, which carries the binary. */
const OTHER_NODE = 'node@24.21.0';
const OTHER_NODE_DIR = join(ROOT, '.cache', OTHER_NODE);
/** For properties that give no number of their own; those that do run it in every round. */
const PROPERTY_RUNS = 1_000;
const PROPERTY_ROUNDS = 2;
/**
 * Six to seven minutes on two cores: 1,300 a second and core (380 s of CPU for each half of a million), of
 * which the engine takes most for the whole set with all entities.
 */
const DIFFERENTIAL_CASES = Number(process.env.DIFFERENTIAL_CASES || 1_000_000);
const DIFFERENTIAL_PROCESSES = 2;
/** Printed by test/unit/cedar/differential.test.ts when it asks many questions. */
const DIFFERENTIAL_LINE = /differential: (\{.*\})/;
type DifferentialCounts = Partial<
  Record<'cases' | 'sets' | 'hit' | 'miss' | 'bypass' | 'errored' | 'refused', number>
>;
const STATE_KILLS = 200;
const TAKE_OVER_RUNS = 3;
/** Node 20 once ended the whole process on such bundles (src/cedar/engine.ts), in every second load. */
const LARGE_POLICIES = 9_000;
const LARGE_LOADS = 10;
const LARGE_LOAD_MS_MAX = 60_000;
/** It did so while deciding too, after 4,000 to 20,000 checks. */
const SOAK_CHECKS = 60_000;
const SOAK_POLICIES = 10;
const SOAK_CONCURRENCY = 16;
/** With reloads, widening slices and expiring exceptions. */
const ENVOY_CHECKS = 200_000;
const OUTPUT_LINES_SHOWN = 60;
/** Printed last by test/support/reporter.ts. */
const CLOSING_LINE = /^cedargate: (\d+) passed, 0 failed, \d+ skipped$/m;

interface Step {
  readonly name: string;
  /** Gives what was found in a few words; throws when the step failed. */
  run(): Promise<string>;
  /** Why this machine cannot run it; the step then counts neither as passed nor as failed. */
  absent?(): Promise<string | undefined>;
}

interface StepResult {
  readonly name: string;
  readonly result: 'pass' | 'fail' | 'absent';
  readonly seconds: number;
  readonly detail: string;
  /** What it ran on. */
  readonly commit: string;
  /** The work tree differed from the commit. */
  readonly dirty: boolean;
}

const STEPS: readonly Step[] = [
  { name: 'fresh clone of the commit: .ci/run', run: freshClone },
  { name: `all tests on ${OTHER_NODE}`, run: otherNode },
  { name: 'tests that take longer', run: longTests },
  { name: `properties, ${PROPERTY_ROUNDS} rounds with fresh seeds`, run: properties },
  {
    name: `the evaluator and plain isAuthorized, ${DIFFERENTIAL_CASES} questions`,
    run: differential,
  },
  { name: `take-over under load, ${TAKE_OVER_RUNS} runs`, run: takeOver },
  { name: `a state directory, ${STATE_KILLS} times kill -9`, run: stateKills },
  { name: `${LARGE_POLICIES} policies taken ${LARGE_LOADS} times`, run: largeBundles },
  { name: `${SOAK_CHECKS} checks in one process`, run: soak },
  {
    name: `${ENVOY_CHECKS} mixed checks through Envoy under changing documents`,
    run: () => soakThroughEnvoy(ENVOY_CHECKS),
  },
  { name: `one bundle built here and on ${OTHER_NODE}: the same bytes`, run: sameBytes },
  { name: 'a bundle signed by cosign', run: cosignSigns, absent: withoutCosign },
  { name: 'demo', run: demo },
  { name: 'package installed in an empty folder', run: packed },
  { name: 'promtool check metrics', run: promtool, absent: withoutPromtool },
];

async function main(): Promise<void> {
  const only = process.env.STEP ?? '';
  const wanted = STEPS.filter(({ name }) => name.includes(only));
  if (wanted.length === 0) throw new Error(`no step has \`${only}\` in its name`);
  const state = await stateOfTree();
  const found = new Map<string, StepResult>();
  for (const step of wanted) found.set(step.name, await runStep(step, state));
  const before = only === '' ? [] : stepsBefore();
  // In the order of the steps; what a step was called before is none any more.
  const steps = STEPS.flatMap(({ name }) => {
    return found.get(name) ?? before.find((step) => step.name === name) ?? [];
  });
  await writeReport(state, steps);
  process.exitCode = isPassed([...found.values()]) ? 0 : 1;
}

/** What the report says now. A step of a report that does not say of which commit is of the report's. */
function stepsBefore(): readonly StepResult[] {
  const file = join(ROOT, REPORT);
  if (!existsSync(file)) return [];
  const { commit, dirty, steps } = JSON.parse(readFileSync(file, 'utf8')) as TreeState & {
    readonly steps: readonly StepResult[];
  };
  return steps.map((step) => ({
    ...step,
    commit: step.commit ?? commit,
    dirty: step.dirty ?? dirty,
  }));
}

function isPassed(steps: readonly StepResult[]): boolean {
  return steps.every(({ result }) => result !== 'fail');
}

interface TreeState {
  readonly commit: string;
  readonly dirty: boolean;
}

async function stateOfTree(): Promise<TreeState> {
  const commit = (await run('git', ['rev-parse', 'HEAD'])).trim();
  const changed = await run('git', ['status', '--porcelain', '--', '.', `:!${REPORT}`]);
  const dirty = changed.trim() !== '';
  if (dirty) console.log('the work tree differs from the commit: the report will say `dirty`');
  return { commit, dirty };
}

async function writeReport(state: TreeState, steps: readonly StepResult[]): Promise<void> {
  const complete = steps.length === STEPS.length;
  const report = {
    ...state,
    date: new Date().toISOString(),
    result: complete && isPassed(steps) ? 'pass' : 'fail',
    machine: { platform: process.platform, arch: process.arch, cores: cpus().length },
    tools: await toolVersions(),
    steps,
  };
  writeFileSync(join(ROOT, REPORT), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`wrote ${REPORT}: ${report.result}`);
}

async function runStep(step: Step, state: TreeState): Promise<StepResult> {
  console.log(`... ${step.name}`);
  const begin = performance.now();
  const outcome = await outcomeOf(step);
  const seconds = Math.round((performance.now() - begin) / 100) / 10;
  console.log(`${outcome.result.padEnd(6)} ${step.name} (${seconds} s): ${outcome.detail}`);
  return { name: step.name, result: outcome.result, seconds, detail: outcome.detail, ...state };
}

async function outcomeOf(step: Step): Promise<Pick<StepResult, 'result' | 'detail'>> {
  try {
    const why = await step.absent?.();
    if (why !== undefined) return { result: 'absent', detail: why };
    return { result: 'pass', detail: await step.run() };
  } catch (thrown) {
    const [first = '', ...rest] = String((thrown as Error).message).split('\n');
    if (rest.length > 0) console.log(rest.slice(-OUTPUT_LINES_SHOWN).join('\n'));
    // The report is committed: where the checkout is says nothing to anybody else.
    return { result: 'fail', detail: first.replaceAll(ROOT, '') };
  }
}

async function freshClone(): Promise<string> {
  return inTemporaryFolder(async (dir) => {
    await run('git', ['clone', '--quiet', '--no-hardlinks', ROOT, dir]);
    return closingLine(await run('bash', ['.ci/run'], { cwd: dir, env: { CI: 'true' } }));
  });
}

async function otherNode(): Promise<string> {
  const node = await installOtherNode();
  // First on the PATH too, for tests that spawn `node`.
  const env = { CI: 'true', PATH: `${join(node, '..')}${delimiter}${process.env.PATH}` };
  return closingLine(await run(node, ['node_modules/vitest/vitest.mjs', 'run'], { env }));
}

async function longTests(): Promise<string> {
  const args = ['run', '--project', 'long'];
  return closingLine(await run('node_modules/.bin/vitest', args, { env: { CI: 'true' } }));
}

async function properties(): Promise<string> {
  const env = { PROPERTY_RUNS: String(PROPERTY_RUNS), DIFFERENTIAL_CASES: '' };
  const args = ['run', '--project', 'unit', '--testTimeout', '600000'];
  let closing = '';
  for (let round = 1; round <= PROPERTY_ROUNDS; round += 1) {
    closing = closingLine(await run('node_modules/.bin/vitest', args, { env }));
  }
  return closing;
}

/** In processes of their own: each has seeds of its own. */
async function differential(): Promise<string> {
  const cases = Math.ceil(DIFFERENTIAL_CASES / DIFFERENTIAL_PROCESSES);
  const env = { DIFFERENTIAL_CASES: String(cases) };
  const args = ['run', '--project', 'unit', 'test/unit/cedar/differential.test.ts'];
  const runs = Array.from({ length: DIFFERENTIAL_PROCESSES }, async () => {
    const output = await run('node_modules/.bin/vitest', args, { env });
    closingLine(output);
    return DIFFERENTIAL_LINE.exec(output)?.[1] ?? '{}';
  });
  const told = (await Promise.all(runs)).map((text) => JSON.parse(text) as DifferentialCounts);
  const sum = (name: keyof DifferentialCounts) =>
    told.reduce((all, one) => all + (one[name] ?? 0), 0);
  const found = `${sum('cases')} questions to ${sum('sets')} sets of policies`;
  const known = `${sum('hit')} known, ${sum('miss')} asked, ${sum('bypass')} that read the time`;
  const kinds = `${sum('errored')} with policies in error, ${sum('refused')} refused`;
  return `no difference in ${found}: ${known}; ${kinds}`;
}

async function takeOver(): Promise<string> {
  const env = { CI: 'true', TAKE_OVER_RUNS: String(TAKE_OVER_RUNS) };
  const args = ['run', '--project', 'envoy-load', 'test/envoy/load/take-over.test.ts'];
  return closingLine(await run('node_modules/.bin/vitest', args, { env }));
}

async function stateKills(): Promise<string> {
  const env = { CI: 'true', STATE_KILLS: String(STATE_KILLS) };
  const args = ['run', '--project', 'long', 'test/long/state-directory.test.ts'];
  return closingLine(await run('node_modules/.bin/vitest', args, { env }));
}

async function largeBundles(): Promise<string> {
  return inTemporaryFolder(async (dir) => {
    const policies = Array.from({ length: LARGE_POLICIES }, (_, n) =>
      policy(`p${n}`, `context.path like "/${n}/*"`),
    );
    const write = (version: number) =>
      writeFiles(dir, bundleFiles(`1.0.${version}`, { 'many.cedar': policies.join('') }));
    await write(0);
    const args = ['--service', 'shop/payments', '--bundle', dir];
    const sidecar = await startSidecar({ args, timeoutMs: LARGE_LOAD_MS_MAX });
    try {
      for (let version = 1; version <= LARGE_LOADS; version += 1) {
        await write(version);
        const taken = (line: LogLine) => String(line.to).startsWith(`1.0.${version}+`);
        await sidecar.waitForLine(taken, { timeoutMs: LARGE_LOAD_MS_MAX });
      }
    } finally {
      await sidecar.stop();
    }
    return 'every one was taken';
  });
}

async function soak(): Promise<string> {
  return inTemporaryFolder(async (dir) => {
    writeBundle(dir, benchPolicies(SOAK_POLICIES));
    const server = await startCedargate({ bundle: dir });
    const load = startLoadProcess();
    try {
      await load.run(server, { from: 0, count: SOAK_CHECKS, concurrency: SOAK_CONCURRENCY });
      await server.logged(SOAK_CHECKS);
    } finally {
      load.stop();
      await server.stop();
    }
    return 'every one was answered and logged';
  });
}

/** In two folders and on two versions of Node. */
async function sameBytes(): Promise<string> {
  const env = { SOURCE_DATE_EPOCH: '1793698200' };
  const nodes = [process.execPath, await installOtherNode()];
  return inTemporaryFolder(async (dir) => {
    const built: Buffer[] = [];
    for (const [index, node] of nodes.entries()) {
      const folder = join(dir, `folder-${index}`);
      cpSync(join(ROOT, 'policies'), folder, { recursive: true });
      const file = join(dir, `${index}.tar.gz`);
      const args = ['bundle', 'build', folder, '--output', file];
      await run(node, ['--import', 'tsx', join('src', 'cli.ts'), ...args], { env });
      built.push(readFileSync(file));
    }
    const [here, there] = built;
    if (here === undefined || there?.equals(here) !== true) throw new Error('the bytes differ');
    return `${here.length} bytes, twice`;
  });
}

async function demo(): Promise<string> {
  await run('make', ['demo']);
  return 'exit 0';
}

async function packed(): Promise<string> {
  return inTemporaryFolder(async (dir) => {
    await run('npm', ['pack', '--silent', '--pack-destination', dir]);
    await run('npm', ['init', '--yes'], { cwd: dir });
    const [archive] = (await run('ls', [dir])).split('\n').filter((name) => name.endsWith('.tgz'));
    await run('npm', ['install', '--silent', '--omit=dev', `./${archive}`], { cwd: dir });
    const cli = join(dir, 'node_modules', '.bin', 'cedargate');
    const version = await run(cli, ['--version'], { cwd: dir });
    const bundle = join(ROOT, 'policies');
    await run(cli, ['bundle', 'test', bundle], { cwd: dir });
    const args = ['--service', 'shop/payments', '--bundle', bundle];
    const sidecar = await startSidecar({ cli, cwd: dir, args });
    const exit = await sidecar.stop();
    if (exit !== 0) throw new Error(`serve ended with ${exit}\n${sidecar.output()}`);
    return `${version.trim().replaceAll('\n', ', ')}: tests and serves`;
  });
}

async function promtool(): Promise<string> {
  const sidecar = await startSidecar({
    args: ['--service', 'shop/payments', '--bundle', 'policies'],
  });
  try {
    const { body } = await sidecar.admin('/metrics');
    return await inTemporaryFolder(async (dir) => {
      const file = join(dir, 'metrics');
      writeFileSync(file, body);
      await run('bash', ['-c', `promtool check metrics <'${file}'`]);
      return `${body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length} samples`;
    });
  } finally {
    await sidecar.stop();
  }
}

async function withoutPromtool(): Promise<string | undefined> {
  return (await versionOf('promtool', ['--version'])) === undefined
    ? 'promtool is not installed (Debian package prometheus)'
    : undefined;
}

/** The binary of another major version of Node, installed once into .cache. */
async function installOtherNode(): Promise<string> {
  const binary = join(OTHER_NODE_DIR, 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(binary)) {
    mkdirSync(OTHER_NODE_DIR, { recursive: true });
    await run('npm', ['install', '--silent', '--no-save', '--prefix', OTHER_NODE_DIR, OTHER_NODE]);
  }
  return binary;
}

async function toolVersions(): Promise<Record<string, string>> {
  const envoy = findEnvoy();
  const versions = {
    node: process.version,
    otherNode: await versionOf(await installOtherNode(), ['--version']),
    npm: await versionOf('npm', ['--version']),
    python: await versionOf('python3', ['--version']),
    envoy: 'path' in envoy ? await versionOf(envoy.path, ['--version']) : undefined,
    promtool: await versionOf('promtool', ['--version']),
    cosign: await cosignVersion(),
  };
  return Object.fromEntries(
    Object.entries(versions).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function closingLine(output: string): string {
  const found = CLOSING_LINE.exec(output);
  if (found === null) throw new Error(`no closing line of a passed run\n${output}`);
  if (found[1] === '0') throw new Error(`no test ran\n${output}`);
  return found[0];
}

await main();
