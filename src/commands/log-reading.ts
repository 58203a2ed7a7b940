/** Logs given with `--log`, line by line, and what is said about those that could not be read. */
import type { Interval } from '../audit/log-facts.js';
import { type LogAccount, LogFacts } from '../audit/log-facts.js';
import { escapeName } from '../bundle/names.js';
import { CedargateError, type Problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { readLines } from './read-lines.js';

export interface ReadLogs {
  readonly facts: LogFacts;
  /** Files that could not be read, or not to their end: what came before counts. */
  readonly problems: readonly Problem[];
}

export async function readLogs(
  names: readonly string[],
  stdin: NodeJS.ReadableStream,
  interval?: Interval,
): Promise<ReadLogs> {
  const facts = new LogFacts(interval);
  const problems: Problem[] = [];
  for (const name of new Set(names)) {
    let number = 0;
    try {
      for await (const text of readLines([name], stdin)) {
        number += 1;
        facts.line(name, number, text);
      }
    } catch (thrown) {
      if (!(thrown instanceof CedargateError)) throw thrown;
      problems.push(...thrown.problems);
    }
  }
  return { facts, problems };
}

/** Sentences for stderr: what of the logs does not count. */
export function logWarnings({ bad, badLines, changesLeftOut }: LogAccount): string[] {
  const warnings = badLines.map((line) => escapeName(`not read: ${line}`));
  if (bad > badLines.length) warnings.push(`not read: ${bad - badLines.length} more lines`);
  if (changesLeftOut > 0) {
    warnings.push(`${changesLeftOut} change lines are too many and were left out`);
  }
  return warnings;
}

/** Every line of every log, once; stops at the first log that cannot be read. Problem code: `input_invalid`. */
export async function logLines(
  names: readonly string[],
  stdin: NodeJS.ReadableStream,
  take: (name: string, text: string) => void,
): Promise<Result<undefined>> {
  try {
    for (const name of new Set(names)) {
      for await (const text of readLines([name], stdin)) take(name, text);
    }
    return ok(undefined);
  } catch (thrown) {
    if (!(thrown instanceof CedargateError)) throw thrown;
    const [first, ...rest] = thrown.problems;
    return failed(first, ...rest);
  }
}
