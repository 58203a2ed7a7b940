/** The layer of `CEDARGATE_*` variables. Unknown ones are errors: a typo must not go unnoticed. */
import { type Problem, problem } from '../errors.js';
import { OPTIONS, VARIABLE_PREFIX } from './options.js';
import { suggest } from './suggest.js';
import { checkValue, decodeText, formProblem } from './value.js';

export type Variables = Readonly<Record<string, string | undefined>>;

/** Names the configuration file, as --config does. */
export const CONFIG_VARIABLE = `${VARIABLE_PREFIX}CONFIG`;

/** A layer: key -> value of the settings it gives, and what is wrong with it. */
export interface Layer {
  readonly values: ReadonlyMap<string, unknown>;
  readonly problems: readonly Problem[];
}

const BY_VARIABLE = new Map(OPTIONS.map((option) => [option.variable, option]));

export function environmentLayer(variables: Variables): Layer {
  const values = new Map<string, unknown>();
  const problems: Problem[] = [];
  for (const name of Object.keys(variables).sort()) {
    const text = variables[name];
    if (text === undefined || !isOurs(name, text)) continue;
    const option = BY_VARIABLE.get(name);
    if (option === undefined) {
      problems.push(unknownVariable(name));
      continue;
    }
    const checked = checkValue(option, decodeText(option, text));
    if (checked.ok) values.set(option.key, checked.value);
    else problems.push(formProblem('config_invalid', option, name, text));
  }
  return { values, problems };
}

function isOurs(name: string, value: string): boolean {
  return (
    name.startsWith(VARIABLE_PREFIX) && name !== CONFIG_VARIABLE && !isServiceLink(name, value)
  );
}

/**
 * Kubernetes puts variables for every Service of the namespace into every pod: a Service called
 * `cedargate` or `cedargate-x` yields CEDARGATE_SERVICE_HOST, CEDARGATE_X_PORT_9191_TCP and so on.
 */
function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$/.test(name)) return true;
  if (/_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true;
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);
}

function unknownVariable(name: string): Problem {
  const near = suggest(name.slice(VARIABLE_PREFIX.length), SHORT_NAMES.keys());
  const help =
    near === undefined
      ? 'see docs/configuration.md for the variables that exist'
      : `did you mean \`${SHORT_NAMES.get(near)}\`?`;
  return problem('config_invalid', `unknown variable \`${name}\``, { help });
}

/** Without the prefix, which every candidate shares and which would make all of them look near. */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map(
  [...BY_VARIABLE.keys(), CONFIG_VARIABLE].map((name) => [
    name.slice(VARIABLE_PREFIX.length),
    name,
  ]),
);
