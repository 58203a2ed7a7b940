/**
 * The one constructor of answers to Envoy. An empty CheckResponse is an allow in Envoy, so nothing
 * else in this program may build one, and metadata is always included: it is the only stamp that
 * reaches the access log on every path (envoy-facts sections a, c, h).
 */
import { ANSWER_POLICIES_MAX } from '../constants.js';
import { type AnswerParts, AnswerTemplates } from './answer-template.js';
import { REASONS } from './reasons.js';
import { type StructInput, toStruct } from './struct.js';
import type { CheckRecord, CheckSettings } from './types.js';
import { type CheckResponseMessage, encodeCheckResponse, type HeaderOption } from './wire.js';
import { encodeStruct } from './wire-struct.js';

/** gRPC status codes used as ext_authz verdicts (google.rpc.Code). */
const OK = 0;
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;

/** The message for Envoy, or the gRPC error that makes it apply its own failure mode. */
export type CheckAnswer =
  | { readonly response: Buffer }
  | { readonly grpcError: { readonly code: number; readonly message: string } };

export type RespondSettings = Pick<CheckSettings, 'headers' | 'failResponse' | 'helpUrl'>;

export function respond(record: CheckRecord, settings: RespondSettings): CheckAnswer {
  if (record.outcome === 'fail' && settings.failResponse === 'grpc_error') {
    return { grpcError: { code: UNAVAILABLE, message: record.reason } };
  }
  let templates = templatesOf.get(settings);
  if (templates === undefined) {
    templates = new AnswerTemplates();
    templatesOf.set(settings, templates);
  }
  const { regime, outcome, decision, mode, reason, slice = '', candidate } = record;
  // INVARIANT: whatever an answer says beside its id and policies is the regime's, or is in this key.
  const key = `${outcome} ${decision} ${mode} ${reason} ${slice} ${candidate?.decision}`;
  const told = { decisionId: record.decisionId, policies: shownOf(record.policies) };
  const response = templates.answer(regime, key, told, (decisionId) =>
    partsOf({ ...record, decisionId }, settings),
  );
  return { response };
}

function shownOf(policies: readonly string[]): readonly string[] {
  return policies.length > ANSWER_POLICIES_MAX ? policies.slice(0, ANSWER_POLICIES_MAX) : policies;
}

const templatesOf = new WeakMap<RespondSettings, AnswerTemplates>();

function partsOf(record: CheckRecord, settings: RespondSettings): AnswerParts {
  return {
    answer: encodeCheckResponse(responseMessage(record, settings)),
    metadata: encodeStruct(toStruct(metadata(record))),
  };
}

function responseMessage(record: CheckRecord, settings: RespondSettings): CheckResponseMessage {
  const headers = stamps(record, settings);
  switch (record.outcome) {
    case 'allow':
      return { status: { code: OK }, ok_response: { response_headers_to_add: headers } };
    case 'deny':
      return {
        status: { code: PERMISSION_DENIED },
        denied_response: refusal(record, settings, headers),
      };
    case 'fail':
      return { status: { code: UNAVAILABLE }, error_response: refusal(record, settings, headers) };
  }
}

/** What the client gets: never a 2xx, and a short text that names the decision. */
function refusal(record: CheckRecord, settings: RespondSettings, headers: HeaderOption[]) {
  const entry = REASONS[record.reason];
  const own = 'status' in entry ? entry.status : 503;
  // A destination may want a denial where nobody can decide: then it is one, and no failure.
  const code = record.outcome === 'deny' && own === 503 ? 403 : own;
  return { status: { code }, headers, body: refusalBody(record, settings.helpUrl) };
}

function refusalBody(record: CheckRecord, helpUrl: string | undefined): string {
  const first = record.outcome === 'fail' ? 'authorization unavailable' : 'access denied';
  const help = helpUrl === undefined ? '' : `help: ${helpUrl}\n`;
  return `${first}\ndecision id: ${record.decisionId}\n${help}`;
}

function stamps(record: CheckRecord, { headers }: RespondSettings): HeaderOption[] {
  const list: HeaderOption[] = [];
  if (headers.version) list.push(header(`${headers.prefix}-policy-version`, record.regime.stamp));
  if (headers.decisionId) list.push(header(`${headers.prefix}-decision-id`, record.decisionId));
  if (headers.mode) list.push(header(`${headers.prefix}-mode`, record.mode));
  return list;
}

/** `append: {value: false}` on every header, so that neither client nor upstream can spoof it. */
function header(key: string, value: string): HeaderOption {
  return { header: { key, value }, append: { value: false } };
}

/** `policies` come last, see answer-template.ts. */
function metadata(record: CheckRecord): StructInput {
  const { regime, slice, candidate } = record;
  const { active, rollout } = regime;
  return {
    policy_version: regime.stamp,
    decision_id: record.decisionId,
    decision: record.decision,
    mode: record.mode,
    outcome: record.outcome,
    reason: record.reason,
    bundle_digest: active?.bundle.digest,
    slice,
    rollout: rollout?.name,
    rollout_sequence: rollout?.sequence,
    ticket: rollout?.ticket,
    candidate_version: candidate?.version,
    candidate_decision: candidate?.decision,
  };
}
