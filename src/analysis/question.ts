/** From the words of a command line to a question, or what is wrong with them. */
import { isIP } from 'node:net';
import { isDestination } from '../bundle/manifest.js';
import type { CompiledBundle } from '../bundle/types.js';
import type { Json, JsonObject } from '../check/claims.js';
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import type { Question } from './explain.js';

/** Values of flags, as they were typed. */
export interface QuestionFlags {
  readonly caller?: string;
  readonly method?: string;
  readonly path?: string;
  /** `ns/name` */
  readonly service?: string;
  /** `k=v` */
  readonly header?: readonly string[];
  /** `k=json`; what is no JSON is text. */
  readonly claim?: readonly string[];
  readonly sourceAddress?: string;
  /** RFC 3339 */
  readonly time?: string;
}

export interface QuestionDefaults {
  readonly environment: string | undefined;
  readonly nowMs: number;
}

export function readQuestion(
  flags: QuestionFlags,
  bundle: Pick<CompiledBundle, 'manifest'>,
  { environment, nowMs }: QuestionDefaults,
): Result<Question> {
  const problems: Problem[] = [];
  const refuse = (message: string, help?: string) => {
    problems.push(problem('input_invalid', message, help === undefined ? {} : { help }));
  };
  for (const name of ['caller', 'method'] as const) {
    if (!flags[name]) refuse(`\`--${name}\` is missing`, NEEDED);
  }
  if (!flags.path && flags.method !== 'CONNECT') refuse('`--path` is missing', NEEDED);
  const service = flags.service ?? onlyDestination(bundle);
  if (service === undefined) {
    refuse(
      '`--service` is missing',
      'give it as `namespace/name`: the bundle has not exactly one destination',
    );
  } else if (!isDestination(service)) refuse(`\`--service ${service}\` is not \`namespace/name\``);
  if (flags.sourceAddress !== undefined && isIP(flags.sourceAddress) === 0) {
    refuse(`\`--source-address ${flags.sourceAddress}\` is no IP address`);
  }
  const timeMs = flags.time === undefined ? nowMs : Date.parse(flags.time);
  if (!Number.isFinite(timeMs)) refuse(`\`--time ${flags.time}\` is no RFC 3339 time`);
  const headers = pairs('header', flags.header ?? [], refuse);
  const claims = claimsOf(pairs('claim', flags.claim ?? [], refuse));
  return okUnless(problems, () => ({
    sketch: {
      caller: flags.caller ?? '',
      http: {
        method: flags.method ?? '',
        path: flags.path,
        headers: headers.map(([name, value]) => [name.toLowerCase(), value] as const),
      },
      claims,
      sourceAddress: flags.sourceAddress,
    },
    service: service ?? '',
    environment,
    nowMs: timeMs,
  }));
}

const NEEDED = 'give --caller, --method and --path, or --line with a line of the decision log';

function onlyDestination({ manifest }: Pick<CompiledBundle, 'manifest'>): string | undefined {
  const [only, ...more] = manifest.scope?.destinations ?? [];
  return more.length === 0 ? only : undefined;
}

/** Names and values of `k=v`; messages name the key only, since values may be secrets. */
function pairs(
  flag: string,
  texts: readonly string[],
  refuse: (message: string) => void,
): (readonly [string, string])[] {
  return texts.flatMap((text) => {
    const equals = text.indexOf('=');
    if (equals > 0) return [[text.slice(0, equals), text.slice(equals + 1)] as const];
    refuse(`\`--${flag}\` must have the form \`name=value\``);
    return [];
  });
}

function claimsOf(texts: readonly (readonly [string, string])[]): JsonObject | undefined {
  if (texts.length === 0) return undefined;
  const claims: Record<string, Json> = Object.create(null);
  for (const [name, text] of texts) claims[name] = jsonOrText(text);
  return claims;
}

function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
