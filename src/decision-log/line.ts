/**
 * The decision line: one JSON object for each check, with every field of schema_version 1 in a fixed
 * order. Fields that later versions fill are null already, so that the form never changes.
 * docs/decision-log.md and docs/decision-log.schema.json describe it; a test keeps them in step.
 *
 * Written field by field: JSON.stringify of an object with 36 fields takes three times as long, mostly
 * for names and values that are the same in every line.
 *
 * INVARIANT: only words of ours, numbers and ids that we made go in as they are. Every other text goes
 * through `text`, whoever wrote it.
 */
import type { CandidateRecord } from '../check/candidate.js';
import type { CheckError, CheckRecord, DecisionInput, EntityRef, Regime } from '../check/types.js';
import { LOG_ERRORS_MAX, LOG_POLICIES_MAX, LOG_TEXT_CHARS_MAX } from '../constants.js';
import { type MaskSettings, mask, maskForeign } from './mask.js';

export const SCHEMA_VERSION = 1;

/** How every decision line begins; nothing else does. */
export const DECISION_START = '{"type":"decision"';

/** Who writes the lines: the same in every line of a process. */
export interface LogOrigin {
  readonly workload: string;
  readonly environment: string | undefined;
  readonly cluster: string | undefined;
}

/** What a line says beyond the record. */
export interface LineContext {
  /** From `originText`. */
  readonly origin: string;
  /** When the request was decided, milliseconds since the epoch. */
  readonly timestampMs: number;
  /** From the bytes of the request to its answer, microseconds. */
  readonly durationUs: number;
  /** The class of the request is new to this process. */
  readonly firstSeen: boolean;
  /** Share of the lines like this one that are written, 1 for all. */
  readonly sampledShare: number;
  readonly mask: MaskSettings;
}

/** Without its newline. */
export function decisionLine(record: CheckRecord, context: LineContext): string {
  const { input, errors, replayable } = maskedOf(record, context);
  const inputText = input === undefined ? 'null' : textOfInput(input);
  return lineOf(record, context, { policies: record.policies, errors, inputText, replayable });
}

/** The same line for an input, or a list of determining policies, too large to log. */
export function shortDecisionLine(record: CheckRecord, context: LineContext): string {
  const message = 'the input is left out of the log: the line would be longer than the limit';
  const errors = [...maskedOf(record, context).errors, { code: 'input_omitted', message }];
  const policies = record.policies.slice(0, LOG_POLICIES_MAX);
  const left = record.policies.length - policies.length;
  if (left > 0) errors.push({ code: 'policies_omitted', message: `${left} more policies` });
  return lineOf(record, context, { policies, errors, inputText: 'null', replayable: false });
}

function maskedOf(record: CheckRecord, context: LineContext) {
  return mask(record.input, boundErrors(record.errors), context.mask);
}

/** What the two kinds of lines say differently. */
interface Contents {
  readonly policies: readonly string[];
  readonly errors: readonly CheckError[];
  /** JSON */
  readonly inputText: string;
  readonly replayable: boolean;
}

function lineOf(record: CheckRecord, context: LineContext, contents: Contents): string {
  const { candidate, regime } = record;
  return (
    `${DECISION_START},"schema_version":${SCHEMA_VERSION}` +
    `,"timestamp":"${timestampOf(context.timestampMs)}"` +
    `,"decision_id":"${record.decisionId}","trace_id":${cut(record.traceId)}` +
    `,"request_id":${cut(record.requestId)}${context.origin}` +
    `,"principal":${text(record.principal)},"action":${cut(record.action)}` +
    `,"access":${word(record.access)},"resource":${text(resourceOf(record))}` +
    `,"method":${cut(record.method)},"path":${cut(record.path)}` +
    `,"decision":"${record.decision}","mode":"${record.mode}","outcome":"${record.outcome}"` +
    `,"would_deny":${record.wouldDeny},"reason":"${record.reason}","slice":${text(record.slice)}` +
    `,"policies":${list(contents.policies)},"errors":${list(contents.errors)}` +
    `,"exception":${text(record.exception)}${regimeText(regime)}` +
    `,"candidate":${candidateText(candidate, context.mask)},"flip":${candidate?.flip ?? null}` +
    `,"first_seen":${context.firstSeen},"duration_us":${Math.round(context.durationUs)}` +
    `,"input":${contents.inputText},"replayable":${contents.replayable}` +
    `,"sampled_share":${context.sampledShare}}`
  );
}

/** What every line of a process says of it, to be made once. */
export function originText({ workload, environment, cluster }: LogOrigin): string {
  return `,"workload":${text(workload)},"environment":${text(environment)},"cluster":${text(cluster)}`;
}

const regimeTexts = new WeakMap<Regime, string>();

/** What a line says of its regime; made once for each. */
function regimeText(regime: Regime): string {
  const known = regimeTexts.get(regime);
  if (known !== undefined) return known;
  const { stamp, active, rollout } = regime;
  const made =
    `,"policy_version":${JSON.stringify(stamp)},"bundle_digest":${text(active?.bundle.digest)}` +
    `,"rollout":${text(rollout?.name)},"rollout_sequence":${rollout?.sequence ?? null}` +
    `,"ticket":${text(rollout?.ticket)}`;
  regimeTexts.set(regime, made);
  return made;
}

/** Errors that quote what only the candidate's schema takes from the request are masked as well. */
function candidateText(candidate: CandidateRecord | undefined, settings: MaskSettings): string {
  if (candidate === undefined) return 'null';
  const { version, digest, decision, reason, policies, errors, context } = candidate;
  return (
    `{"version":${text(version)},"digest":"${digest}","decision":"${decision}"` +
    `,"reason":"${reason}","policies":${list(policies.slice(0, LOG_POLICIES_MAX))}` +
    `,"errors":${list(maskForeign(boundErrors(errors), context, settings))}}`
  );
}

/** `<ns>/<name>`, with `/<route>` when a declared route matched. */
function resourceOf({ destination, route }: CheckRecord): string | undefined {
  return destination === undefined || route === undefined ? destination : `${destination}/${route}`;
}

/** To have nothing to escape is to hold none of these. Half as long as JSON.stringify takes. */
const ESCAPED = /[^ !#-[\]-~]/;

function text(value: string | undefined): string {
  if (value === undefined) return 'null';
  return ESCAPED.test(value) ? JSON.stringify(value) : `"${value}"`;
}

function textOfInput({ principal, action, resource, context }: DecisionInput): string {
  return (
    `{"principal":${textOfEntity(principal)},"action":${text(action)}` +
    `,"resource":${textOfEntity(resource)},"context":${JSON.stringify(context)}}`
  );
}

function textOfEntity({ type, id }: EntityRef): string {
  return `{"type":${text(type)},"id":${text(id)}}`;
}

const SECOND_MS = 1_000;
/** What the timestamps of the last second begin with. */
let second = { startMs: Number.NaN, text: '' };

/** ISO 8601 in milliseconds. A Date takes a microsecond to write itself down. */
function timestampOf(ms: number): string {
  const startMs = Math.floor(ms / SECOND_MS) * SECOND_MS;
  if (startMs !== second.startMs) {
    second = { startMs, text: new Date(startMs).toISOString().slice(0, -'000Z'.length) };
  }
  return `${second.text}${String(ms - startMs).padStart(3, '0')}Z`;
}

/** Text that a client chose; most of it was cut before, this is the last gate. */
function cut(value: string | undefined): string {
  return text(value?.slice(0, LOG_TEXT_CHARS_MAX));
}

/** One of ours, which needs no escape. */
function word(value: string | undefined): string {
  return value === undefined ? 'null' : `"${value}"`;
}

function list(values: readonly unknown[]): string {
  return values.length === 0 ? '[]' : JSON.stringify(values);
}

function boundErrors(errors: readonly CheckError[]): readonly CheckError[] {
  if (errors.length <= LOG_ERRORS_MAX) return errors;
  const message = `${errors.length - LOG_ERRORS_MAX} more errors`;
  return [...errors.slice(0, LOG_ERRORS_MAX), { code: 'errors_omitted', message }];
}
