/**
 * Strict identity: a DNS SAN can carry the text of a SPIFFE ID and Envoy reports it in the same
 * field (envoy-facts section d). Only the certificate itself can tell, so it must have exactly one
 * URI SAN and that must be the principal.
 */
import { X509Certificate } from 'node:crypto';
import type { IdentityRule } from './identity.js';

/** Longer certificates than this are not read; Envoy's own limit on headers is of this order. */
const CERTIFICATE_CHARS_MAX = 65_536;

export function uriSanFault(encodedPem: string, principal: string): IdentityRule | undefined {
  if (encodedPem === '') return 'identity_certificate_missing';
  if (encodedPem.length > CERTIFICATE_CHARS_MAX) return 'identity_certificate_unreadable';
  let names: string;
  try {
    names = new X509Certificate(decodeURIComponent(encodedPem)).subjectAltName ?? '';
  } catch {
    return 'identity_certificate_unreadable';
  }
  const uris = splitNames(names).filter((name) => name.startsWith('URI:'));
  return uris.length === 1 && uris[0] === `URI:${principal}`
    ? undefined
    : 'identity_certificate_mismatch';
}

/**
 * Node prints SANs as `URI:a, DNS:b` and quotes a value, JSON-like, that has a comma or a quote in
 * it, so a comma inside quotes does not separate. A quoted value never equals a SPIFFE ID.
 */
function splitNames(names: string): string[] {
  const list: string[] = [];
  let current = '';
  let quoted = false;
  for (let at = 0; at < names.length; at += 1) {
    const character = names.charAt(at);
    if (quoted && character === '\\') {
      current += character + names.charAt(at + 1);
      at += 1;
    } else if (character === ',' && !quoted) {
      list.push(current.trim());
      current = '';
    } else {
      if (character === '"') quoted = !quoted;
      current += character;
    }
  }
  list.push(current.trim());
  return list;
}
