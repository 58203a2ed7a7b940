/** Decides one test and compares with what it expects. */
import type { CedarRequest, EntityData, EntityUid, Evaluator } from '../cedar/types.js';
import { check } from '../check/check.js';
import type { Generation } from '../check/types.js';
import { encodeCheckRequest } from './check-request.js';
import { formatEntityUid } from './entity-uid.js';
import { checkSettings } from './settings.js';
import type { CedarTest, RequestTest } from './test-case.js';
import type { Difference } from './test-report.js';

export interface Judged {
  readonly differences: readonly Difference[];
  readonly errors: readonly string[];
  /** Determining policies. */
  readonly policies: readonly string[];
}

/** Through the hot path, from the bytes that Envoy would send. */
export function judgeRequestTest(
  test: RequestTest,
  generation: Generation,
  at: { readonly destination: string; readonly environment: string | undefined },
): Judged {
  const settings = checkSettings(at.destination, at.environment);
  const message = encodeCheckRequest(test.request, settings.claims.payload);
  const call = { message, deadlineMs: Infinity, nowMs: test.nowMs, decisionId: 'test' };
  const { record } = check(call, generation, settings);
  const { expect } = test;
  const differences: Difference[] = [];
  compare(differences, 'decision', expect.decision, record.decision);
  compare(differences, 'reason', expect.reason ?? record.reason, record.reason);
  const policies = expect.policies ?? record.policies;
  compare(differences, 'policies', listText(policies), listText(record.policies));
  const errors = record.errors.map(({ code, message, policy, field }) => {
    const where = policy ?? field;
    return `${where === undefined ? '' : `\`${where}\`: `}${message} [${code}]`;
  });
  return { differences, errors, policies: record.policies };
}

/** By the rules of the cedar CLI: its `reason` may be a part of the actual one. */
export function judgeCedarTest(test: CedarTest, evaluator: Evaluator): Judged {
  const { expect } = test;
  if (test.action.type !== 'Action') {
    const message = `the action \`${formatEntityUid(test.action)}\` is not of type Action`;
    return unanswered(expect.decision, message);
  }
  const answer = evaluator.evaluate(cedarRequest(test));
  if (answer.kind === 'failed') return unanswered(expect.decision, answer.message);
  const { engineDecision, satisfied, errored } = answer;
  const differences: Difference[] = [];
  compare(differences, 'decision', expect.decision, engineDecision);
  if (expect.reason.some((id) => !satisfied.includes(id))) {
    compare(differences, 'policies', listText(expect.reason), listText(satisfied));
  }
  compare(differences, 'num_errors', String(expect.errorsCount), String(errored.length));
  const errors = errored.map(({ policy, message }) => `\`${policy}\`: ${message}`);
  return { differences, errors, policies: satisfied };
}

function cedarRequest(test: CedarTest): CedarRequest {
  const { principal, resource, entities } = test;
  const named = [principal, resource];
  return {
    principal: entityOf(principal, entities),
    action: test.action.id,
    resource: entityOf(resource, entities),
    ancestors: entities.filter(({ uid }) => !named.some((other) => isSame(uid, other))),
    context: test.context as CedarRequest['context'],
  };
}

function entityOf(uid: EntityUid, entities: readonly EntityData[]): EntityData {
  return entities.find((entity) => isSame(entity.uid, uid)) ?? { uid, attrs: {}, parents: [] };
}

function isSame(a: EntityUid, b: EntityUid): boolean {
  return a.type === b.type && a.id === b.id;
}

function unanswered(decision: string, message: string): Judged {
  const difference: Difference = { what: 'decision', expected: decision, got: 'no answer' };
  return { differences: [difference], errors: [message], policies: [] };
}

function compare(list: Difference[], what: Difference['what'], expected: string, got: string) {
  if (expected !== got) list.push({ what, expected, got });
}

function listText(ids: readonly string[]): string {
  return ids.length === 0 ? 'none' : ids.join(', ');
}
