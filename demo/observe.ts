/**
 * What the demo claims, and the judgement whether it was seen. A claim counts only when evidence
 * for it was recorded: one that was never reached is as missing as one that turned out false.
 */
import { failures, type LoadReport } from '../test/support/load.js';

export const CLAIMS = {
  shadowPasses: 'shadow: a call that the policies deny passes',
  shadowLogged: 'shadow: its log line says who was denied what, and why',
  killCostsNothing: 'shadow: killing the sidecar under load costs no request',
  restartRecovers: 'shadow: the restarted sidecar decides again, Envoy untouched',
  enforceDenies: 'enforce: the same call gets 403',
  swapTaken: 'swap: the next answers carry the new version',
  swapCostsNothing: 'swap: no request failed in between',
  swapDecides: 'swap: the new policies decide',
  brokenRefused: 'broken policy: refused, with file, line and reason',
  brokenKeepsOld: 'broken policy: the old version stays and goes on deciding',
  bundleReproducible: 'build: the same source in another folder gives the same bytes',
  oneSignatureRefused: 'sign: one signature is not enough where two must sign',
  bundleVerified: 'sign: with the signatures of two people the file is verified',
  sameEverywhere: 'two environments: one digest on both /status pages and in every stamp',
  answersDiffer: 'two environments: the same call gets the answer of its environment',
  tamperedRefused: 'tampered copy: refused, with the file and the reason',
  copiesChangeNothing: 'bad copies: the running sidecar refuses them and goes on deciding',
  diffNames: 'diff: it names the caller who would lose access, before anything is built',
  promotedTwice: 'promote: one digest from dev over test to production, approved by two each time',
  authorRefused: 'approve: nobody approves what they wrote',
  approvedServed: 'rollout: the sidecar serves the approved document, and its stamp says which',
  replayRefused: 'replay: an older document is refused, and changes nothing',
  relaxedAtOnce: 'emergency: one key puts everything back to shadow, within seconds',
  fourAnswers:
    'history: what changed, who approved it, where it ran, what became of the one before',
  percentTaken:
    'percentage: reads are enforced for the callers that the change card named, no others',
  partnerHeld: 'hold: the partner stays in shadow meanwhile',
  flipLogged: 'candidate: the log says whom the next version would break, and nobody is broken',
  exceptionPasses:
    'exception: what was denied passes under a ticket, until a day that /status names',
  blockHolds: 'block: one key stops a caller at once, in shadow too',
} as const;

export type Claim = keyof typeof CLAIMS;

export interface Observation {
  readonly seen: boolean;
  /** What was measured, for people. */
  readonly evidence: string;
}

export class Observations {
  readonly #recorded = new Map<Claim, Observation>();

  /** A claim that was once seen false stays false. */
  record(claim: Claim, seen: boolean, evidence: string): Observation {
    const before = this.#recorded.get(claim);
    const observation = before?.seen === false ? before : { seen, evidence };
    this.#recorded.set(claim, observation);
    return observation;
  }

  /** One sentence for every claim that was not observed; empty = the demo showed all it promises. */
  missing(): string[] {
    return (Object.keys(CLAIMS) as Claim[]).flatMap((claim) => {
      const observation = this.#recorded.get(claim);
      if (observation === undefined) return [`${CLAIMS[claim]} (not reached)`];
      return observation.seen ? [] : [`${CLAIMS[claim]} (${observation.evidence})`];
    });
  }
}

/** Answers that bear no stamp: Envoy let them through without asking, or without an answer. */
const UNSTAMPED = '(none)';

/**
 * A sidecar that is killed under the profile `observe`: requests go on, and go on succeeding.
 * Answers without a stamp prove that it really was away while they were served.
 */
export function judgeKill(atKill: LoadReport, beforeRestart: LoadReport): Observation {
  const failed = failures(beforeRestart);
  const decided = atKill.total - unstamped(atKill);
  const whileDead = unstamped(beforeRestart) - unstamped(atKill);
  return {
    seen: failed === 0 && decided > 0 && whileDead > 0,
    evidence:
      `${beforeRestart.total} requests, ${failed} failed, ` +
      `${whileDead} of them answered without the sidecar`,
  };
}

/** Three looks at one load: before the swap, at the first answer with the new version, at the end. */
export interface SwapReports {
  readonly before: LoadReport;
  readonly first: LoadReport;
  readonly end: LoadReport;
  /** Milliseconds from the swap to the first answer with the new version. */
  readonly firstMs: number;
  /** Requests that can have been on their way when that first answer came. */
  readonly connections: number;
}

/** From the first answer with the new version on, only those on their way still bear the old one. */
export function judgeSwapTaken(
  reports: SwapReports,
  versions: { readonly from: string; readonly to: string },
): Observation {
  const { before, first, end } = reports;
  const count = (report: LoadReport, version: string) => report.byVersion.get(version) ?? 0;
  const late = count(end, versions.from) - count(first, versions.from);
  const seen =
    versions.from !== versions.to &&
    count(before, versions.from) > 0 &&
    count(before, versions.to) === 0 &&
    count(end, versions.to) > count(first, versions.to) &&
    late <= reports.connections;
  return {
    seen,
    evidence:
      `first one ${Math.round(reports.firstMs)} ms after the swap; ` +
      `${count(end, versions.from)} answers with the old version, then ` +
      `${count(end, versions.to)} with the new one`,
  };
}

/** No request failed, and none went undecided. */
export function judgeSwapCost(end: LoadReport): Observation {
  const failed = failures(end);
  const undecided = unstamped(end);
  return {
    seen: end.total > 0 && failed === 0 && undecided === 0,
    evidence: `${end.total} requests, ${failed} failed, ${undecided} undecided`,
  };
}

function unstamped(report: LoadReport): number {
  return report.byVersion.get(UNSTAMPED) ?? 0;
}
