import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  generateKeyPair,
  KEY_TYPES,
  parsePrivateKey,
  parsePublicKey,
  sign,
  verify,
} from '../../../src/signing/keys.js';
import { resultValue } from '../../support/result.js';

const spki = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }) as string;
const pkcs8 = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }) as string;
const pem = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`;
const derOf = (text: string) => Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64');

const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const x25519 = generateKeyPairSync('x25519');
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPair('ed25519');
const p256 = generateKeyPair('ecdsa-p256');

describe.each(KEY_TYPES)('a key of type %s', (type) => {
  const pair = generateKeyPair(type);
  const privateKey = resultValue(parsePrivateKey(pair.privatePem, 'k.key'));
  const publicKey = resultValue(parsePublicKey(pair.publicPem, 'k.pub'));

  it('has one id, from either half', () => {
    expect(publicKey).toMatchObject({ type, id: pair.publicKey.id });
    expect(privateKey.publicKey.id).toBe(pair.publicKey.id);
    expect(publicKey.id).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('signs what it verifies, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (bytes, other) => {
        const signature = sign(privateKey, bytes);
        expect(verify(publicKey, bytes, signature)).toBe(true);
        if (Buffer.compare(bytes, other) !== 0) {
          expect(verify(publicKey, other, signature)).toBe(false);
        }
      }),
    );
  });

  it('refuses every signature with one bit changed, and anything that is none', () => {
    const bytes = Buffer.from('signed');
    const signature = sign(privateKey, bytes);
    fc.assert(
      fc.property(fc.nat(signature.length - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(signature);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        expect(verify(publicKey, bytes, changed)).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (junk) => {
        expect(verify(publicKey, bytes, junk)).toBe(false);
        expect(verify(publicKey, bytes, Buffer.concat([Buffer.from([0x30]), junk]))).toBe(false);
      }),
    );
    expect(verify(publicKey, bytes, Buffer.concat([signature, Buffer.from([0])]))).toBe(false);
  });

  it('does not verify what another key signed', () => {
    const other = resultValue(parsePrivateKey(generateKeyPair(type).privatePem, 'o.key'));
    expect(verify(publicKey, Buffer.from('x'), sign(other, Buffer.from('x')))).toBe(false);
  });

  it('is read with Windows line ends and blank lines around it', () => {
    const text = `\r\n${pair.publicPem.replaceAll('\n', '\r\n')}\r\n`;
    expect(parsePublicKey(text, 'k.pub')).toMatchObject({ ok: true, value: { id: publicKey.id } });
  });
});

/** The same P-256 point, written with one coordinate. */
function compressed(): string {
  const der = derOf(spki(ec.publicKey));
  const isOdd = ((der[90] as number) & 1) === 1;
  const head = '3039301306072a8648ce3d020106082a8648ce3d030107032200';
  const point = Buffer.concat([Buffer.from([isOdd ? 3 : 2]), der.subarray(27, 59)]);
  return pem('PUBLIC KEY', Buffer.concat([Buffer.from(head, 'hex'), point]));
}

function offCurve(): string {
  const der = derOf(p256.publicPem);
  der[90] = (der[90] as number) ^ 1;
  return pem('PUBLIC KEY', der);
}

describe('a public key', () => {
  it.each<[string, string, string]>([
    ['RSA', spki(rsa.publicKey), 'neither Ed25519 nor ECDSA P-256'],
    ['P-384', spki(p384.publicKey), 'neither Ed25519 nor ECDSA P-256'],
    ['X25519', spki(x25519.publicKey), 'neither Ed25519 nor ECDSA P-256'],
    ['a compressed point', compressed(), 'uncompressed point'],
    ['a point off the curve', offCurve(), 'damaged'],
    [
      'bytes after the key',
      pem('PUBLIC KEY', Buffer.concat([derOf(ed.publicPem), Buffer.from([0])])),
      'neither',
    ],
    ['the private key', ed.privatePem, 'holds `PRIVATE KEY`, not `PUBLIC KEY`'],
    ['both halves', ed.publicPem + ed.privatePem, 'holds `PRIVATE KEY`'],
    ['two keys', ed.publicPem + p256.publicPem, 'one PEM block'],
    ['text around it', `My key:\n${ed.publicPem}`, 'one PEM block'],
    ['no PEM', 'ssh-ed25519 AAAA', 'one PEM block'],
    ['nothing', '', 'one PEM block'],
    ['no base64', pem('PUBLIC KEY', derOf(ed.publicPem)).replace('MC', 'M!'), 'no valid base64'],
    ['an empty block', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n', 'no valid base64'],
    ['a certificate', pem('CERTIFICATE', Buffer.from('x')), 'holds `CERTIFICATE`'],
    ['too much', `${ed.publicPem}${' '.repeat(20_000)}`, 'more than 16384 bytes'],
  ])('is refused: %s', (_name, text, message) => {
    expect(parsePublicKey(text, 'k.pub')).toMatchObject({
      ok: false,
      problems: [{ code: 'key_invalid', file: 'k.pub', message: expect.stringContaining(message) }],
    });
  });
});

/** A PKCS#8 whose private half is one key's and whose public half is another's. */
function mixed(): string {
  const der = derOf(pkcs8(ec.privateKey));
  derOf(p256.publicPem)
    .subarray(27)
    .copy(der, der.length - 64);
  return pem('PRIVATE KEY', der);
}

describe('a private key', () => {
  const encrypted = ec.privateKey.export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  }) as string;

  it.each<[string, string, string, string?]>([
    ['RSA', pkcs8(rsa.privateKey), 'neither Ed25519 nor ECDSA P-256'],
    ['P-384', pkcs8(p384.privateKey), 'neither Ed25519 nor ECDSA P-256'],
    ['X25519', pkcs8(x25519.privateKey), 'neither Ed25519 nor ECDSA P-256'],
    ['encrypted', encrypted, 'holds `ENCRYPTED PRIVATE KEY`', 'decrypt it first'],
    [
      'of cosign',
      pem('ENCRYPTED SIGSTORE PRIVATE KEY', Buffer.from('x')),
      'holds `ENCRYPTED SIGSTORE PRIVATE KEY`',
      'cosign sign-blob',
    ],
    [
      'in the SEC1 form',
      ec.privateKey.export({ format: 'pem', type: 'sec1' }) as string,
      'holds `EC PRIVATE KEY`',
      'openssl pkcs8 -topk8',
    ],
    ['the public key', ed.publicPem, 'holds `PUBLIC KEY`, not `PRIVATE KEY`'],
    ['cut off', pem('PRIVATE KEY', derOf(ed.privatePem).subarray(0, 20)), 'damaged'],
    ['two halves of different keys', mixed(), 'do not belong together'],
  ])('is refused: %s', (_name, text, message, help = '') => {
    expect(parsePrivateKey(text, 'k.key')).toMatchObject({
      ok: false,
      problems: [
        {
          code: 'key_invalid',
          file: 'k.key',
          message: expect.stringContaining(message),
          ...(help === '' ? {} : { help: expect.stringContaining(help) }),
        },
      ],
    });
  });
});
