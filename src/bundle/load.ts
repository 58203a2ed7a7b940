/** A plain directory bundle from disk: read as of one moment, compiled, its warnings together. */
import { PROBLEMS_MAX } from '../constants.js';
import { messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { compileBundle } from './compile.js';
import { directoryDigest } from './digest.js';
import { readBundleDirectory } from './read-directory.js';
import type { CompiledBundle, CompileOptions, Digest, SourceFile } from './types.js';

export interface LoadedBundle {
  readonly result: Result<CompiledBundle>;
  /** Of what was read, also when it was refused; undefined when it could not be read. */
  readonly digest: Digest | undefined;
}

export async function loadBundleDirectory(
  directory: string,
  options: CompileOptions,
): Promise<LoadedBundle> {
  const read = await readBundleDirectory(directory);
  if (!read.ok) return { result: read, digest: undefined };
  const { files, ignored } = read.value;
  const result = compileGuarded(files, options);
  if (!result.ok) return { result, digest: directoryDigest(files) };
  const bundle = result.value;
  const warnings = [...ignored.map(ignoredWarning), ...bundle.warnings].slice(0, PROBLEMS_MAX);
  return { result: ok({ ...bundle, warnings }), digest: bundle.digest };
}

/** The engine traps on some input that passes every check; that is a refusal like any other. */
function compileGuarded(files: readonly SourceFile[], options: CompileOptions) {
  try {
    return compileBundle(files, options);
  } catch (thrown) {
    const message = `the engine crashed on the bundle: ${messageOf(thrown)}`;
    return failed(problem('engine_failure', message));
  }
}

function ignoredWarning(file: string) {
  return problem('bundle_file_ignored', 'the file has no part in a bundle and is ignored', {
    file,
  });
}
