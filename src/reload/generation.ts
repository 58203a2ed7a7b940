/** Builds generations: everything a running sidecar decides with, under one stamp. */
import type { CompiledBundle } from '../bundle/types.js';
import type { ActiveBundle, Generation, Mode } from '../check/types.js';

/** Hexadecimal digits of the digest in a stamp: enough to tell versions apart at a glance. */
const STAMP_DIGEST_CHARS = 12;
const DIGEST_PREFIX = 'sha256:';
const STAMP_WITHOUT_BUNDLE = 'none';

interface GenerationParts {
  readonly number: number;
  readonly mode: Mode;
  readonly active: ActiveBundle | undefined;
}

export function createGeneration({ number, mode, active }: GenerationParts): Generation {
  const stamp = active === undefined ? STAMP_WITHOUT_BUNDLE : stampOf(active.bundle);
  return Object.freeze({ number, mode, stamp, active });
}

/** `<version>+<12 hex>`, and `.unsigned` after it for a plain directory (formats.md, 5). */
export function stampOf(bundle: Pick<CompiledBundle, 'manifest' | 'digest' | 'signedBy'>): string {
  const { manifest, digest, signedBy } = bundle;
  const hex = digest.slice(DIGEST_PREFIX.length, DIGEST_PREFIX.length + STAMP_DIGEST_CHARS);
  return `${manifest.version}+${hex}${signedBy === undefined ? '.unsigned' : ''}`;
}
