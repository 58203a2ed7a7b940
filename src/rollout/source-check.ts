/** What the parts of a rollout's source say about each other. */
import { ROLLOUT_SLICES_MAX } from '../constants.js';
import type { Finding } from './finding.js';
import { bundleRefText } from './source-schema.js';
import type { Match, RolloutSource } from './types.js';

const LISTS = ['enforce', 'hold', 'exceptions', 'blocks'] as const;

export function checkSource(source: RolloutSource): readonly Finding[] {
  return [
    ...checkDestinations(source),
    ...checkCandidate(source),
    ...checkSlices(source),
    ...LISTS.flatMap((list) =>
      source[list].flatMap(({ match }, i) => outside(match, source, [list, i, 'match'])),
    ),
  ];
}

function checkDestinations({ destinations }: RolloutSource): Finding[] {
  const seen = new Set<string>();
  return destinations.flatMap(({ service }, i) => {
    const again = seen.has(service);
    seen.add(service);
    const path = ['destinations', i, 'service'];
    return again ? [{ message: `destination \`${service}\` is there already`, path }] : [];
  });
}

function checkCandidate({ bundle, candidate }: RolloutSource): Finding[] {
  if (candidate === undefined || bundleRefText(candidate) !== bundleRefText(bundle)) return [];
  const message = '`candidate` is what `bundle` is already: it would never differ';
  return [{ message, path: ['candidate'] }];
}

/** A log line names a slice by its name alone, whichever list it stands in. */
function checkSlices({ enforce, hold }: RolloutSource): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const [list, slices] of Object.entries({ enforce, hold })) {
    for (const [i, { name }] of slices.entries()) {
      if (seen.has(name)) {
        const message = `slice \`${name}\` is there already, in \`enforce\` or \`hold\``;
        findings.push({ message, path: [list, i, 'name'] });
      }
      seen.add(name);
    }
  }
  if (enforce.length + hold.length > ROLLOUT_SLICES_MAX) {
    const message = `\`enforce\` and \`hold\` have more than ${ROLLOUT_SLICES_MAX} slices together`;
    findings.push({ message, path: [enforce.length > 0 ? 'enforce' : 'hold'], onKey: true });
  }
  return findings;
}

function outside(
  { destinations: named }: Match,
  { destinations }: RolloutSource,
  at: readonly PropertyKey[],
): Finding[] {
  if (named === undefined) return [];
  const covered = new Set(destinations.map(({ service }) => service));
  return named.flatMap((service, i) => {
    const path = [...at, 'destinations', i];
    return covered.has(service)
      ? []
      : [{ message: `\`${service}\` is no destination of this rollout`, path }];
  });
}
