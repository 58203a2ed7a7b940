/**
 * One request, from bytes to answer: request -> path -> identity -> destination -> decide ->
 * enforce -> respond.
 *
 * Pure: no I/O, no clock, no randomness; what it needs is passed in. Of several errors the first in
 * the order above counts; the later steps run all the same, because the log line of a rejected path
 * wants to name its caller, and slices look at whatever can be read. (The destination is read first:
 * it says which bundle knows the routes.)
 */
import { LOG_TEXT_CHARS_MAX } from '../constants.js';
import { messageOf } from '../errors.js';
import type { CandidateRecord } from './candidate.js';
import { type Judgement, judge } from './decide.js';
import { type Destination, readDestination } from './destination.js';
import { singleHeader } from './headers.js';
import { type Caller, readCaller } from './identity.js';
import type { Traits } from './match.js';
import { splitTarget } from './path.js';
import { formQuestion, type Question, type Subject } from './question.js';
import { REASONS } from './reasons.js';
import { activeOf, regimeOf } from './regime.js';
import { type RequestFacts, readRequest } from './request.js';
import { type CheckAnswer, respond } from './respond.js';
import { type Standing, unsliced } from './slices.js';
import { standingOf, type Times, verdictOf } from './standing.js';
import { Stop, stop } from './stop.js';
import { actionWithoutPath, readTarget, type Target } from './target.js';
import { traceIdOf } from './trace.js';
import type {
  ActiveBundle,
  CheckError,
  CheckRecord,
  CheckSettings,
  Generation,
  Regime,
} from './types.js';

export interface CheckCall extends Times {
  /** The CheckRequest as it came from the wire. */
  readonly message: Uint8Array;
  /** When Envoy stops waiting, milliseconds since the epoch; Infinity when it did not say. */
  readonly deadlineMs: number;
  /** UUIDv7 */
  readonly decisionId: string;
  /** What there is time for; default `normal`. */
  readonly load?: Load;
  /** The decision log has no room for a line; default false. */
  readonly logFull?: boolean;
}

/**
 * `busy`: not for what an answer does not need. `overload`: not for asking the policies either, where
 * their answer is not remembered.
 */
export type Load = 'normal' | 'busy' | 'overload';

export interface Checked {
  readonly answer: CheckAnswer;
  readonly record: CheckRecord;
  /** What was thrown, when the reason is `internal_fault`; for the program's log. */
  readonly fault?: unknown;
}

export function check(call: CheckCall, generation: Generation, settings: CheckSettings): Checked {
  let sight: Sight | undefined;
  try {
    sight = look(call, generation, settings);
    const decided = decide(call, sight, settings);
    const candidate = compare(call, sight, decided, settings);
    const record = conclude(call, sight, decided, candidate);
    return { answer: respond(record, settings), record };
  } catch (fault) {
    const reason = stop('internal_fault', 'internal_fault', messageOf(fault));
    // Where it stands is known or not; nothing else of the request is touched again.
    const known = sight ?? unseen(generation, reason);
    const bare = { ...known, facts: undefined, traits: undefined };
    const record = conclude(call, bare, { judgement: judgementOf(reason) });
    return { answer: respond(record, settings), record, fault };
  }
}

/** What a request turned out to be, as far as it could be read, and where it stands. */
interface Sight {
  readonly regime: Regime;
  readonly standing: Standing;
  /** What exceptions look at; undefined where no rollout speaks. */
  readonly traits?: Traits | undefined;
  readonly facts?: RequestFacts | undefined;
  readonly seen?: Seen;
  /** What the candidate is asked about too; undefined for a message that says nothing. */
  readonly reading?: Reading;
  /** What the policies can be asked about, or why they cannot be. */
  readonly subject: Subject | Stop;
}

/** What was read, each part as far as it can be. */
interface Reading {
  readonly facts: RequestFacts;
  /** As the routes of the active bundle have it. */
  readonly target: Target | Stop;
  readonly caller: Caller | Stop;
  readonly destination: Destination | Stop;
}

type Seen = Pick<CheckRecord, 'principal' | 'action' | 'access' | 'destination' | 'route'>;

/** Of a request that nothing is known of. */
function unseen({ otherwise }: Generation, subject: Stop): Sight {
  return { regime: otherwise, standing: unsliced(otherwise.mode), subject };
}

/** Reads all there is to read: of several errors the first in the order of the hot path counts. */
function look(call: CheckCall, generation: Generation, settings: CheckSettings): Sight {
  const facts = readRequest(call.message);
  if (facts instanceof Stop) return unseen(generation, facts);

  const destination = readDestination(facts, settings);
  const name = destination instanceof Stop ? undefined : destination.name;
  const regime = regimeOf(generation, name);
  const target = readTarget(facts, regime.active?.bundle);
  const caller = readCaller(facts, settings.strictIdentity);
  const action =
    target instanceof Stop ? actionWithoutPath(facts.method, regime.active?.bundle) : target.action;
  const seen = {
    principal: caller instanceof Stop ? undefined : caller.name,
    action: action.name,
    access: action.access,
    destination: name,
    route: target instanceof Stop ? undefined : target.match?.route.name,
  };
  const reading: Reading = { facts, target, caller, destination };
  const subject = subjectOf(reading);

  const { rollout } = regime;
  if (rollout === undefined || name === undefined) {
    return { regime, standing: unsliced(regime.mode), facts, seen, reading, subject };
  }
  const traits: Traits = {
    caller: caller instanceof Stop ? undefined : caller,
    action: seen.action,
    access: seen.access,
    destination: name,
    route: seen.route,
    pathReadable: !(target instanceof Stop),
  };
  const standing = standingOf(rollout, traits, call);
  return { regime, standing, traits, facts, seen, reading, subject };
}

/** Of several errors the first in the order of the hot path counts. */
function subjectOf({ facts, target, caller, destination }: Reading): Subject | Stop {
  if (target instanceof Stop) return target;
  if (caller instanceof Stop) return caller;
  if (destination instanceof Stop) return destination;
  return { facts, target, caller, destination: destination.name };
}

/** What was decided, and what the engine was asked if it was. */
interface Decided {
  readonly judgement: Judgement;
  readonly question?: Question;
}

function decide(call: CheckCall, sight: Sight, settings: CheckSettings): Decided {
  if (sight.standing.blocked) return { judgement: BLOCKED };
  const { subject } = sight;
  if (subject instanceof Stop) return { judgement: judgementOf(subject) };
  const active = activeOf(sight.regime);
  if (active instanceof Stop) return { judgement: judgementOf(active) };
  if (call.nowMs >= call.deadlineMs) {
    const late = stop('deadline', 'deadline', 'the deadline had passed before evaluation');
    return { judgement: judgementOf(late) };
  }
  if (call.logFull === true && sight.regime.requireLog) {
    const message = 'the decision log is full, and nothing may be decided here without its line';
    return { judgement: judgementOf(stop('overload', 'log_full', message)) };
  }
  if (call.load === 'overload') {
    const shed = stop('overload', 'overload', 'more is asked than can be decided in time');
    return recall(call, subject, active, settings) ?? { judgement: judgementOf(shed) };
  }
  return ask(call, subject, active, settings);
}

function ask(
  { nowMs }: CheckCall,
  subject: Subject,
  bundle: ActiveBundle,
  settings: CheckSettings,
): Decided {
  const question = formQuestion(subject, bundle, settings, nowMs);
  if (question instanceof Stop) return { judgement: judgementOf(question) };
  return put(question, bundle);
}

/** What was asked before costs no time that is missed. */
function recall(
  { nowMs }: CheckCall,
  subject: Subject,
  bundle: ActiveBundle,
  settings: CheckSettings,
): Decided | undefined {
  const question = formQuestion(subject, bundle, settings, nowMs);
  if (question instanceof Stop) return { judgement: judgementOf(question) };
  const { evaluator } = bundle;
  const answer = evaluator.recall?.(question.request);
  return answer && { judgement: judge(answer), question };
}

function put(question: Question, { evaluator }: ActiveBundle): Decided {
  return { judgement: judge(evaluator.evaluate(question.request)), question };
}

/**
 * What the candidate says of the same request, read by its own routes and schema. Where the active
 * bundle was not asked, or nobody could decide, there is nothing to compare. Whatever goes wrong
 * here is a finding about the candidate, and nothing else.
 */
function compare(
  call: CheckCall,
  sight: Sight,
  active: Decided,
  settings: CheckSettings,
): CandidateRecord | undefined {
  const { candidate, candidateReadsAlike } = sight.regime;
  const { reading } = sight;
  if (candidate === undefined || reading === undefined || sight.standing.blocked) return undefined;
  if (call.load !== undefined && call.load !== 'normal') return undefined;
  const before = active.judgement.reason;
  if (REASONS[before].enforced === 'fail') return undefined;
  const { bundle } = candidate;
  let decided: Decided;
  try {
    if (!candidateReadsAlike) decided = askAnew(call, reading, candidate, settings);
    // What the one could not be asked, the other cannot be asked either.
    else decided = active.question === undefined ? active : put(active.question, candidate);
  } catch (fault) {
    const reason = stop('internal_fault', 'internal_fault', messageOf(fault));
    decided = { judgement: judgementOf(reason) };
  }
  const { reason, policies, errors } = decided.judgement;
  const { decision } = REASONS[reason];
  // Field by field: spreading two records into one took a tenth of a check.
  return {
    version: bundle.manifest.version,
    digest: bundle.digest,
    decision,
    reason,
    policies,
    errors,
    flip: REASONS[before].decision !== decision,
    context: decided.question?.request.context,
  };
}

function askAnew(
  call: CheckCall,
  reading: Reading,
  candidate: ActiveBundle,
  settings: CheckSettings,
): Decided {
  const target = readTarget(reading.facts, candidate.bundle);
  const subject = subjectOf({ ...reading, target });
  if (subject instanceof Stop) return { judgement: judgementOf(subject) };
  return ask(call, subject, candidate, settings);
}

/** It is not evaluated: whatever else is wrong with it, it is denied. */
const BLOCKED: Judgement = { reason: 'blocked', policies: [], errors: [] };

function judgementOf({ reason, error }: Stop): Judgement {
  return { reason, policies: [], errors: [error] };
}

function conclude(
  call: CheckCall,
  sight: Sight,
  { judgement, question }: Decided,
  candidate?: CandidateRecord,
): CheckRecord {
  const { regime, standing, traits, facts, seen } = sight;
  const request = question?.request;
  const verdict = verdictOf(regime, traits, standing, judgement.reason, call);
  return {
    decisionId: call.decisionId,
    decision: verdict.decision,
    mode: verdict.mode,
    outcome: verdict.outcome,
    wouldDeny: verdict.wouldDeny,
    reason: verdict.reason,
    slice: verdict.slice,
    exception: verdict.exception,
    candidate,
    policies: judgement.policies,
    errors: errorsOf(judgement, question),
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
    regime,
  };
}

function errorsOf({ errors }: Judgement, question: Question | undefined): readonly CheckError[] {
  const flags = question?.flags ?? [];
  return flags.length === 0 ? errors : [...errors, ...flags];
}

/** Client text for the log: bounded, and undefined rather than empty. */
function cut(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text.slice(0, LOG_TEXT_CHARS_MAX);
}
