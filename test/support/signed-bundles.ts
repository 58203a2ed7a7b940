/** Built bundles with signatures, and a folder to try commands on. */
import { attachSignature, bundlePae } from '../../src/bundle/attach.js';
import { buildBundle } from '../../src/bundle/build.js';
import { openBundle } from '../../src/bundle/open.js';
import { engineVersion } from '../../src/cedar/engine.js';
import { sign } from '../../src/signing/keys.js';
import { archiveOf } from './built-bundles.js';
import { bundleFiles, sourceFiles } from './bundle-files.js';
import { resultValue } from './result.js';
import type { TestKey } from './trust.js';

/** Whole as far as opening goes; there are no policies in it. */
export const UNSIGNED_BUNDLE = archiveOf({ files: { 'index.json': '{}' } });

const smallBundles = new Map<string, Buffer>();

/** Really built, with one policy and no tests; once for all tests that want the same. */
export function smallBundle(version = '1', createdAt = '2026-11-03T09:30:00.000Z'): Buffer {
  const key = `${version} ${createdAt}`;
  const archive = smallBundles.get(key) ?? buildSmall(version, createdAt);
  smallBundles.set(key, archive);
  return Buffer.from(archive);
}

function buildSmall(version: string, createdAt: string): Buffer {
  const built = buildBundle({
    files: sourceFiles(bundleFiles(version)),
    testFiles: [],
    createdAt,
    change: {},
    cedar: engineVersion(),
    runTests: () => {
      throw new Error('there are no tests');
    },
  });
  return resultValue(built).archive;
}

/** The bundle with a signature of each of these keys added. */
export function signedBy(archive: Uint8Array, ...keys: readonly TestKey[]): Buffer {
  let signed: Buffer = Buffer.from(archive);
  for (const { privateKey, publicKey } of keys) {
    const opened = resultValue(openBundle(signed, 'x.tar.gz'));
    const signature = sign(privateKey, bundlePae(opened));
    signed = resultValue(attachSignature(opened, publicKey, signature)).archive;
  }
  return signed;
}
