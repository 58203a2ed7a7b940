import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attachSignature, bundlePae } from '../../../src/bundle/attach.js';
import { formatBuiltManifest } from '../../../src/bundle/built-manifest.js';
import { openBundle } from '../../../src/bundle/open.js';
import { judgeBundle, verifyBundle } from '../../../src/bundle/verify.js';
import { formatSignatureSet, pae } from '../../../src/signing/dsse.js';
import { sign } from '../../../src/signing/keys.js';
import type { Signers } from '../../../src/signing/signers.js';
import { archiveOf, manifestOf } from '../../support/built-bundles.js';
import { resultValue } from '../../support/result.js';
import { signedBy, UNSIGNED_BUNDLE } from '../../support/signed-bundles.js';
import { testKey } from '../../support/trust.js';

const TYPE = 'application/vnd.cedargate.bundle.v1+json';
const ada = testKey('ada-1');
const bob = testKey('bob-1', 'ecdsa-p256');
const open = (bytes: Uint8Array) => resultValue(openBundle(bytes, 'x.tar.gz'));
const opened = open(UNSIGNED_BUNDLE);

/** When the bundle of test/support was made. */
const MADE_MS = Date.parse('2026-11-03T09:30:00.000Z');
const trusted = (key: typeof ada, fromMs = 0) => ({
  ...{ id: key.id, publicKey: key.publicKey, fromMs, untilMs: undefined, retiredMs: undefined },
});
const signers = (threshold: number, fromMs?: number): Signers => ({
  people: new Map([
    ['ada', [trusted(ada, fromMs)]],
    ['bob', [trusted(bob, fromMs)]],
  ]),
  threshold,
});

describe('a signature of a bundle', () => {
  it('is over the type and the bytes of the manifest', () => {
    expect(bundlePae(opened)).toEqual(pae(TYPE, opened.manifestBytes));
  });

  it('leaves everything but the signatures as it was', () => {
    const signed = open(signedBy(UNSIGNED_BUNDLE, ada));
    expect({ ...signed, signatures: undefined }).toEqual({ ...opened, signatures: undefined });
    expect(signed.signatures.signatures.map(({ keyid }) => keyid)).toEqual([ada.publicKey.id]);
  });

  it('is added to those of other keys', () => {
    const signed = open(signedBy(UNSIGNED_BUNDLE, ada, bob));
    expect(signed.signatures.signatures.map(({ keyid }) => keyid)).toEqual([
      ...[ada.publicKey.id, bob.publicKey.id],
    ]);
  });

  it('replaces one of the same key', () => {
    const twice = open(signedBy(UNSIGNED_BUNDLE, bob, ada, bob));
    expect(twice.signatures.signatures.map(({ keyid }) => keyid)).toEqual([
      ...[ada.publicKey.id, bob.publicKey.id],
    ]);
  });

  it('replaces one of the same key under another key id', () => {
    const sig = sign(ada.privateKey, bundlePae(opened)).toString('base64');
    const set = { payloadType: TYPE, signatures: [{ keyid: 'hsm/7', sig }] };
    const before = archiveOf({
      files: { 'index.json': '{}' },
      signatures: formatSignatureSet(set),
    });
    const signature = sign(ada.privateKey, bundlePae(opened));
    const attached = resultValue(attachSignature(open(before), ada.publicKey, signature));
    expect(attached).toMatchObject({
      replaced: true,
      signatures: { signatures: [{ keyid: ada.publicKey.id }] },
    });
  });

  it('replaces one that is damaged and names the same key', () => {
    const { id } = ada.publicKey;
    const sig = Buffer.alloc(64).toString('base64');
    const before = archiveOf({
      files: { 'index.json': '{}' },
      signatures: formatSignatureSet({ payloadType: TYPE, signatures: [{ keyid: id, sig }] }),
    });
    expect(open(signedBy(before, ada)).signatures.signatures).toHaveLength(1);
  });

  it.each([
    ['by another key', () => sign(bob.privateKey, bundlePae(opened))],
    ['over the manifest alone', () => sign(ada.privateKey, opened.manifestBytes)],
    [
      'over another type of payload',
      () => sign(ada.privateKey, pae('application/json', opened.manifestBytes)),
    ],
    ['of nothing', () => Buffer.alloc(0)],
  ])('is not attached when it was made %s', (_name, signature) => {
    expect(attachSignature(opened, ada.publicKey, signature())).toMatchObject({
      ok: false,
      problems: [{ code: 'signature_wrong' }],
    });
  });

  it('is not attached when there are as many as there may be', () => {
    const sig = Buffer.from('x').toString('base64');
    const signatures = Array.from({ length: 16 }, (_, i) => ({ keyid: `k${i}`, sig }));
    const full = open(
      archiveOf({
        files: { 'index.json': '{}' },
        signatures: formatSignatureSet({ payloadType: TYPE, signatures }),
      }),
    );
    const signature = sign(ada.privateKey, bundlePae(full));
    expect(attachSignature(full, ada.publicKey, signature)).toMatchObject({
      problems: [{ code: 'signatures_invalid' }],
    });
  });
});

describe('a bundle', () => {
  const signed = open(signedBy(UNSIGNED_BUNDLE, ada, bob));

  it('is trusted when enough people signed it', () => {
    expect(resultValue(verifyBundle(signed, signers(2))).map(({ person }) => person)).toEqual([
      ...['ada', 'bob'],
    ]);
  });

  it('is not trusted when too few did', () => {
    const result = verifyBundle(open(signedBy(UNSIGNED_BUNDLE, ada)), signers(2));
    expect(result).toMatchObject({
      problems: [{ code: 'signature_threshold', file: 'signatures.json' }],
    });
  });

  it('is judged by the time its manifest states', () => {
    expect(verifyBundle(signed, signers(2, MADE_MS)).ok).toBe(true);
    expect(verifyBundle(signed, signers(1, MADE_MS + 1)).ok).toBe(false);
    const verdicts = judgeBundle(signed, signers(1, MADE_MS + 1));
    expect(verdicts[0]?.fault).toContain('counts from 2026-11-03T09:30:00.001Z');
  });

  it('is not trusted with signatures of another bundle', () => {
    const files = { 'index.json': '{}' };
    const manifest = formatBuiltManifest(manifestOf(files, { version: '1.0.1' }));
    const signatures = formatSignatureSet(signed.signatures);
    const swapped = open(archiveOf({ files, manifest, signatures }));
    expect(verifyBundle(swapped, signers(1))).toMatchObject({
      problems: [{ code: 'signature_threshold' }],
    });
  });

  /** Below the archive, whose checksum would find most of it. */
  it.each(['manifest', 'signatures'] as const)(
    'is refused, or trusted for the same people, when a byte of its %s is changed',
    (part) => {
      const parts = {
        manifest: Buffer.from(signed.manifestBytes),
        signatures: formatSignatureSet(signed.signatures),
      };
      fc.assert(
        fc.property(
          fc.nat(parts[part].length - 1),
          fc.integer({ min: 1, max: 255 }),
          (at, flip) => {
            const changed = Buffer.from(parts[part]);
            changed[at] = (changed[at] as number) ^ flip;
            const files = { 'index.json': '{}' };
            const result = openBundle(archiveOf({ files, ...parts, [part]: changed }), 'x.tar.gz');
            const found = result.ok ? verifyBundle(result.value, signers(2)) : result;
            // A key id may have changed: it is a hint, and nothing hangs on it.
            if (found.ok) expect([part, found.value.length]).toEqual(['signatures', 2]);
          },
        ),
      );
    },
  );

  it('is refused, or trusted as the very same, when a byte of its file is changed', () => {
    const bytes = signedBy(UNSIGNED_BUNDLE, ada, bob);
    const original = open(bytes);
    fc.assert(
      fc.property(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, flip, cut) => {
          const changed = Buffer.from(cut ? bytes.subarray(0, at) : bytes);
          if (!cut) changed[at] = (changed[at] as number) ^ flip;
          const result = openBundle(changed, 'x.tar.gz');
          if (!result.ok || !verifyBundle(result.value, signers(2)).ok) return;
          expect(result.value).toEqual(original);
        },
      ),
    );
  });
});
