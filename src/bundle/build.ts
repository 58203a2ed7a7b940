/**
 * Sources and tests to a built bundle, all or nothing: compiled for every environment, within its
 * scope, its tests passed. Pure: the same sources and facts give the same bytes.
 */
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, okUnless, type Result } from '../result.js';
import { formatSignatureSet } from '../signing/dsse.js';
import { packArchive } from './archive.js';
import {
  BUNDLE_PAYLOAD_TYPE,
  type BuiltManifest,
  bundleDigest,
  formatBuiltManifest,
  newManifest,
} from './built-manifest.js';
import { compileEverywhere } from './compile-everywhere.js';
import { bytesDigest } from './digest.js';
import { formatIndex } from './index-file.js';
import { loadOpened } from './load-opened.js';
import {
  BUILT_MANIFEST_FILE,
  compareBytewise,
  INDEX_FILE,
  packedName,
  SIGNATURES_FILE,
} from './names.js';
import { openBundle } from './open.js';
import { scopeProblems } from './scope.js';
import { nameFault } from './tar-header.js';
import type { Digest, SourceFile } from './types.js';

/** What a run of the tests found (analysis/test-report.ts says more). */
export interface TestOutcome {
  readonly passed: number;
  readonly failed: readonly {
    readonly name: string;
    readonly file: string;
    readonly line: number;
  }[];
  readonly coverage: { readonly policies: number; readonly reached: number };
}

export type RunTests = (input: {
  readonly files: readonly SourceFile[];
  /** `tests/..`; at least one. */
  readonly testFiles: readonly SourceFile[];
  /** For tests that name none. */
  readonly environment: string | undefined;
}) => Result<TestOutcome>;

export interface BuildInput extends Pick<BuiltManifest, 'createdAt' | 'change' | 'cedar'> {
  /** As the directory holds them. */
  readonly files: readonly SourceFile[];
  readonly testFiles: readonly SourceFile[];
  readonly runTests: RunTests;
}

export interface Built {
  /** The .tar.gz, with an empty list of signatures. */
  readonly archive: Buffer;
  readonly manifest: BuiltManifest;
  readonly manifestBytes: Buffer;
  readonly indexBytes: Buffer;
  readonly digest: Digest;
  /** For which it was compiled; undefined = without one. */
  readonly environments: readonly (string | undefined)[];
  readonly warnings: readonly Problem[];
}

export function buildBundle(input: BuildInput): Result<Built> {
  const packed = packedFiles(input);
  if (!packed.ok) return packed;
  const compiled = compileEverywhere(input.files);
  if (!compiled.ok) return compiled;
  const { bundle, environments } = compiled.value;
  const { name, version, owner, scope } = bundle.manifest;
  const { policies } = bundle.program;
  const outside = scope === undefined ? [] : scopeProblems(policies, scope.destinations);
  const inScope = okUnless(outside.slice(0, PROBLEMS_MAX), () => undefined);
  if (!inScope.ok) return inScope;
  const tests = runTests(input, environments[0]);
  if (!tests.ok) return tests;

  const indexBytes = formatIndex(policies, packed.value);
  const files = new Map([...packed.value, [INDEX_FILE, indexBytes] as const]);
  const { createdAt, change, cedar } = input;
  const manifest = newManifest({
    ...{ name, version, owner, scope, createdAt, change, cedar },
    tests: tests.value,
    files: new Map([...files].map(([file, bytes]) => [file, bytesDigest(bytes)])),
  });
  const manifestBytes = formatBuiltManifest(manifest);
  const archive = pack(files, manifestBytes);
  // Whatever a sidecar would refuse is refused here: limits, and mistakes of this very code.
  const opened = openBundle(archive, BUILT_MANIFEST_FILE);
  if (!opened.ok) return opened;
  const loaded = loadOpened(opened.value, { environment: environments[0] });
  if (!loaded.ok) return loaded;
  const { warnings } = bundle;
  const digest = bundleDigest(manifestBytes);
  return ok({ archive, manifest, manifestBytes, indexBytes, digest, environments, warnings });
}

/** By their names in the archive, in bytewise order. */
function packedFiles({ files, testFiles }: BuildInput): Result<Map<string, Uint8Array>> {
  const packed = [...files, ...testFiles].map(({ name, bytes }) => {
    return { name: packedName(name), source: name, bytes };
  });
  const problems = packed.flatMap(({ name, source }) => {
    const fault = nameFault(name);
    if (fault === undefined) return [];
    return [problem('bundle_name_invalid', `the name of the file ${fault}`, { file: source })];
  });
  packed.sort((a, b) => compareBytewise(a.name, b.name));
  return okUnless(problems, () => new Map(packed.map(({ name, bytes }) => [name, bytes])));
}

function runTests(
  { files, testFiles, runTests: run }: BuildInput,
  environment: string | undefined,
): Result<BuiltManifest['tests']> {
  if (testFiles.length === 0) return ok({ passed: 0, coverage: 0 });
  const outcome = run({ files, testFiles, environment });
  if (!outcome.ok) return outcome;
  const { passed, coverage } = outcome.value;
  const problems = outcome.value.failed.map(({ name, file, line }) =>
    problem('bundle_tests_failed', `the test \`${name}\` failed`, { file, line }),
  );
  const [first, ...rest] = problems.slice(0, PROBLEMS_MAX);
  if (first !== undefined) return failed(first, ...rest);
  return ok({ passed, coverage: Math.floor((100 * coverage.reached) / coverage.policies) });
}

function pack(files: ReadonlyMap<string, Uint8Array>, manifestBytes: Buffer): Buffer {
  const signatures = formatSignatureSet({ payloadType: BUNDLE_PAYLOAD_TYPE, signatures: [] });
  return packArchive([
    { name: BUILT_MANIFEST_FILE, bytes: manifestBytes },
    { name: SIGNATURES_FILE, bytes: signatures },
    ...[...files].map(([name, bytes]) => ({ name, bytes })),
  ]);
}
