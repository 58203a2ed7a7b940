/** Strict validation of the policies against the schema, and policies that can never apply. */
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { type CedarApi, engine } from './engine.js';
import { plainMessage, problemAt } from './engine-errors.js';
import type { ParsedPolicy } from './policies.js';
import { placeAt } from './position.js';

/** The warnings, which refuse nothing. */
export function validatePolicies(
  schemaText: string,
  policies: readonly ParsedPolicy[],
): Result<Problem[]> {
  return engine().run((api) => validateWith(api, schemaText, policies));
}

function validateWith(
  api: CedarApi,
  schemaText: string,
  policies: readonly ParsedPolicy[],
): Result<Problem[]> {
  const byId = new Map(policies.map((parsed) => [parsed.policy.id, parsed]));
  const answer = api.validate({
    validationSettings: { mode: 'strict' },
    schema: schemaText,
    policies: { staticPolicies: Object.fromEntries([...byId].map(textById)) },
  });
  if (answer.type === 'failure') {
    const messages = answer.errors.map((error) => problem('policy_invalid', plainMessage(error)));
    return okUnless(messages, () => []);
  }
  const problems: Problem[] = [];
  for (const { policyId, error } of answer.validationErrors) {
    const parsed = byId.get(policyId);
    if (parsed !== undefined) problems.push(problemAt('policy_invalid', error, parsed.excerpt));
  }
  const faulty = new Set(answer.validationErrors.map(({ policyId }) => policyId));
  const impossible = new Set<string>();
  const warnings: Problem[] = [];
  for (const { policyId, error } of answer.validationWarnings) {
    const parsed = byId.get(policyId);
    if (parsed === undefined || faulty.has(policyId) || impossible.has(policyId)) continue;
    if (scopeFits(api, schemaText, parsed)) {
      warnings.push(problemAt('policy_invalid', error, parsed.excerpt));
    } else {
      impossible.add(policyId);
      problems.push(impossibleProblem(parsed));
    }
  }
  return okUnless(problems.slice(0, PROBLEMS_MAX), () => warnings);
}

function textById([id, { policy }]: [string, ParsedPolicy]): [string, string] {
  return [id, policy.text];
}

/**
 * Whether any request can meet the scope, the conditions left aside. Asked of the engine rather
 * than read from the words of its warnings; a policy whose scope fits nothing always has a warning.
 */
function scopeFits(api: CedarApi, schemaText: string, { json }: ParsedPolicy): boolean {
  const scopeOnly = { ...json, conditions: [] };
  const answer = api.getValidRequestEnvsPolicy(scopeOnly, schemaText);
  return answer.type === 'success' && answer.actions.length > 0;
}

function impossibleProblem({ policy, excerpt }: ParsedPolicy): Problem {
  const message = `the policy \`${policy.id}\` can never apply: its scope fits no action of the schema`;
  return problem('policy_impossible', message, placeAt(excerpt.source, excerpt.start));
}
