/** Whether a bundle and what a document asks for fit each other. Pure. */
import { type Problem, problem } from '../errors.js';
import type { ApprovedState, Match } from './types.js';

/** What has to be known of a bundle to say whether it fits a document. */
export interface BundleFacts {
  /** Names of its routes. */
  readonly routes: readonly string[];
  /** `scope.destinations`; undefined = any. */
  readonly destinations: readonly string[] | undefined;
}

/** What a document asks of its bundle. */
export type Asked = Pick<
  ApprovedState,
  'destinations' | 'enforce' | 'hold' | 'exceptions' | 'blocks'
>;

/** Problem code: `rollout_misfit`. `routes`: whether unknown routes matter. */
export function fitProblem(
  asked: Asked,
  { routes, destinations }: BundleFacts,
  check: { readonly routes: boolean },
): Problem | undefined {
  const outside = asked.destinations.find(
    ({ service }) => destinations !== undefined && !destinations.includes(service),
  );
  if (outside !== undefined) {
    const message = `\`${outside.service}\` is not in the scope of the bundle`;
    return problem('rollout_misfit', message);
  }
  if (!check.routes) return undefined;
  const known = new Set(routes);
  for (const { name, match } of entriesOf(asked)) {
    const route = match.routes?.find((each) => !known.has(each));
    if (route === undefined) continue;
    const message = `\`${name}\` names the route \`${route}\`, which the bundle does not have`;
    return problem('rollout_misfit', message);
  }
  return undefined;
}

function entriesOf(asked: Asked): readonly { readonly name: string; readonly match: Match }[] {
  return [...asked.enforce, ...asked.hold, ...asked.exceptions, ...asked.blocks];
}
