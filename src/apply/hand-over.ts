/**
 * A document into its ConfigMap, and the sign to kubelet that there is something to fetch: kubelet
 * looks at a pod at once when the pod changes, and only every minute or so when its ConfigMap does.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemErrorText } from '../bundle/system-error.js';
import { KUBECTL_ARGUMENT_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { Kubectl } from './kubectl.js';

/** On pods. Its value means nothing; that it changes does. */
const REFRESH_ANNOTATION = 'cedargate.dev/refresh';

export interface ConfigMapKey {
  readonly configMap: string;
  /** The file's name in the volume. */
  readonly key: string;
}

export type HandedOver = 'patched' | 'created';

const NOT_FOUND = /\bNotFound\b|\bnot found\b/;

/**
 * Puts the text under one key, and leaves the other keys alone. A ConfigMap that is not there is made.
 * Problem codes: `kubectl_failed`, `file_unwritable`.
 */
export async function putDocument(
  kubectl: Kubectl,
  text: string,
  { configMap, key }: ConfigMapKey,
): Promise<Result<HandedOver>> {
  return withFiles(async (fileOf) => {
    const patch = JSON.stringify({ data: { [key]: text } });
    const isSmall = Buffer.byteLength(patch) <= KUBECTL_ARGUMENT_BYTES_MAX;
    const given = isSmall ? ['-p', patch] : ['--patch-file', await fileOf('patch.json', patch)];
    const type = ['--type', 'merge'];
    const patched = await kubectl.run(['patch', 'configmap', configMap, ...type, ...given]);
    if (patched.ok) return ok('patched');
    if (!NOT_FOUND.test(patched.problems[0].message)) return patched;
    const from = `--from-file=${key}=${await fileOf('document.json', text)}`;
    const created = await kubectl.run(['create', 'configmap', configMap, from]);
    return created.ok ? ok('created') : created;
  });
}

/** How many pods were annotated. Problem code: `kubectl_failed`. */
export async function annotatePods(
  kubectl: Kubectl,
  selector: string,
  value: string,
): Promise<Result<number>> {
  const annotation = `${REFRESH_ANNOTATION}=${value}`;
  const args = ['annotate', 'pods', '-l', selector, annotation, '--overwrite'];
  const result = await kubectl.run(args);
  if (!result.ok) return result;
  return ok(result.value.split('\n').filter((line) => line.startsWith('pod/')).length);
}

/** Files that only kubectl reads, gone afterwards. */
async function withFiles<T>(
  task: (fileOf: (name: string, text: string) => Promise<string>) => Promise<Result<T>>,
): Promise<Result<T>> {
  let directory: string | undefined;
  try {
    return await task(async (name, text) => {
      directory ??= await mkdtemp(join(tmpdir(), 'cedargate-apply-'));
      const path = join(directory, name);
      await writeFile(path, text, { mode: 0o600 });
      return path;
    });
  } catch (thrown) {
    const message = `no file for kubectl could be written: ${systemErrorText(thrown)}`;
    return failed(problem('file_unwritable', message));
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}
