/** Built bundles with signatures, and a folder to try commands on. */
import { attachSignature, bundlePae } from '../../src/bundle/attach.js';
import { openBundle } from '../../src/bundle/open.js';
import { sign } from '../../src/signing/keys.js';
import { archiveOf } from './built-bundles.js';
import { resultValue } from './result.js';
import type { TestKey } from './trust.js';

/** Whole as far as opening goes; there are no policies in it. */
export const UNSIGNED_BUNDLE = archiveOf({ files: { 'index.json': '{}' } });

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
