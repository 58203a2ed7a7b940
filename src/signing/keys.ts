/**
 * Keys: Ed25519 and ECDSA over P-256, read from PEM and written to it, and the two operations on
 * them. Everything else is refused, and so is every second spelling of a public key: the id of a
 * key is the digest of its bytes, so one key must have one id.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { readPem } from './pem.js';

export const KEY_TYPES = ['ed25519', 'ecdsa-p256'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

export interface PublicKey {
  /** `sha256:<hex>` of the key's SPKI form in DER. */
  readonly id: `sha256:${string}`;
  readonly type: KeyType;
  readonly key: KeyObject;
}

export interface PrivateKey {
  readonly type: KeyType;
  readonly key: KeyObject;
  /** The public key that belongs to it; its id is the id of the pair. */
  readonly publicKey: PublicKey;
}

/** What an SPKI of each type begins with; the point or the encoded y follows. */
const SPKI: Readonly<Record<KeyType, { readonly prefix: Buffer; readonly bytes: number }>> = {
  ed25519: { prefix: Buffer.from('302a300506032b6570032100', 'hex'), bytes: 44 },
  // Up to the 04 of an uncompressed point.
  'ecdsa-p256': {
    prefix: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'),
    bytes: 91,
  },
};

const USABLE = 'Ed25519 and ECDSA P-256 are supported: `cedargate keygen` makes both';

/** Reads a public key, SPKI in PEM (`BEGIN PUBLIC KEY`). Problem code: `key_invalid`. */
export function parsePublicKey(pem: string, file: string): Result<PublicKey> {
  const der = readPem(pem, 'PUBLIC KEY', file);
  if (!der.ok) return der;
  const type = typeOfSpki(der.value);
  if (type === undefined) {
    const message = 'the key is neither Ed25519 nor ECDSA P-256 with an uncompressed point';
    return failed(problem('key_invalid', message, { file, help: USABLE }));
  }
  try {
    const key = createPublicKey({ key: der.value, format: 'der', type: 'spki' });
    return ok({ id: idOfSpki(der.value), type, key });
  } catch {
    return failed(problem('key_invalid', 'the key is damaged', { file }));
  }
}

/** Reads a private key, PKCS#8 in PEM (`BEGIN PRIVATE KEY`). Problem code: `key_invalid`. */
export function parsePrivateKey(pem: string, file: string): Result<PrivateKey> {
  const der = readPem(pem, 'PRIVATE KEY', file);
  if (!der.ok) return der;
  const refuse = (message: string) =>
    failed(problem('key_invalid', message, { file, help: USABLE }));
  try {
    const key = createPrivateKey({ key: der.value, format: 'der', type: 'pkcs8' });
    const publicKey = describePublic(createPublicKey(key));
    if (publicKey === undefined)
      return refuse('the private key is neither Ed25519 nor ECDSA P-256');
    const privateKey: PrivateKey = { type: publicKey.type, key, publicKey };
    // A PKCS#8 may carry a public half of its own, which nobody has compared with the private one.
    const isPair = verify(publicKey, der.value, sign(privateKey, der.value));
    return isPair ? ok(privateKey) : refuse('the two halves of the key do not belong together');
  } catch {
    // OpenSSL's messages say nothing to people, and the file is secret.
    return refuse('the private key is damaged');
  }
}

/** Ed25519 over the bytes, or ECDSA (DER) over their SHA-256. */
export function sign(privateKey: PrivateKey, bytes: Uint8Array): Buffer {
  const { key, type } = privateKey;
  return cryptoSign(hashOf(type), bytes, { key, dsaEncoding: 'der' });
}

/** Whether `signature` was made over exactly these bytes with the private half of the key. */
export function verify(publicKey: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { key, type } = publicKey;
  if (!isShapedLike(type, signature)) return false;
  try {
    return cryptoVerify(hashOf(type), bytes, { key, dsaEncoding: 'der' }, signature);
  } catch {
    return false;
  }
}

export interface GeneratedKey {
  readonly publicKey: PublicKey;
  /** PKCS#8, not encrypted. */
  readonly privatePem: string;
  /** SPKI. */
  readonly publicPem: string;
}

export function generateKeyPair(type: KeyType): GeneratedKey {
  const pair =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = describePublic(pair.publicKey);
  if (publicKey === undefined) throw new Error(`a new ${type} key is not what it should be`);
  return {
    publicKey,
    privatePem: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    publicPem: publicPem(pair.publicKey),
  };
}

/** SPKI in PEM. */
export function publicPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'spki' }) as string;
}

/** Undefined for a type that is not supported. */
function describePublic(key: KeyObject): PublicKey | undefined {
  const spki = key.export({ format: 'der', type: 'spki' });
  const type = typeOfSpki(spki);
  return type === undefined ? undefined : { id: idOfSpki(spki), type, key };
}

function idOfSpki(der: Buffer): PublicKey['id'] {
  return `sha256:${createHash('sha256').update(der).digest('hex')}`;
}

function typeOfSpki(der: Buffer): KeyType | undefined {
  return KEY_TYPES.find((type) => {
    const { prefix, bytes } = SPKI[type];
    return der.length === bytes && der.subarray(0, prefix.length).equals(prefix);
  });
}

/** Most pairs of key and signature are told apart without arithmetic. */
function isShapedLike(type: KeyType, signature: Uint8Array): boolean {
  return type === 'ed25519' ? signature.length === 64 : signature[0] === 0x30;
}

function hashOf(type: KeyType): 'sha256' | null {
  return type === 'ed25519' ? null : 'sha256';
}
