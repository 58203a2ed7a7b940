/**
 * One bundle serves in every environment, so it is compiled for each that it has entities for, and
 * for sidecars without one, unless its schema wants one.
 */
import { ok, type Result } from '../result.js';
import { compileBundle } from './compile.js';
import { environmentOfFile } from './names.js';
import type { CompiledBundle, SourceFile } from './types.js';

export interface CompiledEverywhere {
  /** As it is in the first of the environments. */
  readonly bundle: CompiledBundle;
  /** undefined = without one; it comes first where the schema allows it. Then bytewise order. */
  readonly environments: readonly (string | undefined)[];
}

/** Stands for any environment when the schema wants one and no file names one. */
const ANY_ENVIRONMENT = 'any';

export function compileEverywhere(files: readonly SourceFile[]): Result<CompiledEverywhere> {
  const without = compileBundle(files, { environment: undefined });
  const named = files.flatMap(({ name }) => environmentOfFile(name) ?? []);
  let first = without.ok ? without.value : undefined;
  for (const environment of named.length > 0 ? named : [ANY_ENVIRONMENT]) {
    const compiled = compileBundle(files, { environment });
    if (!compiled.ok) return without.ok ? compiled : without;
    first ??= compiled.value;
  }
  if (first === undefined) throw new Error('nothing was compiled');
  // With an environment more can be wrong, never less: so what failed without is that it wants one.
  return ok({ bundle: first, environments: without.ok ? [undefined, ...named] : named });
}
