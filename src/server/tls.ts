/** Certificate, key and client CA of the gRPC listeners: read and judged before they are used. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf, type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

export interface TlsFiles {
  /** Certificate chain, PEM, ours first. */
  readonly certFile: string;
  readonly keyFile: string;
  /** With it, clients must present a certificate that one of these CAs signed. */
  readonly clientCaFile: string | undefined;
}

/** What node:tls takes. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

export function readTls(files: TlsFiles): Result<TlsMaterial> {
  const cert = readCertificates(files.certFile);
  if (!cert.ok) return cert;
  const key = readKey(files.keyFile);
  if (!key.ok) return key;
  if (!cert.value.first.checkPrivateKey(key.value.key)) {
    const message = `the private key does not belong to the certificate in \`${files.certFile}\``;
    return failed(invalid(files.keyFile, message));
  }
  const ca = files.clientCaFile === undefined ? undefined : readCertificates(files.clientCaFile);
  if (ca?.ok === false) return ca;
  const material = {
    cert: cert.value.pem,
    key: key.value.pem,
    ...(ca === undefined ? {} : { ca: ca.value.pem }),
  };
  return accepted(material, files.certFile);
}

function readCertificates(file: string): Result<{ pem: string; first: X509Certificate }> {
  const text = readPem(file);
  if (!text.ok) return text;
  const blocks = text.value.match(PEM_CERTIFICATE) ?? [];
  try {
    const [first] = blocks.map((block) => new X509Certificate(block));
    if (first === undefined) return failed(invalid(file, 'no PEM certificate in the file'));
    return ok({ pem: text.value, first });
  } catch (thrown) {
    const message = `a certificate in the file does not parse: ${messageOf(thrown)}`;
    return failed(invalid(file, message));
  }
}

function readKey(file: string): Result<{ pem: string; key: KeyObject }> {
  const text = readPem(file);
  if (!text.ok) return text;
  try {
    return ok({ pem: text.value, key: createPrivateKey(text.value) });
  } catch {
    // The cause is left out: it must never carry a part of the key.
    return failed(invalid(file, 'no unencrypted PEM private key in the file'));
  }
}

function readPem(file: string): Result<string> {
  try {
    return ok(readFileSync(file, 'utf8'));
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown';
    return failed(invalid(file, `the file cannot be read: ${code}`));
  }
}

/** OpenSSL has rules of its own, such as a least length of keys. */
function accepted(material: TlsMaterial, certFile: string): Result<TlsMaterial> {
  try {
    createSecureContext({ ...material });
    return ok(material);
  } catch (thrown) {
    return failed(invalid(certFile, `refused by TLS: ${messageOf(thrown)}`));
  }
}

function invalid(file: string, message: string): Problem {
  return problem('tls_invalid', message, { file });
}
