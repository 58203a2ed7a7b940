/** What `bundle sign` and `bundle attach` have in common: the file is replaced, the outcome told. */
import type { Attached } from '../bundle/attach.js';
import type { OpenedBundle } from '../bundle/open.js';
import { ok, type Result } from '../result.js';
import type { PublicKey } from '../signing/keys.js';
import { replaceFile } from './files.js';
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

export async function saveSigned(
  file: string,
  { manifest, digest }: OpenedBundle,
  publicKey: PublicKey,
  { archive, replaced, signatures }: Attached,
): Promise<Result<SignedBundle>> {
  const written = await replaceFile(file, archive);
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
