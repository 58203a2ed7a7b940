/**
 * Reads the decision log from the pipe that the sidecar, or OPA-Envoy, writes it to, counts what it
 * says, and throws it away.
 */
import type { Readable } from 'node:stream';

export interface Tally {
  readonly allow: number;
  readonly deny: number;
  readonly error: number;
}

export const NOTHING: Tally = { allow: 0, deny: 0, error: 0 };

export function totalOf({ allow, deny, error }: Tally): number {
  return allow + deny + error;
}

/** What a line decides; undefined when it is no decision. */
export type ReadDecision = (line: string) => keyof Tally | undefined;

/** Gives the count so far; it grows as the stream is read. */
export function countDecisions(stream: Readable, read: ReadDecision = decisionOf): () => Tally {
  const tally = { ...NOTHING };
  let rest = '';
  stream.setEncoding('latin1').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) {
      const decision = read(line);
      if (decision !== undefined) tally[decision] += 1;
    }
  });
  return () => ({ ...tally });
}

function decisionOf(line: string): keyof Tally | undefined {
  if (!line.startsWith('{"type":"decision"')) return undefined;
  const [, decision] = /"decision":"(allow|deny|error)"/.exec(line) ?? [];
  return decision as keyof Tally | undefined;
}

/** A line of OPA's console decision log. One without a result tells of an error. */
export function opaDecisionOf(line: string): keyof Tally | undefined {
  if (!line.includes('"msg":"Decision Log"')) return undefined;
  // Its members are sorted, and what follows the result begins with `time`: no header says that.
  const [, result] = /"result":(true|false),"time":"/.exec(line) ?? [];
  if (result === undefined) return 'error';
  return result === 'true' ? 'allow' : 'deny';
}
