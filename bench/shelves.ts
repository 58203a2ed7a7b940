/** Built and signed bundles, as a sidecar of production serves them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildBundle } from '../src/bundle/build.js';
import { openBundle } from '../src/bundle/open.js';
import { engineVersion } from '../src/cedar/engine.js';
import { resultValue } from '../test/support/result.js';
import { KEYS, rolloutTrustText } from '../test/support/rollouts.js';
import { signedBy } from '../test/support/signed-bundles.js';
import { digestOfText } from '../test/support/states.js';
import { bundleFiles } from './bundles.js';
import type { BenchPolicy } from './policies.js';

/** A shelf with one bundle of these policies, built and signed; the arguments that name it. */
export function shelfOf(policies: readonly BenchPolicy[], directory: string): string[] {
  const files = Object.entries(bundleFiles(policies, '1.0.0'));
  const built = resultValue(
    buildBundle({
      files: files.map(([name, text]) => ({ name, bytes: Buffer.from(text) })),
      testFiles: [],
      createdAt: new Date().toISOString(),
      change: {},
      cedar: engineVersion(),
      runTests: () => {
        throw new Error('there are no tests');
      },
    }),
  );
  const archive = signedBy(built.archive, KEYS.ada);
  const shelf = join(directory, `shelf-${policies.length}`);
  mkdirSync(shelf, { recursive: true });
  writeFileSync(join(shelf, 'bench.tar.gz'), archive);
  const trust = join(directory, 'trust.yaml');
  writeFileSync(trust, TRUST);
  const { digest } = resultValue(openBundle(archive, 'bench.tar.gz'));
  return [
    ...['--environment', 'bench', '--bundles', shelf, '--digest', digest],
    ...['--trust', trust, '--trust-digest', digestOfText(TRUST)],
  ];
}

const TRUST = rolloutTrustText();
