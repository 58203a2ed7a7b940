/** What `bundle sign` and `bundle attach` have in common: the file is replaced, the outcome told. */
import type { Attached } from '../bundle/attach.js';
import { type OpenedBundle, openBundle } from '../bundle/open.js';
import { ARCHIVE_BYTES_MAX } from '../constants.js';
import { ok, type Result } from '../result.js';
import type { PublicKey } from '../signing/keys.js';
import { readBytes, replaceUnchanged } from './files.js';
import { type Io, print } from './output.js';

export interface SignedBundle {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly keyid: string;
  /** Whether a signature with the same key gave way. */
  readonly replaced: boolean;
  /** How many there are now; whose they are, `verify` says. */
  readonly signatures: number;
}

/** As it was when it was read. */
export interface ToSign {
  readonly file: string;
  readonly bytes: Buffer;
  readonly opened: OpenedBundle;
}

export async function readToSign(file: string): Promise<Result<ToSign>> {
  const bytes = await readBytes(file, ARCHIVE_BYTES_MAX);
  if (!bytes.ok) return bytes;
  const opened = openBundle(bytes.value, file);
  return opened.ok ? ok({ file, bytes: bytes.value, opened: opened.value }) : opened;
}

export async function saveSigned(
  { file, bytes, opened: { manifest, digest } }: ToSign,
  publicKey: PublicKey,
  { archive, replaced, signatures }: Attached,
): Promise<Result<SignedBundle>> {
  const written = await replaceUnchanged(file, bytes, archive);
  if (!written.ok) return written;
  const { name, version } = manifest;
  const count = signatures.signatures.length;
  return ok({ name, version, digest, keyid: publicKey.id, replaced, signatures: count });
}

export function printSigned(io: Io, file: string, signed: SignedBundle): void {
  const { name, version, digest, keyid, replaced, signatures } = signed;
  print(io, `${name} ${version} ${digest}`);
  print(io, `${replaced ? 'signed again' : 'signed'} with key ${keyid}`);
  print(io, `${file} has ${signatures} signature${signatures === 1 ? '' : 's'}`);
}
