/**
 * Explains one decision: which policies decided and why every other one did not. Asks the same hot
 * path as production, then looks at each policy alone.
 */
import { explainPolicies, type PolicyExplanation, type ScopePart } from '../cedar/conditions.js';
import { unpackProgram } from '../cedar/packed-policies.js';
import type { CedarRequest } from '../cedar/types.js';
import { check } from '../check/check.js';
import { type Judgement, judge } from '../check/decide.js';
import { REASONS, type Reason } from '../check/reasons.js';
import { soleGeneration } from '../check/regime.js';
import type {
  ActiveBundle,
  CheckError,
  Decision,
  DecisionInput,
  Generation,
} from '../check/types.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { encodeCheckRequest, type RequestSketch } from './check-request.js';
import { explainStanding, type StandingExplanation, type Standpoint } from './explain-standing.js';
import { traitsFrom, traitsOf } from './line-traits.js';
import { type LoggedDecision, unmask } from './logged-decision.js';
import { rebuildRequest } from './rebuild-request.js';
import { scopeClauses } from './scope-clauses.js';
import { checkSettings } from './settings.js';

export interface Explanation {
  readonly bundle: { readonly name: string; readonly version: string; readonly digest: string };
  readonly decision: Decision;
  readonly reason: Reason;
  /** The reason in words. */
  readonly meaning: string;
  /** What the engine was asked; null when the request did not get that far. */
  readonly input: DecisionInput | null;
  /** Every policy of the bundle; none when the engine was not asked. */
  readonly policies: readonly PolicyFinding[];
  readonly errors: readonly CheckError[];
  /** Why the answer may differ from what happened. */
  readonly warnings: readonly string[];
  /** Where it stands in a rollout; null when none was given. */
  readonly standing: StandingExplanation | null;
}

/** What became of one policy. */
export interface PolicyFinding extends PolicyExplanation {
  readonly owner: string;
  readonly description: string;
  readonly status: PolicyStatus;
  /** The parts of the scope that do not match, as the policy has them. */
  readonly scope: Readonly<Partial<Record<ScopePart, string>>>;
}

/**
 * `decides`: it is why the decision came out so. `outweighed`: it applies, and something stronger
 * does too. `fails`: it could not be evaluated.
 */
export type PolicyStatus = 'decides' | 'outweighed' | 'fails' | 'does_not_apply';

export interface Question {
  readonly sketch: RequestSketch;
  /** `<namespace>/<name>` */
  readonly service: string;
  readonly environment: string | undefined;
  readonly nowMs: number;
}

/** A request as people describe it; with `rollouts`, under these. */
export function explainRequest(
  question: Question,
  active: ActiveBundle,
  rollouts?: Generation,
): Result<Explanation> {
  const { sketch, service, environment, nowMs } = question;
  const settings = checkSettings(service, environment);
  const message = encodeCheckRequest(sketch, settings.claims.payload);
  const generation = soleGeneration(1, { mode: 'enforce', stamp: 'explain', active });
  const call = { message, deadlineMs: Infinity, nowMs, decisionId: 'explain' };
  const { record } = check(call, generation, settings);
  const request = record.input === undefined ? undefined : rebuildRequest(record.input);
  const explained = explanation(active, record, record.input, request, []);
  const traits = traitsFrom({ ...record, destination: service });
  return standing(explained, { generation: rollouts, traits, nowMs });
}

/** What the policies say, and with rollouts what becomes of it. */
function standing(
  explained: Result<Explanation>,
  {
    generation,
    traits,
    nowMs,
  }: Omit<Standpoint, 'judged' | 'generation'> & { generation: Generation | undefined },
): Result<Explanation> {
  if (!explained.ok || generation === undefined) return explained;
  const judged = explained.value.reason;
  const stands = explainStanding({ generation, traits, judged, nowMs });
  return stands.ok ? ok({ ...explained.value, standing: stands.value }) : stands;
}

/** A logged request under rollouts, as of the time of its line. */
export function explainLoggedUnder(
  line: LoggedDecision,
  active: ActiveBundle,
  rollouts: Generation,
): Result<Explanation> {
  const traits = traitsOf(line);
  if (traits === undefined) {
    return failed(
      problem('input_invalid', 'the line names no destination: no rollout speaks of it'),
    );
  }
  const nowMs = Date.parse(line.timestamp);
  return standing(explainLogged(line, active), { generation: rollouts, traits, nowMs });
}

/** A request as the decision log has it, decided again by the policies of this bundle. */
export function explainLogged(line: LoggedDecision, active: ActiveBundle): Result<Explanation> {
  const warnings = bundleWarnings(line, active);
  if (line.input === null) {
    return explanation(active, judgementOf(line), undefined, undefined, warnings);
  }
  const shape = active.evaluator.schema.actions.get(line.input.action)?.context;
  const { input, masked } = unmask(line.input, shape);
  if (masked.length > 0) warnings.push(maskedWarning(masked));
  else if (!line.replayable) warnings.push('the line says that its input is not complete');
  const request = rebuildRequest(input);
  if (request === undefined) {
    warnings.push('the input names a principal or resource that no request has: not decided again');
    return explanation(active, judgementOf(line), input, undefined, warnings);
  }
  const { evaluator } = active;
  const judgement = judge(evaluator.evaluate(request));
  warnings.push(...differenceWarnings(line, judgement));
  return explanation(active, judgement, input, request, warnings);
}

/**
 * What the log says of the policies, where nothing can be decided again. An exception is no part of it:
 * whether one speaks for the request here is asked anew.
 */
function judgementOf({ reason, policies, errors }: LoggedDecision): Judgement {
  const denied = policies.length > 0 ? 'policy_forbid' : 'no_permit';
  const judged = reason === 'exception' ? denied : reason;
  return { reason: judged, policies, errors: errors as readonly CheckError[] };
}

function explanation(
  active: ActiveBundle,
  { reason, policies: determining, errors }: Judgement,
  input: DecisionInput | undefined,
  request: CedarRequest | undefined,
  warnings: readonly string[],
): Result<Explanation> {
  const { bundle } = active;
  const { name, version } = bundle.manifest;
  // A question that the engine does not take cannot be asked of single policies either.
  const asked = request !== undefined && reason !== 'context_incomplete';
  const findings = asked ? findingsOf(active, request, determining) : ok([]);
  if (!findings.ok) return findings;
  return ok({
    bundle: { name, version, digest: bundle.digest },
    decision: REASONS[reason].decision,
    reason,
    meaning: REASONS[reason].summary,
    input: input ?? null,
    policies: findings.value,
    errors,
    warnings,
    standing: null,
  });
}

function findingsOf(
  { bundle }: ActiveBundle,
  request: CedarRequest,
  determining: readonly string[],
): Result<PolicyFinding[]> {
  const program = unpackProgram(bundle.program);
  const explained = explainPolicies(program, request);
  if (!explained.ok) return explained;
  const sources = new Map(program.policies.map((policy) => [policy.id, policy]));
  return ok(
    explained.value.map((policy) => {
      const source = sources.get(policy.id);
      if (source === undefined) throw new Error(`policy ${policy.id} is not in the bundle`);
      const { owner, description } = source;
      const scope = scopeClauses(source.text, policy.mismatches);
      const status = statusOf(policy, determining.includes(policy.id));
      return { ...policy, owner, description, status, scope };
    }),
  );
}

function statusOf({ mismatches, conditions }: PolicyExplanation, decides: boolean): PolicyStatus {
  if (decides) return 'decides';
  if (mismatches.length > 0) return 'does_not_apply';
  // The engine stops at the first condition that does not hold: what is behind it cannot fail.
  const first = conditions.find(({ state }) => state !== 'holds');
  if (first === undefined) return 'outweighed';
  return first.state === 'fails' ? 'fails' : 'does_not_apply';
}

function bundleWarnings(line: LoggedDecision, { bundle }: ActiveBundle): string[] {
  if (line.bundle_digest === bundle.digest) return [];
  return [
    `the request was decided by ${line.policy_version}; this bundle is ${bundle.manifest.version} (${bundle.digest})`,
  ];
}

function maskedWarning(masked: readonly string[]): string {
  const names = masked.map((name) => `\`${name}\``).join(', ');
  return `masked in the log, so conditions that read them may come out differently: ${names}`;
}

function differenceWarnings(line: LoggedDecision, { reason, policies }: Judgement): string[] {
  // What overrode a decision is no part of it: an exception stands for a deny of the policies.
  const sameReason =
    line.reason === 'exception' ? REASONS[reason].decision === 'deny' : line.reason === reason;
  const same = sameReason && line.policies.join() === policies.join();
  if (same) return [];
  const by = line.policies.length === 0 ? '' : ` by ${line.policies.join(', ')}`;
  return [`the log says ${line.decision}, ${line.reason}${by}: not what is found here`];
}
