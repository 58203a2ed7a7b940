/**
 * Reads the decision log from the pipe that the sidecar writes it to, counts what it says, and throws
 * it away.
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

/** Gives the count so far; it grows as the stream is read. */
export function countDecisions(stream: Readable): () => Tally {
  const tally = { ...NOTHING };
  let rest = '';
  stream.setEncoding('latin1').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) {
      const decision = decisionOf(line);
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
