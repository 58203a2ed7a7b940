/**
 * Recomputes all that a built bundle says of its own sources: it is built again from what it holds,
 * and must come out the same, byte for byte.
 */
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { type Built, buildBundle, type RunTests } from './build.js';
import { BUILT_MANIFEST_FILE, INDEX_FILE } from './names.js';
import type { OpenedBundle } from './open.js';
import { sourcesOf } from './sources.js';

/** Problems of the build itself (a test that fails, a policy outside the scope) are told as such. */
export function verifyDeep(opened: OpenedBundle, runTests: RunTests): Result<Built> {
  const { createdAt, change, cedar } = opened.manifest;
  const built = buildBundle({ ...sourcesOf(opened), createdAt, change, cedar, runTests });
  if (!built.ok) return built;
  const fault = difference(opened, built.value);
  return fault === undefined ? ok(built.value) : failed(problem('bundle_not_reproduced', ...fault));
}

function difference(
  { manifest, manifestBytes, files }: OpenedBundle,
  built: Built,
): [message: string, place: { file: string }] | undefined {
  const file = BUILT_MANIFEST_FILE;
  if (!built.indexBytes.equals(files.get(INDEX_FILE) ?? new Uint8Array())) {
    return ['the index is not the one that the sources give', { file: INDEX_FILE }];
  }
  const said = manifest.tests;
  const { tests } = built.manifest;
  if (said.passed !== tests.passed || said.coverage !== tests.coverage) {
    const text = (t: typeof tests) => `${t.passed} passed with ${t.coverage} % coverage`;
    return [`the manifest says ${text(said)}; running the tests gives ${text(tests)}`, { file }];
  }
  return built.manifestBytes.equals(manifestBytes)
    ? undefined
    : ['the manifest is not the one that the sources give', { file }];
}
