/** Whether a bundle and what a document asks for fit each other. Pure. */
import { readYaml, yamlPlace } from '../bundle/yaml.js';
import { type Problem, problem } from '../errors.js';
import type { ApprovedState } from './types.js';

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

/** The YAML that what is asked stands in, for the place of a fault. */
export interface AskedIn {
  readonly text: string;
  readonly file: string;
}

const LISTS = ['enforce', 'hold', 'exceptions', 'blocks'] as const;

/**
 * Problem code: `rollout_misfit`, with the line where `written` has it. `routes`: whether unknown
 * routes matter.
 */
export function fitProblem(
  asked: Asked,
  { routes, destinations }: BundleFacts,
  check: { readonly routes: boolean },
  written?: AskedIn,
): Problem | undefined {
  const outside = asked.destinations.find(
    ({ service }) => destinations !== undefined && !destinations.includes(service),
  );
  if (outside !== undefined) {
    const message = `\`${outside.service}\` is not in the scope of the bundle`;
    const find: Find = (read) => [
      'destinations',
      indexIn(read.destinations, (item) => item?.service === outside.service),
      'service',
    ];
    return problem('rollout_misfit', message, placeIn(written, find));
  }
  if (!check.routes) return undefined;
  const known = new Set(routes);
  for (const list of LISTS) {
    for (const { name, match } of asked[list]) {
      const index = match.routes?.findIndex((each) => !known.has(each)) ?? -1;
      if (index === -1) continue;
      const message = `\`${name}\` names the route \`${match.routes?.[index]}\`, which the bundle does not have`;
      const find: Find = (read) => [
        ...[list, indexIn(read[list], (item) => item?.name === name)],
        ...['match', 'routes', index],
      ];
      return problem('rollout_misfit', message, placeIn(written, find));
    }
  }
  return undefined;
}

type Item = { readonly name?: unknown; readonly service?: unknown } | null;
type Find = (read: Readonly<Record<string, unknown>>) => readonly PropertyKey[];

function indexIn(list: unknown, is: (item: Item) => boolean): number {
  return Array.isArray(list) ? (list as readonly Item[]).findIndex(is) : -1;
}

/** What an emergency adds stands in no source: it has no line. */
function placeIn(written: AskedIn | undefined, find: Find) {
  if (written === undefined) return {};
  const { text, file } = written;
  const read = readYaml(file, text);
  if (!read.ok || typeof read.value.value !== 'object') return { file };
  const path = find(read.value.value as Readonly<Record<string, unknown>>);
  return path.includes(-1) ? { file } : yamlPlace(read.value, path);
}
