/** Judgements of the second act: what `verify`, `bundle diff` and two sidecars must have said. */
import type { Run } from './cli.js';
import type { Observation } from './observe.js';
import type { CallRow } from './table.js';

/** Exit code of `verify`: signed by too few, or not what was signed. */
const REFUSED = 4;
/** Exit code of `bundle diff`: something differs. */
const DIFFERS = 5;

/** The line with the error: `error: FILE: MESSAGE [CODE]`. */
export function errorLine({ stderr }: Pick<Run, 'stderr'>): string {
  return stderr.split('\n').find((line) => line.startsWith('error: ')) ?? '(no error)';
}

/** `verify` refuses, and names the file and why. */
export function judgeRefusal(
  run: Run,
  expected: { readonly file: string; readonly code: string },
): Observation {
  const line = errorLine(run);
  const named = line.startsWith(`error: ${expected.file}`) && line.endsWith(`[${expected.code}]`);
  return { seen: run.code === REFUSED && named, evidence: `exit code ${run.code}` };
}

/** What one sidecar says of itself. */
export interface Serving {
  readonly environment: string;
  /** `bundle.digest` on /status. */
  readonly digest: string;
  /** `policy_version` on /status. */
  readonly version: string;
}

/** Every sidecar has the digest that was signed, and every answer the stamp of its sidecar. */
export function judgeSame(
  digest: string,
  servings: readonly Serving[],
  rows: readonly CallRow[],
): Observation {
  const stamps = new Set([
    ...servings.map(({ version }) => version),
    ...rows.map((r) => r.version),
  ]);
  const environments = new Set(servings.map(({ environment }) => environment));
  const [stamp = ''] = stamps;
  const seen =
    environments.size > 1 &&
    rows.length > 0 &&
    servings.every((serving) => serving.digest === digest) &&
    stamps.size === 1 &&
    stamp.endsWith(`+${digest.slice('sha256:'.length, 'sha256:'.length + 12)}`);
  return {
    seen,
    evidence: `${environments.size} environments, ${rows.length} answers, stamps: ${[...stamps].join(', ')}`,
  };
}

/** One call, two answers, both of policies that were in force. */
export function judgeDiffering(inTest: CallRow, inProduction: CallRow): Observation {
  const asked = ({ caller, method, path }: CallRow) => `${caller} ${method} ${path}`;
  const seen =
    asked(inTest) === asked(inProduction) &&
    inTest.decision === 'deny' &&
    inTest.status === 403 &&
    inProduction.decision === 'allow' &&
    inProduction.status === 200 &&
    inTest.version === inProduction.version;
  return {
    seen,
    evidence: `${asked(inTest)}: HTTP ${inTest.status} in test, ${inProduction.status} in production`,
  };
}

interface Flip {
  readonly from: string;
  readonly to: string;
  readonly caller: { readonly members: readonly string[] };
  readonly actions: readonly string[];
}

/** `bundle diff --json` says that this caller goes from allow to deny. */
export function judgeDiff(run: Run, caller: string): Observation {
  const flips = flipsOf(run.stdout);
  const losing = flips.filter(
    ({ from, to, caller: { members } }) =>
      from === 'allow' && to !== 'allow' && members.includes(caller),
  );
  const actions = losing.flatMap((flip) => flip.actions);
  return {
    seen: run.code === DIFFERS && losing.length > 0,
    evidence: `exit code ${run.code}; ${caller} would lose ${actions.join(', ') || 'nothing'}`,
  };
}

function flipsOf(json: string): readonly Flip[] {
  try {
    const { meaning } = JSON.parse(json) as { meaning: readonly { flips: readonly Flip[] }[] };
    return meaning.flatMap(({ flips }) => flips);
  } catch {
    return [];
  }
}

/** The part of the text of `bundle diff` that speaks of this caller: a heading and what is below. */
export function partAbout(caller: string, text: string): string[] {
  const part = text.split('\n\n').find((paragraph) => paragraph.includes(caller));
  return part?.trimEnd().split('\n') ?? [];
}
