/**
 * OPA-Envoy as people run it: the binary that `OPA_ENVOY` names, policies from files, console decision
 * log, `dry-run` (which is what mode shadow is here: decided and logged, never refused).
 */
import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { freePorts } from '../test/support/ports.js';
import { waitFor } from '../test/support/wait.js';
import { countDecisions, opaDecisionOf } from './decision-lines.js';
import { type BenchPolicy, benchPolicies } from './policies.js';
import { REGO_PATH, type RegoForm, regoFiles } from './rego.js';
import { NO_OPA, type NotMeasured } from './results.js';
import { endOf, launch, linesArrive, type MeasuredServer, stop } from './servers.js';

export interface OpaEnvoy {
  readonly binary: string;
  /** As it says itself, of OPA. */
  readonly version: string;
}

const READY_MS_MAX = 30_000;
/** A binary that is no OPA may do anything. */
const VERSION_MS_MAX = 10_000;

/**
 * The binary of this run, tried out: whether it serves ext_authz is known before minutes of measuring.
 * Throws with a message for people when `OPA_ENVOY` names something that does not.
 */
export async function findOpa(): Promise<OpaEnvoy | NotMeasured> {
  const binary = process.env.OPA_ENVOY ?? '';
  if (binary === '') return NO_OPA;
  const directory = mkdtempSync(join(tmpdir(), 'cedargate-opa-'));
  try {
    accessSync(binary, constants.X_OK);
    if (!statSync(binary).isFile()) throw new Error('it is no file');
    const said = await promisify(execFile)(binary, ['version'], { timeout: VERSION_MS_MAX });
    const [, version] = /^Version:\s*(\S+)$/m.exec(said.stdout) ?? [];
    if (version === undefined) throw new Error('`version` does not name a version of OPA');
    const found = { binary, version };
    const server = await startOpa(found, { policies: benchPolicies(10), form: 'data', directory });
    await server.stop();
    return found;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(
      `OPA_ENVOY=${binary} cannot be measured: ${why}\n` +
        'docs/bench-opa.md says how to build OPA-Envoy',
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface OpaSettings {
  readonly policies: readonly BenchPolicy[];
  readonly form: RegoForm;
  /** Files of its own are made below it. */
  readonly directory: string;
  /** GOMAXPROCS; by default as Go chooses, which is every processor. */
  readonly processors?: number;
}

export async function startOpa(
  { binary }: OpaEnvoy,
  { policies, form, directory, processors }: OpaSettings,
): Promise<MeasuredServer> {
  const [port, http] = (await freePorts(2)) as [number, number];
  const home = mkdtempSync(join(directory, 'opa-'));
  const rules = join(home, 'rules');
  mkdirSync(rules);
  for (const [name, text] of Object.entries(regoFiles(policies, form))) {
    writeFileSync(join(rules, name), text);
  }
  const config = join(home, 'config.yaml');
  writeFileSync(config, stringify(configOf(port)));
  const args = ['run', '--server', '--disable-telemetry', '--addr', `127.0.0.1:${http}`];
  const limits = processors === undefined ? {} : { GOMAXPROCS: String(processors) };
  const child = launch(binary, [...args, '--config-file', config, rules], limits);
  const decisions = countDecisions(child.stderr, opaDecisionOf);
  child.stdout.resume();
  const ready = waitFor('OPA-Envoy', () => isHealthy(http), { timeoutMs: READY_MS_MAX });
  ready.catch(() => {});
  const ended = endOf('OPA-Envoy', child);
  try {
    await Promise.race([ready, ended]);
  } catch (thrown) {
    await stop(child);
    throw thrown;
  }
  return {
    name: 'OPA-Envoy',
    pid: child.pid as number,
    port,
    decisions,
    logged: (checks) => linesArrive(decisions, checks),
    sample: async () => 0,
    lookups: async () => ({ known: 0, all: 0 }),
    ended,
    stop: () => stop(child),
  };
}

function configOf(port: number): object {
  return {
    plugins: {
      envoy_ext_authz_grpc: { addr: `127.0.0.1:${port}`, path: REGO_PATH, 'dry-run': true },
    },
    decision_logs: { console: true },
  };
}

/** Policies are loaded and the plugin listens. */
async function isHealthy(http: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${http}/health?plugins`)).ok;
  } catch {
    return false;
  }
}
