/** Errors of the operating system, in words without paths (paths are the reader's own machine). */
import { getSystemErrorMap } from 'node:util';
import { messageOf } from '../errors.js';

/** `ENOENT` and the like; undefined for anything else that was thrown. */
export function systemErrorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}

/** `permission denied (EACCES)` */
export function systemErrorText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return messageOf(thrown);
  const { errno } = thrown as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  return known === undefined ? thrown.message : `${known[1]} (${known[0]})`;
}
