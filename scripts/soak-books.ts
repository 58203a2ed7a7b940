/** Whether what clients, the decision log, metrics and /status say of a soak adds up. */
import type { LogLine } from '../test/support/program.js';
import type { Sidecar } from '../test/support/sidecar.js';
import { waitFor } from '../test/support/wait.js';

/** A request, and what its client got. */
export interface Asked {
  /** Decision id of the answer. */
  readonly id: string;
  readonly status: number;
}

export interface SoakDocument {
  readonly sequence: number;
  readonly percent: number;
  readonly exceptionEndsMs: number;
  /** It blocks the partner. */
  readonly blocked: boolean;
}

/** A line is made just after its decision. */
const LINE_LATE_MS = 200;

type Decision = LogLine & {
  readonly decision_id: string;
  readonly timestamp: string;
  readonly principal: string | null;
  readonly outcome: string;
  readonly decision: string;
  readonly slice: string | null;
  readonly exception: string | null;
  readonly reason: string;
  readonly rollout_sequence: number;
  readonly flip: boolean | null;
};

/** What was found in a few words; throws at the first thing that does not add up. */
export async function settle(
  sidecar: Sidecar,
  asked: readonly Asked[],
  documents: readonly SoakDocument[],
): Promise<string> {
  const decisions = () =>
    sidecar.lines.filter(({ type }) => type === 'decision') as unknown as readonly Decision[];
  await waitFor('the last line', () => decisions().length >= asked.length, { timeoutMs: 60_000 });
  const lines = decisions();
  const counts = (await sidecar.status()).decision_log as Record<string, number>;
  equal('lines', lines.length, asked.length);
  equal('checks in /status', counts.checks, asked.length);
  equal('logged in /status', counts.logged, asked.length);
  equal('dropped in /status', counts.dropped, 0);
  const metrics = (await sidecar.admin('/metrics')).body;
  equal('checks_total', sum(metrics, 'cedargate_checks_total'), asked.length);
  equal(
    'flips_total',
    sum(metrics, 'cedargate_flips_total'),
    count(lines, ({ flip }) => flip),
  );
  equal(
    'candidate_checks_total',
    sum(metrics, 'cedargate_candidate_checks_total'),
    count(lines, ({ flip }) => flip !== null),
  );
  equal(
    'exception_uses_total',
    sum(metrics, 'cedargate_exception_uses_total'),
    count(lines, ({ exception }) => exception !== null),
  );
  answersAgree(asked, lines);
  exceptionsEnded(lines, documents);
  slicesOnlyWiden(lines);
  blocksHeld(lines, documents);
  const taken = sidecar.lines.filter(({ type, result }) => type === 'change' && result === 'taken');
  equal('documents taken', taken.length, documents.length);
  const of = (outcome: string) => count(lines, (line) => line.outcome === outcome);
  const flips = count(lines, ({ flip }) => flip);
  const used = count(lines, ({ exception }) => exception !== null);
  for (const [what, found] of Object.entries({
    allowed: of('allow'),
    denied: of('deny'),
    flips,
    used,
  })) {
    if (found === 0) throw new Error(`nothing was ${what}: the soak proves nothing`);
  }
  return (
    `${asked.length} answers, as many lines and counts: ${of('allow')} allowed, ${of('deny')} denied, ` +
    `${flips} flips, ${used} by exception, ${taken.length} documents`
  );
}

function answersAgree(asked: readonly Asked[], lines: readonly Decision[]): void {
  const byId = new Map(lines.map((line) => [line.decision_id, line]));
  equal('decision ids', byId.size, lines.length);
  for (const { id, status } of asked) {
    const outcome = byId.get(id)?.outcome;
    const should = status === 200 ? 'allow' : status === 503 ? 'fail' : 'deny';
    if (outcome !== should) throw new Error(`HTTP ${status}, but the line ${id} says ${outcome}`);
    if (should === 'fail') throw new Error(`the sidecar could not decide ${id}`);
  }
}

function exceptionsEnded(lines: readonly Decision[], documents: readonly SoakDocument[]): void {
  const ends = new Map(documents.map((each) => [each.sequence, each.exceptionEndsMs]));
  const late = lines.find(({ exception, timestamp, rollout_sequence }) => {
    const endMs = ends.get(rollout_sequence) ?? 0;
    return exception !== null && Date.parse(timestamp) > endMs + LINE_LATE_MS;
  });
  if (late !== undefined) throw new Error(`an ended exception applied: ${JSON.stringify(late)}`);
}

/** Who was inside of the percentage stays inside: a read outside comes before all that are inside. */
function slicesOnlyWiden(lines: readonly Decision[]): void {
  const inside = new Set<string>();
  const reads = lines.filter(({ action, principal }) => {
    return action === 'GET' && principal?.startsWith('spiffe://example.org/') === true;
  });
  const ordered = reads.toSorted((a, b) => a.rollout_sequence - b.rollout_sequence);
  for (const { principal, slice } of ordered) {
    if (slice === 'part') inside.add(String(principal));
    else if (inside.has(String(principal))) throw new Error(`${principal} fell out of the slice`);
  }
  if (inside.size < 2) throw new Error('the percentage took nobody');
}

function blocksHeld(lines: readonly Decision[], documents: readonly SoakDocument[]): void {
  const blocked = new Map(documents.map((each) => [each.sequence, each.blocked]));
  for (const { principal, reason, rollout_sequence } of lines) {
    const should =
      blocked.get(rollout_sequence) === true && principal?.startsWith('spiffe://partner') === true;
    if ((reason === 'blocked') !== should) {
      throw new Error(`document ${rollout_sequence}: ${principal} got ${reason}`);
    }
  }
}

const count = (lines: readonly Decision[], test: (line: Decision) => unknown) =>
  lines.filter(test).length;

/** Of all samples of a metric. */
function sum(metrics: string, name: string): number {
  const samples = metrics.split('\n').filter((line) => /^[\w]+/.exec(line)?.[0] === name);
  return samples.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}

function equal(what: string, found: unknown, expected: number): void {
  if (found !== expected) throw new Error(`${what}: ${found}, expected were ${expected}`);
}
