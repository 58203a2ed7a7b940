/** Keys and signatures between cedargate and a real openssl. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBundle } from '../../src/bundle/open.js';
import { runCedargate } from '../support/cedargate.js';
import { resultValue } from '../support/result.js';
import { UNSIGNED_BUNDLE } from '../support/signed-bundles.js';
import { keyEntry, trustText } from '../support/trust.js';

const OPENSSL_MISSING = spawnSync('openssl', ['version']).error?.message;

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cedargate-signing-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs a command line in the folder; it must succeed. What it printed. */
function openssl(line: string): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', line.split(' '), { cwd: directory });
  if (status !== 0) throw new Error(`openssl ${line}: ${stderr}`);
  return stdout;
}

function cedargate(line: string) {
  const { status, stdout, stderr } = runCedargate(line.split(' '), directory);
  return { status, stdout, stderr: stderr.toString() };
}

const path = (name: string) => join(directory, name);

/** One person a key; the public keys lie in the folder as `<name>.pub`. */
function writeTrust(names: readonly string[], threshold: number): void {
  const keys = names.map((id) =>
    keyEntry({ id, publicPem: readFileSync(path(`${id}.pub`), 'utf8') }),
  );
  const people = names.map(
    (id) => `  ${id}: {name: ${id}, email: ${id}@example.org, keys: [${id}]}\n`,
  );
  const roles = `  bundleSigner: {people: [${names.join(', ')}], threshold: ${threshold}}\n`;
  writeFileSync(
    path('trust.yaml'),
    trustText({ people: people.join(''), keys: keys.join(''), roles }),
  );
}

const KINDS = [
  {
    type: 'ed25519',
    makeKey: 'genpkey -algorithm ed25519 -out ed25519.key',
    sign: 'pkeyutl -sign -rawin -inkey ed25519.key -in bytes -out sig',
    verify: 'pkeyutl -verify -rawin -pubin -inkey made.pub -in bytes -sigfile sig',
  },
  {
    type: 'ecdsa-p256',
    makeKey: 'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ecdsa-p256.key',
    sign: 'dgst -sha256 -sign ecdsa-p256.key -out sig bytes',
    verify: 'dgst -sha256 -verify made.pub -signature sig bytes',
  },
] as const;

describe('signing with openssl', () => {
  beforeEach((context) => {
    context.skip(OPENSSL_MISSING !== undefined, `no openssl: ${OPENSSL_MISSING}`);
    writeFileSync(path('b.tar.gz'), UNSIGNED_BUNDLE);
  });

  it.each(KINDS)('gives an $type signature that is attached and verified', (kind) => {
    const { type } = kind;
    openssl(kind.makeKey);
    openssl(`pkey -in ${type}.key -pubout -out ${type}.pub`);
    writeFileSync(path('bytes'), cedargate('bundle pae b.tar.gz').stdout);
    openssl(kind.sign);
    writeTrust([type], 1);
    expect(cedargate('verify b.tar.gz --trust trust.yaml').status).toBe(4);
    const attach = cedargate(`bundle attach b.tar.gz --signature sig --public-key ${type}.pub`);
    expect(attach).toMatchObject({ status: 0, stderr: '' });
    const verified = cedargate('verify b.tar.gz --trust trust.yaml --json');
    expect(verified).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(verified.stdout.toString())).toMatchObject({
      signatures: [{ person: type, type, counts: true }],
    });
  });

  it('needs the bytes of that very bundle', () => {
    openssl('genpkey -algorithm ed25519 -out ed25519.key');
    openssl('pkey -in ed25519.key -pubout -out ed25519.pub');
    writeFileSync(path('bytes'), 'other bytes');
    openssl(KINDS[0].sign);
    const attach = cedargate('bundle attach b.tar.gz --signature sig --public-key ed25519.pub');
    expect(attach.status).toBe(4);
    expect(attach.stderr).toContain('[signature_wrong]');
    expect(readFileSync(path('b.tar.gz'))).toEqual(UNSIGNED_BUNDLE);
  });

  it.each(KINDS)('takes an $type key of openssl, and two people make two', ({ type, makeKey }) => {
    openssl(makeKey);
    openssl(`pkey -in ${type}.key -pubout -out ${type}.pub`);
    rmSync(path('second.key'), { force: true });
    rmSync(path('second.pub'), { force: true });
    expect(cedargate('keygen second').status).toBe(0);
    writeTrust([type, 'second'], 2);
    expect(cedargate(`bundle sign b.tar.gz --key ${type}.key`).status).toBe(0);
    expect(cedargate('verify b.tar.gz --trust trust.yaml').status).toBe(4);
    expect(cedargate('bundle sign b.tar.gz --key second.key').status).toBe(0);
    expect(cedargate('verify b.tar.gz --trust trust.yaml').status).toBe(0);
  });

  it.each(KINDS)('is checked by openssl with an $type key of keygen', (kind) => {
    rmSync(path('made.key'), { force: true });
    rmSync(path('made.pub'), { force: true });
    expect(cedargate(`keygen made --type ${kind.type}`).status).toBe(0);
    expect(openssl('pkey -in made.key -pubout')).toEqual(readFileSync(path('made.pub')));
    cedargate('bundle sign b.tar.gz --key made.key');
    cedargate('bundle pae b.tar.gz --output bytes');
    const opened = resultValue(openBundle(readFileSync(path('b.tar.gz')), 'b.tar.gz'));
    const [{ sig = '' } = {}] = opened.signatures.signatures;
    writeFileSync(path('sig'), Buffer.from(sig, 'base64'));
    openssl(kind.verify);
  });

  it('tells how to convert a key in a form that is not read', () => {
    openssl('ecparam -name prime256v1 -genkey -noout -out sec1.key');
    const sec1 = cedargate('bundle sign b.tar.gz --key sec1.key');
    expect(sec1.status).toBe(3);
    expect(sec1.stderr).toContain('openssl pkcs8 -topk8 -nocrypt');
    openssl('pkcs8 -topk8 -nocrypt -in sec1.key -out converted.key');
    expect(cedargate('bundle sign b.tar.gz --key converted.key').status).toBe(0);
    openssl('pkcs8 -topk8 -in sec1.key -passout pass:secret -out locked.key');
    const locked = cedargate('bundle sign b.tar.gz --key locked.key');
    expect(locked.status).toBe(3);
    expect(locked.stderr).toContain('the key is encrypted; decrypt it first');
  });
});
