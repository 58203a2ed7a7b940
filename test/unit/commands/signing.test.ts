import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundlePae } from '../../../src/bundle/attach.js';
import { formatBuiltManifest } from '../../../src/bundle/built-manifest.js';
import { openBundle } from '../../../src/bundle/open.js';
import { run } from '../../../src/commands/program.js';
import { parseTrust } from '../../../src/rollout/trust.js';
import { parsePrivateKey, parsePublicKey, sign } from '../../../src/signing/keys.js';
import { archiveOf, manifestOf } from '../../support/built-bundles.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { memoryIo } from '../../support/io.js';
import { resultValue } from '../../support/result.js';
import { signedBy, smallBundle, UNSIGNED_BUNDLE } from '../../support/signed-bundles.js';
import { testKey, trustOf, trustText } from '../../support/trust.js';

const ada = testKey('ada-1');
const bob = testKey('bob-1', 'ecdsa-p256');
const opened = resultValue(openBundle(UNSIGNED_BUNDLE, 'x.tar.gz'));

async function cedargate(...args: readonly string[]) {
  const io = memoryIo();
  await run(args, io);
  return { ...io.written, exitCode: io.exitCode };
}

/** A folder with a bundle, keys and a trust file; paths by the names of the files. */
async function folder(files: Readonly<Record<string, string | Uint8Array>> = {}) {
  const directory = await temporaryDirectory();
  const all = {
    'b.tar.gz': UNSIGNED_BUNDLE,
    'ada.key': ada.privatePem,
    'ada.pub': ada.publicPem,
    'bob.key': bob.privatePem,
    'bob.pub': bob.publicPem,
    'trust.yaml': trustOf({ ada, bob }, 2),
    ...files,
  };
  for (const [name, bytes] of Object.entries(all)) await writeFile(join(directory, name), bytes);
  return (name: string) => join(directory, name);
}

const signaturesIn = async (path: string) =>
  resultValue(openBundle(await readFile(path), path)).signatures.signatures;
/** One byte of a file in it is not what the manifest says. */
const ALTERED = archiveOf({
  files: { 'index.json': '{ }' },
  manifest: Buffer.from(opened.manifestBytes),
});

describe('keygen', () => {
  it.each(['ed25519', 'ecdsa-p256'])('makes a pair of type %s that signs', async (type) => {
    const name = join(await temporaryDirectory(), 'ada-1');
    const { exitCode, stderr } = await cedargate('keygen', name, '--type', type);
    expect(exitCode).toBe(0);
    const key = resultValue(parsePrivateKey(await readFile(`${name}.key`, 'utf8'), 'k'));
    const pub = resultValue(parsePublicKey(await readFile(`${name}.pub`, 'utf8'), 'k'));
    expect(key.publicKey.id).toBe(pub.id);
    expect(pub.type).toBe(type);
    expect(stderr).toContain(pub.id);
    expect((await stat(`${name}.key`)).mode & 0o777).toBe(0o600);
  });

  it('prints an entry that trust.yaml takes as it is', async () => {
    const name = join(await temporaryDirectory(), 'ada-1');
    const { stdout } = await cedargate('keygen', name);
    const people = '  ada: {name: Ada, email: ada@example.org, keys: [ada-1]}\n';
    const roles = '  bundleSigner: {people: [ada], threshold: 1}\n';
    const keys = stdout.replace(/^keys:\n/, '');
    expect(parseTrust(Buffer.from(trustText({ people, keys, roles })), 't')).toMatchObject({
      ok: true,
    });
  });

  it('prints what it made as JSON', async () => {
    const name = join(await temporaryDirectory(), 'ada-1');
    const { stdout } = await cedargate('keygen', name, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'ed25519',
      privateKeyFile: `${name}.key`,
      publicKeyFile: `${name}.pub`,
      trustEntry: expect.stringContaining('  ada-1:'),
    });
  });

  it.each(['ada.key', 'ada.pub'])('overwrites nothing: %s is there', async (there) => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, there), 'old');
    const { exitCode, stderr } = await cedargate('keygen', join(directory, 'ada'));
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('[file_unwritable]'),
    });
    expect(await readFile(join(directory, there), 'utf8')).toBe('old');
    await expect(
      stat(join(directory, there === 'ada.key' ? 'ada.pub' : 'ada.key')),
    ).rejects.toThrow();
  });

  it('leaves no half of a pair behind', async () => {
    const directory = await temporaryDirectory();
    await symlink('nowhere', join(directory, 'ada.pub'));
    const { exitCode } = await cedargate('keygen', join(directory, 'ada'));
    expect(exitCode).toBe(1);
    expect(await readdir(directory)).toEqual(['ada.pub']);
  });

  it.each([
    ['a name that trust.yaml cannot hold', ['keygen', 'Ada'], '[input_invalid]'],
    ['another type of key', ['keygen', 'ada', '--type', 'rsa'], 'ed25519, ecdsa-p256'],
  ])('ends with 2 for %s', async (_name, args, message) => {
    const { exitCode, stderr } = await cedargate(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe('bundle sign', () => {
  it('adds a signature, and another for another key', async () => {
    const path = await folder();
    const first = await cedargate('bundle', 'sign', path('b.tar.gz'), '--key', path('ada.key'));
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toContain(`test-bundle 1.0.0 ${opened.digest}\nsigned with key sha256:`);
    const second = await cedargate(
      ...['bundle', 'sign', path('b.tar.gz'), '--key', path('bob.key'), '--json'],
    );
    expect(JSON.parse(second.stdout)).toEqual({
      name: 'test-bundle',
      version: '1.0.0',
      digest: opened.digest,
      keyid: bob.publicKey.id,
      replaced: false,
      signatures: 2,
    });
    expect(await signaturesIn(path('b.tar.gz'))).toHaveLength(2);
  });

  it('loses none of two that are made at once', async () => {
    const path = await folder({ 'b.tar.gz': UNSIGNED_BUNDLE });
    const sign = (key: string) => cedargate('bundle', 'sign', path('b.tar.gz'), '--key', path(key));
    const both = await Promise.all([sign('ada.key'), sign('bob.key')]);
    const done = both.filter(({ exitCode }) => exitCode === 0);
    expect(await signaturesIn(path('b.tar.gz'))).toHaveLength(done.length);
  });

  it('replaces a signature of the same key, and says so', async () => {
    const path = await folder({ 'b.tar.gz': signedBy(UNSIGNED_BUNDLE, ada) });
    const again = await cedargate('bundle', 'sign', path('b.tar.gz'), '--key', path('ada.key'));
    expect(again.stdout).toContain('signed again');
    expect(await signaturesIn(path('b.tar.gz'))).toHaveLength(1);
  });

  it.each<[string, string, number, Readonly<Record<string, string | Uint8Array>>]>([
    ['[bundle_altered]', 'ada.key', 4, { 'b.tar.gz': ALTERED }],
    ['[archive_invalid]', 'ada.key', 3, { 'b.tar.gz': UNSIGNED_BUNDLE.subarray(0, 99) }],
    ['[key_invalid]', 'ada.pub', 3, {}],
    ['[file_unreadable]', 'none.key', 1, {}],
  ])('signs nothing and says %s with key %s', async (code, key, exit, files) => {
    const path = await folder(files);
    const before = await readFile(path('b.tar.gz'));
    const result = await cedargate('bundle', 'sign', path('b.tar.gz'), '--key', path(key));
    expect(result).toMatchObject({ exitCode: exit, stdout: '' });
    expect(result.stderr).toContain(code);
    expect(await readFile(path('b.tar.gz'))).toEqual(before);
  });
});

describe('bundle pae', () => {
  it('prints exactly the bytes to sign', async () => {
    const path = await folder();
    const { stdout } = await cedargate('bundle', 'pae', path('b.tar.gz'));
    expect(Buffer.from(stdout)).toEqual(bundlePae(opened));
  });

  it('prints characters beyond ASCII as they are signed', async () => {
    const files = { 'index.json': '{}' };
    const manifest = manifestOf(files, { owner: 'équipe \u{1f680}' });
    const bundle = archiveOf({ files, manifest: formatBuiltManifest(manifest) });
    const path = await folder({ 'b.tar.gz': bundle });
    const { stdout } = await cedargate('bundle', 'pae', path('b.tar.gz'));
    expect(Buffer.from(stdout)).toEqual(bundlePae(resultValue(openBundle(bundle, 'b'))));
  });

  it('writes them to a file', async () => {
    const path = await folder();
    const result = await cedargate('bundle', 'pae', path('b.tar.gz'), '--output', path('bytes'));
    expect(result).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(await readFile(path('bytes'))).toEqual(bundlePae(opened));
  });

  it('has none for a bundle that was altered', async () => {
    const path = await folder({ 'b.tar.gz': ALTERED });
    const result = await cedargate('bundle', 'pae', path('b.tar.gz'));
    expect(result).toMatchObject({ exitCode: 4, stdout: '' });
  });
});

describe('bundle attach', () => {
  const raw = sign(bob.privateKey, bundlePae(opened));
  const attach = (path: (name: string) => string, pub = 'bob.pub') =>
    cedargate(
      ...['bundle', 'attach', path('b.tar.gz'), '--signature', path('sig')],
      ...['--public-key', path(pub)],
    );

  it.each<[string, string | Uint8Array]>([
    ['raw', raw],
    ['base64', raw.toString('base64')],
    ['base64 with a line feed', `${raw.toString('base64')}\n`],
    ['base64 in lines', raw.toString('base64').replace(/.{64}/g, '$&\r\n')],
    ['URL-safe base64', raw.toString('base64url')],
  ])('takes a signature that is %s', async (_name, signature) => {
    const path = await folder({ sig: signature });
    expect(await attach(path)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await signaturesIn(path('b.tar.gz'))).toEqual([
      { keyid: bob.publicKey.id, sig: raw.toString('base64') },
    ]);
  });

  it.each<[string, string, number, string, Readonly<Record<string, string | Uint8Array>>]>([
    ['made with another key', '[signature_wrong]', 4, 'ada.pub', { sig: raw }],
    [
      'over other bytes',
      '[signature_wrong]',
      4,
      'bob.pub',
      { sig: sign(bob.privateKey, opened.manifestBytes) },
    ],
    ['that is none', '[signature_wrong]', 4, 'bob.pub', { sig: 'no signature!' }],
    ['that is huge', '[file_unreadable]', 1, 'bob.pub', { sig: Buffer.alloc(5_000) }],
    ['and the private key', '[key_invalid]', 3, 'bob.key', { sig: raw }],
    ['for a bundle that was altered', '[bundle_altered]', 4, 'bob.pub', { 'b.tar.gz': ALTERED }],
  ])('refuses a signature %s', async (_name, code, exit, pub, files) => {
    const path = await folder({ sig: raw, ...files });
    const before = await readFile(path('b.tar.gz'));
    const result = await attach(path, pub);
    expect(result).toMatchObject({ exitCode: exit, stdout: '' });
    expect(result.stderr).toContain(code);
    expect(await readFile(path('b.tar.gz'))).toEqual(before);
  });
});

describe('verify', () => {
  const signed = signedBy(UNSIGNED_BUNDLE, ada, bob);
  const verify = (path: (name: string) => string, ...more: readonly string[]) =>
    cedargate('verify', path('b.tar.gz'), '--trust', path('trust.yaml'), ...more);

  it('says what it is, who signed it, and when their keys count', async () => {
    const path = await folder({ 'b.tar.gz': signed });
    const { stdout, stderr, exitCode } = await verify(path);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toContain('test-bundle 1.0.0: verified, signed by 2, 2 needed\n');
    expect(stdout).toContain(`digest  ${opened.digest}\n`);
    expect(stdout).toContain('(not pinned: see --trust-digest)');
    expect(stdout).toMatch(/^PERSON {2}KEY {4}TYPE {8}VALID$/m);
    expect(stdout).toMatch(/^ada {5}ada-1 {2}ed25519 {5}from 2026-01-01T00:00:00.000Z$/m);
    expect(stdout).toMatch(/^bob {5}bob-1 {2}ecdsa-p256 {2}from 2026-01-01T00:00:00.000Z$/m);
  });

  it('names signatures that do not count', async () => {
    const eve = testKey('eve-1');
    const path = await folder({
      'b.tar.gz': signedBy(UNSIGNED_BUNDLE, ada, eve, bob),
    });
    const { stdout } = await verify(path);
    expect(stdout).toContain(`not counted: ${eve.publicKey.id}: it verifies with no key`);
  });

  it('prints all of it as JSON', async () => {
    const path = await folder({ 'b.tar.gz': signed });
    const { digest } = resultValue(parseTrust(await readFile(path('trust.yaml')), 't'));
    const { stdout } = await verify(path, '--json', '--trust-digest', digest);
    expect(JSON.parse(stdout)).toMatchObject({
      bundle: { name: 'test-bundle', version: '1.0.0', digest: opened.digest },
      trust: { digest, pinned: true },
      threshold: 2,
      signatures: [
        { person: 'ada', key: 'ada-1', counts: true, why: null, until: null },
        { person: 'bob', type: 'ecdsa-p256', from: '2026-01-01T00:00:00.000Z' },
      ],
    });
  });

  it('takes any of several pinned digests', async () => {
    const path = await folder({ 'b.tar.gz': signed });
    const { digest } = resultValue(parseTrust(await readFile(path('trust.yaml')), 't'));
    const other = `sha256:${'0'.repeat(64)}`;
    const pins = ['--trust-digest', other, '--trust-digest', digest];
    expect((await verify(path, ...pins)).exitCode).toBe(0);
    expect(await verify(path, '--trust-digest', other)).toMatchObject({
      exitCode: 4,
      stdout: '',
      stderr: expect.stringContaining('[trust_digest]'),
    });
  });

  it('does not read a trust file that is not pinned', async () => {
    const path = await folder({ 'b.tar.gz': signed, 'trust.yaml': '{' });
    const { stderr } = await verify(path, '--trust-digest', `sha256:${'0'.repeat(64)}`);
    expect(stderr).toContain('[trust_digest]');
  });

  it('builds a bundle again with --deep, once it is trusted', async () => {
    const built = signedBy(smallBundle(), ada, bob);
    const path = await folder({ 'b.tar.gz': built });
    const { stdout, stderr, exitCode } = await verify(path, '--deep');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toContain('sources  built again: the same, byte for byte');
    expect(JSON.parse((await verify(path, '--deep', '--json')).stdout).deep).toBe(true);
  });

  it('does not take the word of those who signed for what --deep recomputes', async () => {
    const opened = resultValue(openBundle(smallBundle(), 'x'));
    const tests = { passed: 7, coverage: 100 };
    const manifest = formatBuiltManifest({ ...opened.manifest, tests });
    const files = Object.fromEntries(
      [...opened.files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('utf8')]),
    );
    const path = await folder({ 'b.tar.gz': signedBy(archiveOf({ files, manifest }), ada, bob) });
    expect((await verify(path)).exitCode).toBe(0);
    const deep = await verify(path, '--deep');
    expect(deep).toMatchObject({ exitCode: 4, stdout: '' });
    expect(deep.stderr).toContain('[bundle_not_reproduced]');
  });

  it.each<[string, string, number, Readonly<Record<string, string | Uint8Array>>]>([
    [
      'too few signatures',
      '[signature_threshold]',
      4,
      { 'b.tar.gz': signedBy(UNSIGNED_BUNDLE, ada) },
    ],
    ['no signatures', '[signature_threshold]', 4, { 'b.tar.gz': UNSIGNED_BUNDLE }],
    ['a trust file that is wrong', '[trust_invalid]', 4, { 'trust.yaml': 'people: {}\n' }],
    ['a trust file that is no YAML', '[trust_invalid]', 4, { 'trust.yaml': '{' }],
    ['a bundle that was altered', '[bundle_altered]', 4, { 'b.tar.gz': ALTERED }],
    ['a bundle that was cut off', '[archive_invalid]', 3, { 'b.tar.gz': signed.subarray(0, 200) }],
  ])('refuses %s with %s', async (_name, code, exit, files) => {
    const path = await folder({ 'b.tar.gz': signed, ...files });
    const result = await verify(path);
    expect(result).toMatchObject({ exitCode: exit, stdout: '' });
    expect(result.stderr).toContain(code);
  });
});
