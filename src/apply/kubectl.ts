/** kubectl as a process: no shell, bounded time and output, its own words when it fails. */
import { type ChildProcess, spawn } from 'node:child_process';
import { systemErrorText } from '../bundle/system-error.js';
import {
  KUBECTL_MS_MAX,
  KUBECTL_OUTPUT_BYTES_MAX,
  KUBECTL_STDERR_CHARS_MAX,
} from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { plainText } from './plain-text.js';

export interface KubectlOptions {
  /** The program; default `kubectl`, looked for in PATH. */
  readonly kubectl?: string | undefined;
  /** Context of the kubeconfig; default its current one. */
  readonly context?: string | undefined;
  /** Default that of the context. */
  readonly namespace?: string | undefined;
  /** One call may take so many milliseconds; default KUBECTL_MS_MAX. */
  readonly callMs?: number | undefined;
  /** The environment that kubectl gets: PATH, HOME, KUBECONFIG. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Kubectl {
  /** What it printed, once it ended with 0. Problem code: `kubectl_failed`. */
  run(args: readonly string[]): Promise<Result<string>>;
  /** A process that goes on until it is killed; stdout and stderr are pipes. */
  start(args: readonly string[]): ChildProcess;
}

export function createKubectl(options: KubectlOptions): Kubectl {
  const { kubectl = 'kubectl', context, namespace, env, callMs = KUBECTL_MS_MAX } = options;
  const where = [
    ...(context === undefined ? [] : ['--context', context]),
    ...(namespace === undefined ? [] : ['--namespace', namespace]),
  ];
  const start = (args: readonly string[]) =>
    spawn(kubectl, [...args, ...where], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    start,
    run: (args) => runToEnd(() => start(args), `${kubectl} ${args[0]} ${args[1]}`, callMs),
  };
}

/** `kubectl patch configmap`: enough to know which call it was; the rest may be long. */
function runToEnd(
  start: () => ChildProcess,
  what: string,
  callMs: number,
): Promise<Result<string>> {
  const refuse = (why: string) => failed(problem('kubectl_failed', `\`${what}\` ${why}`));
  return new Promise((resolve) => {
    const child = start();
    const output = { stdout: '', stderr: '' };
    let stopped: string | undefined;
    const stop = (why: string) => {
      stopped ??= why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => stop(`did not end within ${callMs / 1_000} s`), callMs);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        if (output[name].length > KUBECTL_OUTPUT_BYTES_MAX) stop('printed more than it may');
      });
    }
    child.once('error', (thrown) => {
      clearTimeout(timer);
      resolve(refuse(`could not be run: ${systemErrorText(thrown)}`));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const words = plainText(output.stderr, KUBECTL_STDERR_CHARS_MAX);
      if (stopped !== undefined) resolve(refuse(stopped));
      else if (code === 0) resolve(ok(output.stdout));
      else resolve(refuse(`ended with ${code ?? signal}: ${words === '' ? 'no message' : words}`));
    });
  });
}
