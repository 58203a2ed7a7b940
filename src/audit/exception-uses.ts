/** How often exceptions let requests pass, by what sidecars say of themselves or by their logs. */
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import type { ExceptionUse } from './log-facts.js';

export interface Uses {
  readonly uses: number;
  /** RFC 3339; null when it never was, or nobody says. */
  readonly first: string | null;
  readonly last: string | null;
}

/** By the name of the exception; one that is not there is not known of. */
export type UsesByName = ReadonlyMap<string, Uses>;

interface Place {
  readonly name: string;
  readonly environment: string;
}

/** Sidecars of before do not say how often; what else they say is not looked at. */
const statusSchema = shape.object({
  environment: shape.string().nullable(),
  rollouts: shape.array(
    shape.object({
      rollout: shape.object({ name: shape.string() }),
      exceptions: shape.array(
        shape.object({
          name: shape.string(),
          uses: shape.int().min(0).optional(),
          first_used: shape.datetime().nullable().default(null),
          last_used: shape.datetime().nullable().default(null),
        }),
      ),
    }),
  ),
});

/** From the /status of one sidecar, since it started. Problem code: `input_invalid`. */
export function usesInStatus(text: string, file: string, place: Place): Result<UsesByName> {
  const refuse = (message: string) => failed(problem('input_invalid', `\`${file}\` ${message}`));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('is not JSON: give the /status of a sidecar');
  }
  const parsed = statusSchema.safeParse(value);
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join('.') ?? '';
    return refuse(`is no /status of a sidecar: \`${field}\` is missing or wrong`);
  }
  const { environment, rollouts } = parsed.data;
  const own = rollouts.find(({ rollout }) => rollout.name === place.name);
  if (environment !== place.environment || own === undefined) {
    return refuse(
      `is of a sidecar that does not run \`${place.name}\` in \`${place.environment}\``,
    );
  }
  return ok(
    new Map(
      own.exceptions.flatMap(({ name, uses, first_used: first, last_used: last }) =>
        uses === undefined ? [] : [[name, { uses, first, last }] as const],
      ),
    ),
  );
}

/** From what logs have of them: an exception that is not there was not used while they were written. */
export function usesInLogs(
  all: readonly ExceptionUse[],
  { name, environment }: Place,
  exceptions: readonly string[],
): UsesByName {
  const found = new Map<string, Uses>(
    exceptions.map((exception) => [exception, { uses: 0, first: null, last: null }]),
  );
  for (const use of all) {
    const before = found.get(use.exception);
    if (before === undefined || use.rollout !== name || use.environment !== environment) continue;
    const { first, last, allowed, inShadow } = use;
    found.set(use.exception, united(before, { uses: allowed + inShadow, first, last }));
  }
  return found;
}

/** Of several sidecars; one that does not know of an exception has nothing to add. */
export function unitedUses(all: readonly UsesByName[]): UsesByName {
  const together = new Map<string, Uses>();
  for (const [name, uses] of all.flatMap((each) => [...each])) {
    const before = together.get(name);
    together.set(name, before === undefined ? uses : united(before, uses));
  }
  return together;
}

function united(a: Uses, b: Uses): Uses {
  const times = (key: 'first' | 'last') => [a[key], b[key]].flatMap((at) => at ?? []).sort();
  return {
    uses: a.uses + b.uses,
    first: times('first')[0] ?? null,
    last: times('last').at(-1) ?? null,
  };
}
