/** The worked example of policies/ as what is approved in production: built, signed, sealed. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './repository.js';
import { KEYS, makeRollout, rolloutTrustText, type SourceOverrides } from './rollouts.js';
import { signedBy } from './signed-bundles.js';
import { builtFrom, type Sources } from './source-bundle.js';
import { digestOfText } from './states.js';

/** The files of policies/, without its tests. */
export function shippedPolicies(): Sources {
  const dir = join(ROOT, 'policies');
  const files = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map(({ name }) => [name, readFileSync(join(dir, name), 'utf8')]));
}

/** Puts everything that a sidecar of shop/payments needs into `dir`; returns the flags to serve it. */
export function placeShippedRollout(dir: string, source: SourceOverrides): readonly string[] {
  const { archive, manifest, digest } = builtFrom(shippedPolicies());
  const { name, version } = manifest;
  const document = makeRollout({
    approvals: 2,
    source: {
      ...{ name: 'payments', destinations: '[{service: shop/payments}]' },
      ...{ bundle: `${name}@${version}`, ...source },
    },
    payload: {
      resolved: { active: { name, version, digest }, candidate: null, rollback: null },
      superseded: [],
    },
  });
  const trust = rolloutTrustText();
  const at = (...names: string[]) => join(dir, ...names);
  for (const folder of ['bundles', 'rollout', 'state']) mkdirSync(at(folder));
  writeFileSync(at('bundles', 'payments.tar.gz'), signedBy(archive, KEYS.ada));
  writeFileSync(at('rollout', 'payments.json'), document);
  writeFileSync(at('trust.yaml'), trust);
  return [
    ...['--environment', 'production', '--bundles', at('bundles'), '--rollout', at('rollout')],
    ...['--trust', at('trust.yaml'), '--trust-digest', digestOfText(trust)],
    ...['--state', at('state')],
  ];
}
