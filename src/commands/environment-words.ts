/** Why environments differ, in lines: what people wrote, or that nobody did. Names are escaped here. */
import type { EnvironmentPolicy, EnvironmentReason } from '../bundle/environments.js';
import { escapeName } from '../bundle/names.js';
import type { Elsewhere, Origin, RolloutDifference } from '../rollout/elsewhere.js';
import { changeText } from './change-words.js';

/** Of a bundle. */
export function reasonLines(
  reasons: readonly EnvironmentReason[],
  policies: readonly EnvironmentPolicy[],
): string[] {
  return [
    ...reasons.map(({ environment, reason }) => {
      const why = reason ?? 'nobody has written it down: bundle.yaml, `environments`';
      return `why ${environment} differs: ${why}`;
    }),
    ...policies.map(({ id, owner, description }) => {
      return `policy ${id} of ${owner} asks for the environment: ${description}`;
    }),
  ].map(escapeName);
}

/** Of a rollout: what it has that others have not, and the other way round. */
export function elsewhereLines(elsewhere: readonly Elsewhere[]): string[] {
  return elsewhere.flatMap(({ environment, sequence, differences }) => {
    const there = `${environment} (document ${sequence})`;
    if (differences.length === 0) return [`like ${there}`];
    return [`against ${there}:`, ...differences.map((each) => differenceText(environment, each))];
  });
}

function differenceText(environment: string, { change, here, there }: RolloutDifference): string {
  const whys = [originText('here', here), originText(`in ${environment}`, there)];
  return escapeName(`${changeText(change)}; ${whys.join('; ')}`);
}

function originText(where: string, origin: Origin | null): string {
  if (origin === null) return `${where} never touched`;
  const { sequence, ticket, owner, reason } = origin;
  const why = reason === null ? ', an emergency' : `: ${reason}`;
  return `${where} since ${sequence} (${ticket}, ${owner}${why})`;
}
