/**
 * The file of a Unix socket. A server binds under a temporary name beside PATH and renames it over
 * PATH, so that a take-over by a new process is atomic and the file of a killed process is no
 * obstacle.
 *
 * INVARIANT: PATH is never unlinked, not even on shutdown: between looking and unlinking it could
 * become the socket of our successor. A file that nobody listens on refuses connections.
 */
import { randomBytes } from 'node:crypto';
import { type BigIntStats, chmodSync, lstatSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UNIX_PATH_BYTES_MAX, UNIX_SOCKET_MODE } from '../constants.js';

/** Which file is meant, whatever its name. */
export interface FileId {
  readonly device: bigint;
  readonly inode: bigint;
}

/** A name in the directory of `path` to bind first: a dot and eight characters. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${randomBytes(4).toString('hex')}`);
}

/** Why a socket cannot be put at `path`, or undefined when it can. */
export function pathObstacle(path: string): string | undefined {
  const directory = dirname(path);
  const longest = Math.max(Buffer.byteLength(path), Buffer.byteLength(temporaryName(path)));
  if (longest > UNIX_PATH_BYTES_MAX) {
    return `a socket path may have ${UNIX_PATH_BYTES_MAX} bytes, and this one needs ${longest}`;
  }
  // Without this, a missing directory would be reported as a lack of permission.
  if (stats(directory) === undefined) return `no directory \`${directory}\``;
  const existing = stats(path);
  if (existing !== undefined && !existing.isSocket()) {
    return 'something that is not a socket is there';
  }
  return undefined;
}

/** Opens the bound socket at `temporary` to the group and says which file it is. */
export function prepareSocket(temporary: string): FileId {
  chmodSync(temporary, UNIX_SOCKET_MODE);
  return idOf(lstatSync(temporary, { bigint: true }));
}

/** From here on, new connections to `path` reach us. */
export function publishSocket(temporary: string, path: string): void {
  renameSync(temporary, path);
}

/** True when another server's socket is at `path`; false when ours is, or none. */
export function isReplaced(path: string, ours: FileId): boolean {
  const now = stats(path);
  if (now === undefined || !now.isSocket()) return false;
  const id = idOf(now);
  return id.device !== ours.device || id.inode !== ours.inode;
}

/** No links are followed: a link at `path` would be replaced, not what it points to. */
function stats(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

function idOf(file: BigIntStats): FileId {
  return { device: file.dev, inode: file.ino };
}
