/** What a change card says of the evidence beside its document: who is inside of what is enforced. */
import type { Result } from '../result.js';
import { timeText } from './document-fields.js';
import type { Evidence, SliceEvidence } from './evidence.js';

const DAY_MS = 86_400_000;

export interface CardEvidence {
  /** Why nothing can be shown of it; else null. */
  readonly why: string | null;
  readonly logs: Evidence['logs'];
  readonly lines: Evidence['lines'] | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly slices: readonly CardSlice[];
}

export interface CardSlice {
  readonly name: string;
  readonly percent: number | null;
  /** Callers that can be told apart; as many as the evidence holds. */
  readonly known: number;
  /** Those that the slice takes, most requests first. */
  readonly inside: readonly { readonly caller: string; readonly requests: number }[];
  readonly outside: number;
  /** Requests of the callers inside; null when the logs cover no span of time. */
  readonly requestsADay: number | null;
}

export function cardEvidence(evidence: Result<Evidence>): CardEvidence {
  if (!evidence.ok) {
    const nothing = { logs: [], lines: null, from: null, to: null, slices: [] };
    return { why: evidence.problems[0].message, ...nothing };
  }
  const { logs, lines, from, to, slices } = evidence.value;
  const days = from === null || to === null || to <= from ? undefined : (to - from) / DAY_MS;
  return {
    ...{ why: null, logs, lines },
    from: from === null ? null : timeText(from),
    to: to === null ? null : timeText(to),
    slices: slices.map((slice) => cardSlice(slice, days)),
  };
}

function cardSlice({ name, match, callers }: SliceEvidence, days: number | undefined): CardSlice {
  const inside = callers.filter((each) => each.inside);
  const requests = inside.reduce((sum, each) => sum + each.requests, 0);
  return {
    ...{ name, percent: match.percent ?? null, known: callers.length },
    inside: inside.map(({ caller, requests: of }) => ({ caller, requests: of })),
    outside: callers.length - inside.length,
    requestsADay: days === undefined ? null : Math.round(requests / days),
  };
}
