/** Built bundles made by hand, for tests that break one part of them. */
import { createHash } from 'node:crypto';
import { packArchive } from '../../src/bundle/archive.js';
import {
  BUNDLE_PAYLOAD_TYPE,
  type BuiltManifest,
  formatBuiltManifest,
} from '../../src/bundle/built-manifest.js';
import type { Digest } from '../../src/bundle/types.js';
import { formatSignatureSet } from '../../src/signing/dsse.js';

export const UNSIGNED = formatSignatureSet({ payloadType: BUNDLE_PAYLOAD_TYPE, signatures: [] });

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A manifest that fits these files. */
export function manifestOf(
  files: Readonly<Record<string, string>>,
  more: Partial<BuiltManifest> = {},
): BuiltManifest {
  return {
    name: 'test-bundle',
    version: '1.0.0',
    owner: 'team-test',
    createdAt: '2026-11-03T09:30:00.000Z',
    change: {},
    scope: undefined,
    tests: { passed: 0, coverage: 0 },
    cedar: { sdk: '4.13.0', language: '4.5' },
    minReader: 1,
    files: new Map(Object.entries(files).map(([name, text]) => [name, digestOf(text)])),
    ...more,
  };
}

export interface ArchiveParts {
  readonly files: Readonly<Record<string, string>>;
  readonly manifest?: Buffer;
  /** undefined leaves the file out. */
  readonly signatures?: Buffer | undefined;
}

/** The archive of these parts, whether they fit each other or not. */
export function archiveOf(parts: ArchiveParts): Buffer {
  const manifest = parts.manifest ?? formatBuiltManifest(manifestOf(parts.files));
  const signatures = 'signatures' in parts ? parts.signatures : UNSIGNED;
  const files = Object.entries(parts.files).map(([name, text]) => ({
    name,
    bytes: Buffer.from(text),
  }));
  return packArchive([
    { name: 'manifest.json', bytes: manifest },
    ...files,
    ...(signatures === undefined ? [] : [{ name: 'signatures.json', bytes: signatures }]),
  ]);
}
