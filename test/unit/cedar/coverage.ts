/** Which operators of Cedar policies have: a generator that stops making one proves less than it says. */
import { engine } from '../../../src/cedar/engine.js';
import { childrenOf, type Expression, type PolicyJson } from '../../../src/cedar/policy-json.js';

/** Of conditions all there are, and the forms of a scope; names are those of Cedar's JSON form. */
export const OPERATORS: readonly string[] = [
  ...['when', 'unless', 'Var', 'Value', 'Set', 'Record', '.', 'if-then-else', '!', '&&', '||'],
  ...['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', 'neg', 'in', 'is', 'is in'],
  ...['has', 'has a.b', 'has a.b.c', 'like', 'like an escaped star', 'hasTag', 'getTag'],
  ...['contains', 'containsAll', 'containsAny', 'isEmpty'],
  ...['decimal', 'lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'],
  ...['ip', 'isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'isInRange'],
  ...['datetime', 'offset', 'durationSince', 'toDate', 'toTime', 'duration'],
  ...['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'],
  ...['principal All', 'principal ==', 'principal in', 'principal is', 'principal is in'],
  ...['action All', 'action ==', 'action in', 'action in a set'],
  ...['resource All', 'resource ==', 'resource in', 'resource is', 'resource is in'],
];

/** In how many policies each operator was met. */
export class Coverage {
  readonly #met = new Map<string, number>();

  add(text: string): void {
    const answer = engine().run((api) => api.policyToJson(text));
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
    for (const name of operatorsIn(answer.json)) {
      this.#met.set(name, (this.#met.get(name) ?? 0) + 1);
    }
  }

  /** Of all operators, with how often it was met. */
  rarest(): { readonly name: string; readonly policies: number } {
    const counted = OPERATORS.map((name) => ({ name, policies: this.#met.get(name) ?? 0 }));
    return counted.reduce((least, next) => (next.policies < least.policies ? next : least));
  }

  names(): readonly string[] {
    return [...this.#met.keys()].sort();
  }
}

function operatorsIn(json: PolicyJson): ReadonlySet<string> {
  const found = new Set<string>([
    ...(['principal', 'action', 'resource'] as const).map((name) => scopeForm(name, json)),
    ...json.conditions.map(({ kind }) => kind),
  ]);
  const rest: Expression[] = json.conditions.map(({ body }) => body);
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    for (const name of namesOf(next)) found.add(name);
    rest.push(...childrenOf(next));
  }
  return found;
}

function scopeForm(name: 'principal' | 'action' | 'resource', json: PolicyJson): string {
  const constraint = json[name];
  const within = 'in' in constraint && constraint.in !== undefined ? ' in' : '';
  const set = 'entities' in constraint ? ' a set' : '';
  return `${name} ${constraint.op}${within}${set}`;
}

/** Of the operators that come in several forms. */
interface Forms {
  readonly is?: { readonly in?: Expression };
  readonly has?: { readonly attr: string | readonly string[] };
  readonly like?: { readonly pattern: unknown };
}

function namesOf(expression: Expression): string[] {
  const { is, has, like } = expression as Forms;
  if (is !== undefined) return [is.in === undefined ? 'is' : 'is in'];
  if (has !== undefined) {
    const steps = typeof has.attr === 'string' ? 0 : has.attr.length - 1;
    return [['has', 'has a.b', 'has a.b.c'][steps] ?? 'has more'];
  }
  const names = Object.keys(expression);
  const escaped = like !== undefined && JSON.stringify(like.pattern).includes('*');
  return escaped ? [...names, 'like an escaped star'] : names;
}
