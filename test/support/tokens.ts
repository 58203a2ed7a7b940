/** Issuers of JSON Web Tokens, with keys made on the spot. */
import { generateKeyPairSync, sign } from 'node:crypto';

export interface TokenIssuer {
  /** Its public key as a JSON Web Key Set. */
  readonly jwks: string;
  /** A token with these claims, ES256. `iss` is the issuer's unless they say otherwise. */
  token(claims: Readonly<Record<string, unknown>>): string;
}

export function tokenIssuer(iss: string): TokenIssuer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const header = { alg: 'ES256', typ: 'JWT', kid: 'one' };
  const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', kid: 'one' };
  return {
    jwks: JSON.stringify({ keys: [jwk] }),
    token(claims) {
      const signed = `${encode(header)}.${encode({ iss, ...claims })}`;
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
    },
  };
}

/** A token that nobody signed, and that says so. */
export function unsignedToken(claims: object): string {
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
