/** What happened on the way of a document, as lines that people read. Pure. */
import { APPLY_LINES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import type { Expected, Observation } from './observe.js';

export interface ApplyEvent {
  /** Milliseconds since the beginning. */
  readonly afterMs: number;
  readonly what:
    | {
        readonly kind: 'handed-over';
        readonly how: 'patched' | 'created';
        readonly configMap: string;
      }
    | { readonly kind: 'annotated'; readonly pods: number }
    /** kubelet comes by itself, later. */
    | { readonly kind: 'not-annotated'; readonly why: string }
    /** No pods to watch are known. */
    | { readonly kind: 'not-listed'; readonly why: string }
    /** First seen, or seen to do something else than before. */
    | { readonly kind: 'seen'; readonly target: string; readonly observation: Observation };
}

/** A pod or a URL, and what was seen of it last. */
export interface Target {
  readonly name: string;
  readonly observation: Observation;
  /** Milliseconds from the beginning until it ran the document; undefined when it does not. */
  readonly arrivedAfterMs: number | undefined;
}

export interface ApplyReport {
  readonly expected: Expected;
  readonly targets: readonly Target[];
  readonly durationMs: number;
}

/** `+1.9s payments-a runs sequence 43` */
export function eventLine({ afterMs, what }: ApplyEvent): string {
  return `+${seconds(afterMs)} ${eventWords(what)}`;
}

/** Lines of events that come one by one; undefined for those beyond APPLY_LINES_MAX. */
export function createTimeline(): (event: ApplyEvent) => string | undefined {
  let lines = 0;
  return (event) => {
    lines += 1;
    return lines > APPLY_LINES_MAX ? undefined : eventLine(event);
  };
}

/** How it ended: one line, and one for each that did not arrive. */
export function summaryLines(report: ApplyReport): string[] {
  const { expected, targets, durationMs } = report;
  const late = targets.filter(({ arrivedAfterMs }) => arrivedAfterMs === undefined);
  const times = targets.flatMap(({ arrivedAfterMs: ms }) => (ms === undefined ? [] : [ms]));
  const slowest = times.length === 0 ? '' : `, the last after ${seconds(Math.max(...times))}`;
  const head = `${times.length} of ${targets.length} run sequence ${expected.sequence}${slowest}`;
  return [
    head,
    ...late.map(({ name, observation }) => {
      const behind = observation.sequence === null ? 0 : expected.sequence - observation.sequence;
      const lag = behind > 0 ? ` (${behind} behind)` : '';
      return `not after ${seconds(durationMs)}: ${name} ${observation.words}${lag}`;
    }),
  ];
}

/** `apply_incomplete`, when somebody does not run it or nobody was asked. */
export function incompleteProblem({ targets, expected }: ApplyReport): Problem | undefined {
  const late = targets.filter(({ arrivedAfterMs }) => arrivedAfterMs === undefined).length;
  if (late === 0 && targets.length > 0) return undefined;
  const message =
    targets.length === 0
      ? `no sidecar was found to watch sequence ${expected.sequence} arrive`
      : `${late} of ${targets.length} do not run sequence ${expected.sequence} yet`;
  return problem('apply_incomplete', message);
}

function eventWords(what: ApplyEvent['what']): string {
  switch (what.kind) {
    case 'handed-over':
      return `${what.how} ConfigMap ${what.configMap}`;
    case 'annotated':
      return `annotated ${what.pods} ${what.pods === 1 ? 'pod' : 'pods'}`;
    case 'not-annotated':
      return `pods not annotated, kubelet may take 90 s: ${what.why}`;
    case 'not-listed':
      return `pods not known: ${what.why}`;
    case 'seen':
      return `${what.target} ${what.observation.words}`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)}s`;
}
