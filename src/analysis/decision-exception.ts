/**
 * From a denied request in a decision log to the narrowest exception that lets it through: this
 * caller, this action, this destination, and its route where it has one.
 */
import { escapeName } from '../bundle/names.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { Match } from '../rollout/types.js';
import { traitsOf } from './line-traits.js';
import { type LoggedDecision, readLogLine } from './logged-decision.js';

/** Looks for one decision, line by line. */
export class DecisionSearch {
  #found: string | undefined;
  #others = 0;
  #bad = 0;

  constructor(private readonly id: string) {}

  line(text: string): void {
    // Nearly every line is another one.
    if (this.id === '' || !text.includes(this.id)) return;
    const line = readLogLine(text);
    if (line.kind === 'bad') this.#bad += 1;
    if (line.kind !== 'decision' || line.decision.decision_id !== this.id) return;
    const trimmed = text.trim();
    if (this.#found === undefined) this.#found = trimmed;
    else if (this.#found !== trimmed) this.#others += 1;
  }

  /** Problem code: `input_invalid`. The same line in two logs is one. */
  result(): Result<LoggedDecision> {
    const found = this.#found === undefined ? undefined : readLogLine(this.#found);
    if (found?.kind !== 'decision') {
      const bad = this.#bad > 0 ? ', though some line that cannot be read has its text' : '';
      const help = 'give the whole id, and the logs of the time and the pod that it is of';
      return refuse(`no line of the logs is decision \`${this.id}\`${bad}`, help);
    }
    if (this.#others > 0) {
      const message = `the logs have different lines for decision \`${this.id}\``;
      return refuse(message, 'one of them was edited: take the logs from where they were written');
    }
    return ok(found.decision);
  }
}

export interface AskedException {
  readonly environment: string;
  /** Name of the rollout that is to have the exception. */
  readonly rollout: string;
  readonly overrideForbid: boolean;
}

export interface NarrowMatch {
  readonly match: Match;
  /** What the exception takes beyond the request; undefined = nothing but more of its kind. */
  readonly wider: string | undefined;
}

/** Problem code: `input_invalid`, saying why no exception would help, or not this one. */
export function exceptionFor(request: LoggedDecision, asked: AskedException): Result<NarrowMatch> {
  const [elsewhere] = placeProblems(request, asked);
  if (elsewhere !== undefined) return failed(elsewhere);
  const [hopeless] = denialProblems(request, asked);
  if (hopeless !== undefined) return failed(hopeless);
  const traits = traitsOf(request);
  if (traits === undefined) return refuse('the line names no destination', NOBODY);
  const { caller, action, destination, route } = traits;
  if (caller === undefined) return refuse('the line names no caller that can be read', NOBODY);
  if (action === undefined) return refuse('the line names no action', NOBODY);
  const match = { callers: [caller.name], destinations: [destination], actions: [action] };
  if (route !== undefined) return ok({ match: { ...match, routes: [route] }, wider: undefined });
  const path = request.path === null ? '' : `, not only \`${request.path}\``;
  const wider = `the request is on no declared route: the exception takes every ${action} of this caller to ${destination} that is denied${path}; declare a route to make it narrower`;
  return ok({ match, wider });
}

const NOBODY = 'write the exception with --match, or look for a line that says more';

function placeProblems({ environment, rollout }: LoggedDecision, asked: AskedException): Problem[] {
  const wrong = (message: string) => problem('input_invalid', escapeName(message));
  if (environment !== asked.environment) {
    const where = environment === null ? 'no environment' : `\`${environment}\``;
    return [wrong(`the decision was made in ${where}, and not in \`${asked.environment}\``)];
  }
  if (rollout === null || rollout === asked.rollout) return [];
  return [wrong(`the decision was made under rollout \`${rollout}\`, not \`${asked.rollout}\``)];
}

function denialProblems(
  { decision, reason, exception }: LoggedDecision,
  { overrideForbid }: AskedException,
): Problem[] {
  const wrong = (message: string, help: string) => [
    problem('input_invalid', escapeName(message), { help }),
  ];
  if (decision !== 'deny') {
    const help = 'exceptions apply to denials alone, never to errors';
    return wrong(`the decision is ${decision} (${reason}), and not deny`, help);
  }
  if (reason === 'blocked') {
    const help = 'end the block: `cedargate block NAME --end`';
    return wrong('the request was blocked, and no exception stands above a block', help);
  }
  if (exception !== null) {
    const help = '`cedargate exception list` says until when';
    return wrong(`exception \`${exception}\` lets it through already`, help);
  }
  if (reason === 'policy_forbid' && !overrideForbid) {
    const help = 'with --override-forbid the exception stands above it; that is of high impact';
    return wrong('a forbid denies it, and an exception alone does not stand above one', help);
  }
  if (reason !== 'policy_forbid' && overrideForbid) {
    const help = 'leave --override-forbid out: it would let through more than was seen';
    return wrong('no forbid denies it', help);
  }
  return [];
}

function refuse(message: string, help: string) {
  return failed(problem('input_invalid', message, { help }));
}
