/**
 * Why each policy applies to a request or does not, for `cedargate explain`: asks the engine about
 * the parts of each policy, as policies of their own. Slow; never on the hot path.
 */
import type { Clause, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { type CedarApi, EngineFault, engine } from './engine.js';
import { plainMessage, refusalOf } from './engine-errors.js';
import { EntityStore } from './entity-store.js';
import { childrenOf, type Expression } from './policy-json.js';
import { unionOfReads } from './policy-reads.js';
import type { CedarProgram, CedarRequest, Effect } from './types.js';

/** `unreached`: it fails without the conditions before it, and one of those does not hold. */
export type ConditionState = 'holds' | 'does_not_hold' | 'fails' | 'unreached';

export interface ConditionExplanation {
  /** What must hold for the policy to apply, as Cedar text: `!(...)` for a part of an `unless`. */
  readonly text: string;
  readonly state: ConditionState;
  /** Why it fails to evaluate. */
  readonly message?: string;
}

export interface PolicyExplanation {
  readonly id: string;
  readonly effect: Effect;
  readonly file: string;
  readonly line: number;
  /** Parts of the scope that the request does not match. */
  readonly mismatches: readonly ScopePart[];
  /** Empty when the scope does not match, and for policies without conditions. */
  readonly conditions: readonly ConditionExplanation[];
}

export type ScopePart = 'principal' | 'action' | 'resource';

const SCOPE_PARTS: readonly ScopePart[] = ['principal', 'action', 'resource'];
const ALL = { op: 'All' } as const;
const ANY: PolicyJson = {
  effect: 'permit',
  principal: ALL,
  action: ALL,
  resource: ALL,
  conditions: [],
};

type Ask = (probes: ReadonlyMap<string, PolicyJson | string>) => Answers;

interface Answers {
  readonly satisfied: ReadonlySet<string>;
  readonly errors: ReadonlyMap<string, string>;
}

export function explainPolicies(
  program: CedarProgram,
  request: CedarRequest,
): Result<PolicyExplanation[]> {
  try {
    return ok(engine().run((api) => explain(api, program, request)));
  } catch (thrown) {
    const code = thrown instanceof EngineFault ? 'engine_failure' : 'input_invalid';
    return failed(problem(code, messageOf(thrown)));
  }
}

function explain(api: CedarApi, program: CedarProgram, request: CedarRequest): PolicyExplanation[] {
  const reads = unionOfReads(program.policies.map((policy) => policy.reads));
  const entities = new EntityStore(program).about(request).toSend(reads);
  const ask: Ask = (probes) => {
    const answer = api.isAuthorized({
      principal: request.principal.uid,
      action: { type: 'Action', id: request.action },
      resource: request.resource.uid,
      context: request.context as Parameters<CedarApi['isAuthorized']>[0]['context'],
      entities: entities as Parameters<CedarApi['isAuthorized']>[0]['entities'],
      schema: program.schemaText,
      policies: { staticPolicies: Object.fromEntries(probes) },
    });
    if (answer.type === 'failure') throw new Error(answer.errors.map(refusalOf).join('; '));
    const { reason, errors } = answer.response.diagnostics;
    return {
      satisfied: new Set(reason),
      errors: new Map(errors.map(({ policyId, error }) => [policyId, plainMessage(error)])),
    };
  };
  return program.policies.map(({ id, effect, file, line, text }) => {
    const parsed = api.policyToJson(text);
    if (parsed.type === 'failure') throw new Error(`policy ${id} does not parse again`);
    const mismatches = scopeMismatches(parsed.json, ask);
    const base = { id, effect, file, line, mismatches };
    if (mismatches.length > 0) return { ...base, conditions: [] };
    const conditions = losesDigits(parsed.json)
      ? [explainWhole(text, ask)]
      : explainConditions(api, parsed.json, ask);
    return { ...base, conditions };
  });
}

function scopeMismatches(json: PolicyJson, ask: Ask): ScopePart[] {
  const { satisfied } = ask(
    new Map(SCOPE_PARTS.map((part) => [part, { ...ANY, [part]: json[part] }])),
  );
  return SCOPE_PARTS.filter((part) => !satisfied.has(part));
}

/**
 * Each condition is asked twice: behind all before it, as the engine evaluates it, and alone, which
 * tells about those that the engine never reached.
 */
function explainConditions(api: CedarApi, json: PolicyJson, ask: Ask): ConditionExplanation[] {
  const required = json.conditions.flatMap(requirements);
  const probes = new Map<string, PolicyJson>();
  required.forEach((expression, index) => {
    const before = required.slice(0, index + 1).reduce(and);
    probes.set(`chain ${index}`, when(before));
    probes.set(`alone ${index}`, when(expression));
  });
  const { satisfied, errors } = ask(probes);
  let reached = true;
  return required.map((expression, index) => {
    const text = textOf(api, expression);
    const key = `${reached ? 'chain' : 'alone'} ${index}`;
    if (satisfied.has(key)) return { text, state: 'holds' };
    const message = errors.get(key);
    const first = reached;
    reached = false;
    if (message === undefined) return { text, state: 'does_not_hold' };
    return first ? { text, state: 'fails', message } : { text, state: 'unreached' };
  });
}

/** JavaScript's numbers end at 2^53, Cedar's at 2^63: such a policy cannot be put together again. */
function losesDigits(json: PolicyJson): boolean {
  const rest = json.conditions.map(({ body }) => body);
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if ('Value' in next && typeof next.Value === 'number' && !Number.isSafeInteger(next.Value)) {
      return true;
    }
    rest.push(...childrenOf(next));
  }
  return false;
}

function explainWhole(policyText: string, ask: Ask): ConditionExplanation {
  const { satisfied, errors } = ask(new Map([['whole', policyText]]));
  const text = '(all conditions)';
  const message = errors.get('whole');
  if (message !== undefined) return { text, state: 'fails', message };
  return { text, state: satisfied.has('whole') ? 'holds' : 'does_not_hold' };
}

/** The parts that must all hold, in the order in which the engine looks at them. */
function requirements({ kind, body }: Clause): Expression[] {
  if (kind === 'when') return chain(body, '&&');
  return chain(body, '||').map((arg) => ({ '!': { arg } }));
}

/** `a && b && c` hangs to the left; depth is bounded by POLICY_DEPTH_MAX. */
function chain(expression: Expression, operator: '&&' | '||'): Expression[] {
  const operands = (expression as Record<string, { left: Expression; right: Expression }>)[
    operator
  ];
  if (operands === undefined) return [expression];
  return [...chain(operands.left, operator), ...chain(operands.right, operator)];
}

function and(left: Expression, right: Expression): Expression {
  return { '&&': { left, right } };
}

function when(body: Expression): PolicyJson {
  return { ...ANY, conditions: [{ kind: 'when', body }] };
}

function textOf(api: CedarApi, expression: Expression): string {
  const answer = api.policyToText(when(expression));
  if (answer.type === 'failure') return '(cannot be shown)';
  return /when \{\s*(.*?)\s*\};?\s*$/s.exec(answer.text)?.[1] ?? answer.text;
}
