/**
 * The program's own messages: NDJSON on stderr through pino. Decisions and changes go to stdout
 * (decision-log/). A reader of stderr that stalls or goes away costs messages, never a check.
 */
import type { Writable } from 'node:stream';
import { type DestinationStream, pino } from 'pino';
import { PROGRAM_LOG_BYTES_MAX } from '../constants.js';
import { ERRORS, messageOf, type Problem } from '../errors.js';

export type LogFields = Readonly<Record<string, unknown>>;

/** Messages are lower-case, without a final period, and never hold a token or a header value. */
export interface ProgramLog {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Writes to stderr unless told otherwise. */
export function createProgramLog(destination?: DestinationStream): ProgramLog {
  const logger = pino(
    {
      base: null,
      level: 'info',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      messageKey: 'message',
      formatters: { level: (label) => ({ type: 'program', level: label }) },
    },
    destination ?? boundedStream(process.stderr, PROGRAM_LOG_BYTES_MAX),
  );
  return {
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}

/** What a message says of a problem: its code, where it is, what to do. */
export function problemFields(problem: Problem): LogFields {
  const { code, file, line, column, excerpt } = problem;
  return { code, file, line, column, excerpt, help: problem.help ?? ERRORS[code].help };
}

/** Drops messages while more than `bytesMax` wait for the reader, and outlives the reader. */
export function boundedStream(stream: Writable, bytesMax: number): DestinationStream {
  stream.on('error', () => {});
  return {
    write(line) {
      if (stream.writableLength <= bytesMax) stream.write(line);
    },
  };
}

/** What was thrown, and where. */
export function causeFields(thrown: unknown): { cause: string; stack?: string } {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return stack === undefined ? { cause: messageOf(thrown) } : { cause: messageOf(thrown), stack };
}
