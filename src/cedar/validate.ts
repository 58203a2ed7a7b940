/** Strict validation of the policies against the schema, and policies that can never apply. */
import type { ValidationError } from '@cedar-policy/cedar-wasm/nodejs';
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { ok, okUnless, type Result } from '../result.js';
import { type CedarApi, engine } from './engine.js';
import { plainMessage, problemAt } from './engine-errors.js';
import type { ParsedPolicy } from './policies.js';
import { placeAt } from './position.js';

export interface Validated {
  /** They refuse nothing. In the order of the policies. */
  readonly warnings: readonly Problem[];
  /** Ids of the policies that have one. */
  readonly warned: readonly string[];
}

/** Each policy is judged by itself. */
export function validatePolicies(
  schemaText: string,
  policies: readonly ParsedPolicy[],
): Result<Validated> {
  if (policies.length === 0) return ok({ warnings: [], warned: [] });
  return engine().run((api) => validateWith(api, schemaText, policies));
}

function validateWith(
  api: CedarApi,
  schemaText: string,
  policies: readonly ParsedPolicy[],
): Result<Validated> {
  const byId = new Map(policies.map((parsed) => [parsed.policy.id, parsed]));
  const answer = api.validate({
    validationSettings: { mode: 'strict' },
    schema: schemaText,
    policies: { staticPolicies: Object.fromEntries([...byId].map(textById)) },
  });
  if (answer.type === 'failure') {
    const messages = answer.errors.map((error) => problem('policy_invalid', plainMessage(error)));
    return okUnless(messages, () => ({ warnings: [], warned: [] }));
  }
  // The engine answers in another order every time.
  const position = new Map([...byId.keys()].map((id, index) => [id, index]));
  const inOrder = (a: ValidationError, b: ValidationError) =>
    (position.get(a.policyId) ?? 0) - (position.get(b.policyId) ?? 0);
  const problems: Problem[] = [];
  for (const { policyId, error } of answer.validationErrors.sort(inOrder)) {
    const parsed = byId.get(policyId);
    if (parsed !== undefined) problems.push(problemAt('policy_invalid', error, parsed.excerpt));
  }
  const faulty = new Set(answer.validationErrors.map(({ policyId }) => policyId));
  const impossible = new Set<string>();
  const warnings: Problem[] = [];
  const warned = new Set<string>();
  for (const { policyId, error } of answer.validationWarnings.sort(inOrder)) {
    const parsed = byId.get(policyId);
    if (parsed === undefined || faulty.has(policyId) || impossible.has(policyId)) continue;
    if (scopeFits(api, schemaText, parsed)) {
      warnings.push(problemAt('policy_invalid', error, parsed.excerpt));
      warned.add(policyId);
    } else {
      impossible.add(policyId);
      problems.push(impossibleProblem(parsed));
    }
  }
  return okUnless(problems.slice(0, PROBLEMS_MAX), () => ({ warnings, warned: [...warned] }));
}

function textById([id, { policy }]: [string, ParsedPolicy]): [string, string] {
  return [id, policy.text];
}

/**
 * Whether any request can meet the scope, the conditions left aside. Asked of the engine rather
 * than read from the words of its warnings; a policy whose scope fits nothing always has a warning.
 */
function scopeFits(api: CedarApi, schemaText: string, { policy }: ParsedPolicy): boolean {
  const parsed = api.policyToJson(policy.text);
  if (parsed.type === 'failure') throw new Error('a policy does not parse again');
  const scopeOnly = { ...parsed.json, conditions: [] };
  const answer = api.getValidRequestEnvsPolicy(scopeOnly, schemaText);
  return answer.type === 'success' && answer.actions.length > 0;
}

function impossibleProblem({ policy, excerpt }: ParsedPolicy): Problem {
  const message = `the policy \`${policy.id}\` can never apply: its scope fits no action of the schema`;
  return problem('policy_impossible', message, placeAt(excerpt.source, excerpt.start));
}
