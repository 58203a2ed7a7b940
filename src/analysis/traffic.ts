/**
 * Asks both bundles what a decision log says was asked, line by line: which observed classes would be
 * decided otherwise, weighed by requests a day. Memory is bounded whatever the length of the log.
 */
import type { CompiledBundle, Route } from '../bundle/types.js';
import type { CedarRequest, ContextShape, Evaluator } from '../cedar/types.js';
import { judge } from '../check/decide.js';
import { parsePath } from '../check/path.js';
import { REASONS } from '../check/reasons.js';
import { matchRoute, type RouteMatch } from '../check/route.js';
import type { Decision, DecisionInput } from '../check/types.js';
import { LOG_TEXT_CHARS_MAX, TRAFFIC_CLASSES_MAX, TRAFFIC_INPUTS_MAX } from '../constants.js';
import { type LoggedDecision, readLogLine } from './logged-decision.js';
import { rebuildRequest } from './rebuild-request.js';

export interface TrafficDiff {
  readonly environment: string | null;
  /** Most requests first. */
  readonly flips: readonly TrafficFlip[];
  readonly lines: TrafficLines;
  /** From the first to the last decision; null with fewer than two points in time. */
  readonly observed: { readonly from: string; readonly to: string; readonly days: number } | null;
  /** Fields that only one side declares: a log made under the other has no values of them. */
  readonly fieldsNotInBoth: readonly string[];
}

export interface TrafficLines {
  /** Not empty; the sum of all that follow. */
  readonly total: number;
  /** Asked on both sides. */
  readonly replayed: number;
  /** Decisions whose input is missing or masked. */
  readonly notReplayable: number;
  /** Decisions made in another environment. */
  readonly otherEnvironment: number;
  /** Other lines of cedargate: changes, program messages. */
  readonly other: number;
  /** Neither JSON nor a line of a version that is known. */
  readonly bad: number;
}

export interface TrafficFlip {
  readonly caller: string;
  readonly action: string;
  /** `<namespace>/<name>` */
  readonly destination: string;
  readonly route: string | null;
  readonly from: Decision;
  readonly to: Decision;
  /** Lines of the log. */
  readonly requests: number;
  /** Each line weighed by the share of such lines that was written; null when the log covers no span of time. */
  readonly requestsADay: number | null;
  /** A decision of the log that would change. */
  readonly example: string;
  readonly policiesBefore: readonly string[];
  readonly policiesAfter: readonly string[];
}

interface TrafficSide {
  readonly bundle: CompiledBundle;
  readonly evaluator: Evaluator;
}

interface Outcome {
  readonly decision: Decision;
  readonly policies: readonly string[];
}

interface FlipCount extends Omit<TrafficFlip, 'requestsADay' | 'requests'> {
  requests: number;
  /** Requests that the lines stand for. */
  weight: number;
}

const DAY_MS = 86_400_000;

export class TrafficReplay {
  readonly #lines = {
    total: 0,
    replayed: 0,
    notReplayable: 0,
    otherEnvironment: 0,
    other: 0,
    bad: 0,
  };
  readonly #flips = new Map<string, FlipCount>();
  readonly #known = new Map<string, readonly [Outcome, Outcome]>();
  readonly #rerouted: boolean;
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly sides: { readonly a: TrafficSide; readonly b: TrafficSide },
    private readonly environment: string | undefined,
  ) {
    const { a, b } = sides;
    this.#rerouted = JSON.stringify(a.bundle.routes) !== JSON.stringify(b.bundle.routes);
  }

  line(text: string): void {
    if (text.trim() === '') return;
    this.#lines.total += 1;
    const line = readLogLine(text);
    if (line.kind === 'decision') this.#decision(line.decision);
    else this.#lines[line.kind] += 1;
  }

  #decision(line: LoggedDecision): void {
    const { environment, input } = line;
    if (
      this.environment !== undefined &&
      environment !== null &&
      environment !== this.environment
    ) {
      this.#lines.otherEnvironment += 1;
      return;
    }
    const atMs = Date.parse(line.timestamp);
    this.#firstMs = Math.min(this.#firstMs, atMs);
    this.#lastMs = Math.max(this.#lastMs, atMs);
    const answers = input === null || !line.replayable ? undefined : this.#ask(input, line);
    if (input === null || answers === undefined) {
      this.#lines.notReplayable += 1;
      return;
    }
    this.#lines.replayed += 1;
    const [before, after] = answers;
    if (before.decision !== after.decision) this.#count(input, before, after, line);
  }

  /** Undefined when the input is nothing that a request can be about. */
  #ask(input: DecisionInput, line: LoggedDecision): readonly [Outcome, Outcome] | undefined {
    const target = this.#rerouted ? targetOf(line) : undefined;
    const key = JSON.stringify([input, target]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const request = rebuildRequest(input);
    if (request === undefined) return undefined;
    const { a, b } = this.sides;
    const asked = [outcomeOf(a, request, target), outcomeOf(b, request, target)] as const;
    // The oldest goes: logs repeat what was asked lately.
    if (this.#known.size >= TRAFFIC_INPUTS_MAX) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(key, asked);
    return asked;
  }

  #count(input: DecisionInput, before: Outcome, after: Outcome, line: LoggedDecision): void {
    const weight = 1 / line.sampled_share;
    const { principal, action, resource } = input;
    const [namespace, name, route] = resource.id.split('/');
    const destination = `${namespace}/${name}`;
    const { decision: from } = before;
    const { decision: to } = after;
    const key = JSON.stringify([principal.id, action, resource.id, from, to]);
    const known = this.#flips.get(key);
    const room = known !== undefined || this.#flips.size < TRAFFIC_CLASSES_MAX;
    const rest = JSON.stringify(['', from, to]);
    const counted = room ? known : this.#flips.get(rest);
    if (counted !== undefined) {
      counted.requests += 1;
      counted.weight += weight;
    } else {
      this.#flips.set(room ? key : rest, {
        caller: room ? principal.id : '(further callers)',
        action: room ? action : '(any)',
        destination: room ? destination : '(any)',
        route: room ? (route ?? null) : null,
        from,
        to,
        requests: 1,
        weight,
        example: line.decision_id,
        policiesBefore: before.policies,
        policiesAfter: after.policies,
      });
    }
  }

  result(): TrafficDiff {
    const spanMs = this.#lastMs - this.#firstMs;
    const days = spanMs > 0 && Number.isFinite(spanMs) ? spanMs / DAY_MS : undefined;
    const iso = (ms: number) => new Date(ms).toISOString();
    const flips = [...this.#flips.values()].sort((x, y) => y.weight - x.weight);
    return {
      environment: this.environment ?? null,
      flips: flips.map(({ weight, ...flip }) => ({
        ...flip,
        requestsADay: days === undefined ? null : weight / days,
      })),
      lines: { ...this.#lines },
      observed:
        days === undefined ? null : { from: iso(this.#firstMs), to: iso(this.#lastMs), days },
      fieldsNotInBoth: this.#fieldsNotInBoth(),
    };
  }

  #fieldsNotInBoth(): string[] {
    const names = ({ bundle }: TrafficSide) => {
      const { actions } = bundle.program.schema;
      return new Set([...actions.values()].flatMap(({ context }) => fieldNames(context)));
    };
    const a = names(this.sides.a);
    const b = names(this.sides.b);
    return [...new Set([...a, ...b])].filter((name) => !a.has(name) || !b.has(name)).sort();
  }
}

interface LoggedTarget {
  readonly method: string;
  readonly path: string;
}

/** Method and path of the line, for sides that do not route alike. Undefined where they were cut. */
function targetOf({ method, path }: LoggedDecision): LoggedTarget | undefined {
  if (method === null || path === null) return undefined;
  return path.length < LOG_TEXT_CHARS_MAX ? { method, path } : undefined;
}

function outcomeOf(
  { bundle, evaluator }: TrafficSide,
  logged: CedarRequest,
  target: LoggedTarget | undefined,
): Outcome {
  const { scope } = bundle.manifest;
  const service = logged.resource.uid.id.split('/').slice(0, 2).join('/');
  if (scope !== undefined && !scope.destinations.includes(service)) return refused();
  const request = target === undefined ? logged : reroute(logged, bundle, target, service);
  const shape = evaluator.schema.actions.get(request.action);
  if (shape === undefined) return refused();
  const { principalTypes, resourceTypes, context } = shape;
  if (!principalTypes.has(request.principal.uid.type)) return DENIED;
  if (!resourceTypes.has(request.resource.uid.type)) return DENIED;
  const asked = { ...request, context: declaredOnly(request.context, context) };
  const { reason, policies } = judge(evaluator.evaluate(asked));
  return { decision: REASONS[reason].decision, policies };
}

const DENIED: Outcome = { decision: 'deny', policies: [] };

/** As check/question.ts: not covered, or no action of the schema. */
function refused(): Outcome {
  return { decision: 'error', policies: [] };
}

/** The route that this side's routes.yaml gives the path, with its parameters. */
function reroute(
  request: CedarRequest,
  bundle: CompiledBundle,
  { method, path }: LoggedTarget,
  service: string,
): CedarRequest {
  const parsed = parsePath(path);
  if (!parsed.ok) return request;
  const match = matchRoute(bundle.routes, method, parsed.segments);
  const uid = { type: 'Service', id: service };
  const entity = { uid, attrs: {}, parents: [] };
  const rpc = match?.route.kind === 'grpc' || bundle.manifest.protocol === 'grpc';
  const action = rpc ? 'rpc' : method;
  const { params: _, grpc: __, ...rest } = request.context;
  const context = { ...rest, ...pathParts(match, rpc, parsed.segments) };
  const ancestors = request.ancestors.filter((one) => one.uid.type !== 'Service');
  if (match === undefined) return { ...request, action, context, resource: entity, ancestors };
  const route: Route = match.route;
  const own = { type: 'Route', id: `${service}/${route.name}` };
  return {
    ...request,
    action,
    context,
    resource: { uid: own, attrs: {}, parents: [uid] },
    ancestors: [...ancestors, entity],
  };
}

function pathParts(match: RouteMatch | undefined, rpc: boolean, segments: readonly string[]) {
  const params = Object.fromEntries(match?.params ?? []);
  const [service = '', method = ''] = segments;
  return {
    ...(Object.keys(params).length > 0 ? { params } : {}),
    ...(rpc ? { grpc: { service, method } } : {}),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Without what this side's schema does not declare: the engine would refuse the question. */
function declaredOnly(context: Fields, shape: ContextShape): CedarRequest['context'] {
  const kept: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(context)) {
    const declared = shape[name as keyof ContextShape];
    if (declared === true) kept[name] = value;
    if (typeof declared !== 'object' || typeof value !== 'object' || value === null) continue;
    const fields = Object.entries(value).filter(([field]) => declared.has(field as never));
    if (fields.length > 0) kept[name] = Object.fromEntries(fields);
  }
  return kept as CedarRequest['context'];
}

function fieldNames(shape: ContextShape): string[] {
  return Object.entries(shape).flatMap(([name, declared]) => {
    if (declared === true) return [name];
    return typeof declared === 'object' ? [...declared.keys()].map((key) => `${name}.${key}`) : [];
  });
}
