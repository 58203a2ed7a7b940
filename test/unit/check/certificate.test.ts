import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uriSanFault } from '../../../src/check/certificate.js';
import { readCaller } from '../../../src/check/identity.js';
import { type CertificateAuthority, createCa, type LeafOptions } from '../../support/certs.js';

const ID = 'spiffe://td.test/ns/shop/sa/orders';
let directory: string;
let ca: CertificateAuthority;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cedargate-certificate-'));
  ca = await createCa(directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let count = 0;
async function encoded(options: LeafOptions): Promise<string> {
  count += 1;
  return encodeURIComponent((await ca.leaf(`leaf-${count}`, options)).cert);
}

describe('strict identity', () => {
  it('takes a certificate with exactly the one URI SAN', async () => {
    const certificate = await encoded({ uris: [ID], dns: ['web.test'] });
    expect(uriSanFault(certificate, ID)).toBeUndefined();
    expect(readCaller({ principal: ID, certificate }, true)).toMatchObject({ name: ID });
  });

  const refused: [string, LeafOptions][] = [
    ['a DNS SAN that carries the text of a SPIFFE ID', { dns: [ID] }],
    ['two URI SANs, ours first', { uris: [ID, 'spiffe://td.test/x'] }],
    ['two URI SANs, ours last', { uris: ['https://a.test', ID] }],
    ['another URI SAN', { uris: ['spiffe://td.test/other'] }],
    ['no SAN and a telling subject', { subject: { CN: ID } }],
    ['a URI SAN that holds a comma and our text', { uris: [`https://a.test/,URI:${ID}`] }],
    ['a DNS SAN that prints like a second URI', { dns: [`a.test, URI:${ID}`] }],
  ];
  it.each(refused)('refuses %s', async (_, options) => {
    const certificate = await encoded(options);
    expect(uriSanFault(certificate, ID)).toBe('identity_certificate_mismatch');
    expect(readCaller({ principal: ID, certificate }, true)).toMatchObject({
      reason: 'identity_rejected',
    });
    expect(readCaller({ principal: ID, certificate }, false)).toMatchObject({ name: ID });
  });

  it.each([
    ['', 'identity_certificate_missing'],
    ['%zz', 'identity_certificate_unreadable'],
    ['not a certificate', 'identity_certificate_unreadable'],
    ['x'.repeat(100_000), 'identity_certificate_unreadable'],
  ])('refuses what is no certificate: case %#', (certificate, rule) => {
    expect(uriSanFault(certificate, ID)).toBe(rule);
  });
});
