/**
 * One request, from bytes to answer: request -> path -> identity -> destination -> decide ->
 * enforce -> respond.
 *
 * Pure: no I/O, no clock, no randomness; what it needs is passed in. Of several errors the first in
 * the order above counts; the later steps run all the same, because the log line of a rejected path
 * wants to name its caller.
 */
import { LOG_TEXT_CHARS_MAX } from '../constants.js';
import { messageOf } from '../errors.js';
import { type Judgement, judge } from './decide.js';
import { readDestination } from './destination.js';
import { enforce } from './enforce.js';
import { singleHeader } from './headers.js';
import { readCaller } from './identity.js';
import { splitTarget } from './path.js';
import { formQuestion, type Question } from './question.js';
import { type RequestFacts, readRequest } from './request.js';
import { type CheckAnswer, respond } from './respond.js';
import { Stop, stop } from './stop.js';
import { methodAction, readTarget } from './target.js';
import { traceIdOf } from './trace.js';
import type { CheckRecord, CheckSettings, Generation } from './types.js';

export interface CheckCall {
  /** The CheckRequest as it came from the wire. */
  readonly message: Uint8Array;
  /** When Envoy stops waiting, milliseconds since the epoch; Infinity when it did not say. */
  readonly deadlineMs: number;
  readonly nowMs: number;
  /** UUIDv7 */
  readonly decisionId: string;
}

export interface Checked {
  readonly answer: CheckAnswer;
  readonly record: CheckRecord;
  /** What was thrown, when the reason is `internal_fault`; for the program's log. */
  readonly fault?: unknown;
}

export function check(call: CheckCall, generation: Generation, settings: CheckSettings): Checked {
  try {
    const record = conclude(call, generation, decide(call, generation, settings));
    return { answer: respond(record, settings), record };
  } catch (fault) {
    const reason = stop('internal_fault', 'internal_fault', messageOf(fault));
    const record = conclude(call, generation, { judgement: judgementOf(reason) });
    return { answer: respond(record, settings), record, fault };
  }
}

/** What was found out about a request, as far as it went. */
interface Findings {
  readonly judgement: Judgement;
  readonly facts?: RequestFacts;
  readonly seen?: Partial<Seen>;
  readonly question?: Question;
}

type Seen = Pick<CheckRecord, 'principal' | 'action' | 'access' | 'destination' | 'route'>;

function decide(call: CheckCall, generation: Generation, settings: CheckSettings): Findings {
  const facts = readRequest(call.message);
  if (facts instanceof Stop) return { judgement: judgementOf(facts) };

  const target = readTarget(facts, generation.active?.bundle);
  const caller = readCaller(facts, settings.strictIdentity);
  const destination = readDestination(facts, settings);
  const action = target instanceof Stop ? methodAction(facts.method, undefined) : target.action;
  const seen = {
    principal: caller instanceof Stop ? undefined : caller.name,
    action: action.name,
    access: action.access,
    destination: destination instanceof Stop ? undefined : destination.name,
    route: target instanceof Stop ? undefined : target.match?.route.name,
  };
  const stopped = (reason: Stop): Findings => ({ judgement: judgementOf(reason), facts, seen });

  if (target instanceof Stop) return stopped(target);
  if (caller instanceof Stop) return stopped(caller);
  if (destination instanceof Stop) return stopped(destination);
  if (generation.active === undefined) {
    return stopped(stop('no_bundle', 'no_bundle', 'no valid bundle has been loaded yet'));
  }
  if (call.nowMs >= call.deadlineMs) {
    return stopped(stop('deadline', 'deadline', 'the deadline had passed before evaluation'));
  }
  const subject = { facts, target, caller, destination: destination.name };
  const question = formQuestion(subject, generation.active, settings, call.nowMs);
  if (question instanceof Stop) return stopped(question);

  const { evaluator } = generation.active;
  const judgement = judge(evaluator.evaluate(question.request), evaluator.effects);
  return { judgement, facts, seen, question };
}

function judgementOf({ reason, error }: Stop): Judgement {
  return { reason, policies: [], errors: [error] };
}

function conclude(call: CheckCall, generation: Generation, findings: Findings): CheckRecord {
  const { judgement, facts, seen, question } = findings;
  const request = question?.request;
  return {
    decisionId: call.decisionId,
    ...enforce(judgement.reason, generation.mode),
    reason: judgement.reason,
    policies: judgement.policies,
    errors: [...judgement.errors, ...(question?.flags ?? [])],
    principal: seen?.principal,
    action: seen?.action,
    access: seen?.access,
    destination: seen?.destination,
    route: seen?.route,
    method: cut(facts?.method),
    path: cut(facts === undefined ? undefined : splitTarget(facts.path).path),
    traceId: facts && traceIdOf(facts.headers),
    requestId: facts && cut(singleHeader(facts.headers, 'x-request-id')),
    input: request && {
      principal: request.principal.uid,
      action: request.action,
      resource: request.resource.uid,
      context: request.context,
    },
    generation,
  };
}

/** Client text for the log: bounded, and undefined rather than empty. */
function cut(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text.slice(0, LOG_TEXT_CHARS_MAX);
}
