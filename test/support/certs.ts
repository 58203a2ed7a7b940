/**
 * Certificates made on the spot: a CA and leaves with any SAN a test can think of, as PEM files.
 * ECDSA P-256, valid from an hour ago for a day. Nothing here is for production.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as der from './der.js';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const ECDSA_SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'));
const EXTENDED_KEY_USAGE = der.sequence(
  der.oid('1.3.6.1.5.5.7.3.1'), // server
  der.oid('1.3.6.1.5.5.7.3.2'), // client
);
/** KeyUsage bits: digitalSignature; keyCertSign and cRLSign. */
const LEAF_USAGE = der.bits(7, Buffer.of(0x80));
const CA_USAGE = der.bits(1, Buffer.of(0x06));
const NAME_PARTS = { CN: '2.5.4.3', O: '2.5.4.10', C: '2.5.4.6' } as const;

/** A distinguished name, most specific part first as `CN=..., O=..., C=...` is written. */
export type Subject = Partial<Record<keyof typeof NAME_PARTS, string>>;

/** What a leaf certificate says. Everything absent means: no SAN at all and an empty subject. */
export interface LeafOptions {
  /** URI SANs in this order, before the DNS and e-mail ones. `''` makes an empty URI SAN. */
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly emails?: readonly string[];
  /** Default empty, as SPIRE and Istio issue them. */
  readonly subject?: Subject;
}

/** A leaf with its key: PEM text, and the files it was written to. */
export interface Leaf {
  readonly cert: string;
  readonly key: string;
  /** `<dir>/<name>.crt` */
  readonly certFile: string;
  /** `<dir>/<name>.key`, mode 0600. */
  readonly keyFile: string;
}

export interface CertificateAuthority {
  /** The CA's own certificate, PEM. */
  readonly cert: string;
  /** `<dir>/<name>.crt`, `ca.crt` by default. */
  readonly certFile: string;
  /** Issues a leaf and writes `<name>.crt` and `<name>.key` beside the CA's certificate. */
  leaf(name: string, options: LeafOptions): Leaf;
  /** A leaf with the one SPIFFE URI and nothing else: what a mesh issues. */
  spiffe(name: string, id: string): Leaf;
}

/** Makes a CA in `dir` (created when it does not exist). */
export function createCa(dir: string, name = 'ca'): CertificateAuthority {
  mkdirSync(dir, { recursive: true });
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = distinguishedName({ CN: `cedargate test ${name}` });
  const cert = certificate({
    issuer,
    subject: issuer,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      extension('2.5.29.19', true, der.sequence(der.boolean(true))),
      extension('2.5.29.15', true, CA_USAGE),
    ],
  });
  const certFile = join(dir, `${name}.crt`);
  writeFileSync(certFile, cert);

  const leaf = (leafName: string, options: LeafOptions): Leaf => {
    const leafKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = [
      ...(options.uris ?? []).map((value) => der.context(6, Buffer.from(value))),
      ...(options.dns ?? []).map((value) => der.context(2, Buffer.from(value))),
      ...(options.emails ?? []).map((value) => der.context(1, Buffer.from(value))),
    ];
    const made: Leaf = {
      cert: certificate({
        issuer,
        subject: distinguishedName(options.subject ?? {}),
        publicKey: leafKeys.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          extension('2.5.29.19', true, der.sequence()),
          extension('2.5.29.15', true, LEAF_USAGE),
          extension('2.5.29.37', false, EXTENDED_KEY_USAGE),
          // RFC 5280: a SAN beside an empty subject is critical.
          ...(names.length === 0
            ? []
            : [extension('2.5.29.17', options.subject === undefined, der.sequence(...names))]),
        ],
      }),
      key: leafKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      certFile: join(dir, `${leafName}.crt`),
      keyFile: join(dir, `${leafName}.key`),
    };
    writeFileSync(made.certFile, made.cert);
    writeFileSync(made.keyFile, made.key, { mode: 0o600 });
    return made;
  };
  return { cert, certFile, leaf, spiffe: (leafName, id) => leaf(leafName, { uris: [id] }) };
}

interface Contents {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

/** An X.509 v3 certificate (RFC 5280, 4.1) as PEM. */
function certificate(contents: Contents): string {
  const now = Date.now();
  const serial = Buffer.concat([Buffer.of(0x40), randomBytes(15)]);
  const toBeSigned = der.sequence(
    der.explicit(0, der.integer(Buffer.of(2))),
    der.integer(serial),
    ECDSA_SHA256,
    contents.issuer,
    der.sequence(der.utcTime(new Date(now - HOUR_MS)), der.utcTime(new Date(now + DAY_MS))),
    contents.subject,
    contents.publicKey.export({ type: 'spki', format: 'der' }),
    der.explicit(3, der.sequence(...contents.extensions)),
  );
  const signature = sign('sha256', toBeSigned, contents.signingKey);
  const whole = der.sequence(toBeSigned, ECDSA_SHA256, der.bits(0, signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return der.sequence(der.oid(id), ...(critical ? [der.boolean(true)] : []), der.octets(value));
}

/** RDNSequence: the least specific part comes first on the wire. */
function distinguishedName(subject: Subject): Buffer {
  const parts = (Object.keys(NAME_PARTS) as (keyof typeof NAME_PARTS)[]).toReversed();
  return der.sequence(
    ...parts.flatMap((part) => {
      const text = subject[part];
      if (text === undefined) return [];
      const value = part === 'C' ? der.printableString(text) : der.utf8String(text);
      return [der.set(der.sequence(der.oid(NAME_PARTS[part]), value))];
    }),
  );
}
