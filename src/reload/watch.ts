/**
 * Notices that what is watched changed. File events are hints only: after a quiet moment the
 * signature of what is there is compared, and only a difference counts. A slow poll does the same
 * for file systems without events and for what the watcher misses.
 */
import { basename } from 'node:path';
import type { FSWatcher } from 'chokidar';
import {
  RELOAD_DEBOUNCE_MAX_MS,
  RELOAD_DEBOUNCE_MS,
  RELOAD_POLL_DEGRADED_MS,
  RELOAD_POLL_MS,
} from '../constants.js';
import { messageOf } from '../errors.js';
import { createDebounce } from './debounce.js';
import { watchDirectories } from './directory-watcher.js';
import { oneAtATime } from './one-at-a-time.js';
import type { WatchTargets } from './watch-targets.js';

export interface Watch {
  /** Resolves when the present state is known: what changes from then on is noticed. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What is watched. Neither rejects for what is on disk. */
export interface Watched {
  /** Equal as long as nothing changed. */
  signature(): Promise<string>;
  /** Where events are to be listened for. */
  targets(): Promise<WatchTargets>;
}

export interface WatchOptions {
  readonly watched: Watched;
  /** It is not what it was when this was last called, or at the start. */
  readonly onChange: (reason: 'watch' | 'poll') => void;
  /** Each poll, after `onChange` if there was a change. */
  readonly onPoll?: () => void;
  /** The watcher does not work; polling goes on, faster. Once for each kind of trouble. */
  readonly onTrouble?: (message: string) => void;
  /** Milliseconds between polls; default RELOAD_POLL_MS. */
  readonly pollMs?: number;
  /** Replaces chokidar in tests. */
  readonly openWatcher?: typeof watchDirectories;
}

type LookReason = 'hint' | 'poll';

export function startWatch(options: WatchOptions): Watch {
  const { watched, onChange, onPoll, onTrouble, pollMs = RELOAD_POLL_MS } = options;
  let signature: string | undefined;
  let closed = false;
  let pollTimer: NodeJS.Timeout | undefined;

  const debounce = createDebounce(() => void look('hint'), {
    quietMs: RELOAD_DEBOUNCE_MS,
    maxMs: RELOAD_DEBOUNCE_MAX_MS,
  });
  const eyes = createEyes({ ...options, onHint: debounce.hint });

  const look = oneAtATime(async (reason: LookReason) => {
    if (closed) return;
    try {
      await eyes.aim(await watched.targets());
      const before = signature;
      signature = await watched.signature();
      if (closed) return;
      const changed = before !== undefined && before !== signature;
      if (changed) onChange(reason === 'poll' ? 'poll' : 'watch');
      if (reason === 'poll') onPoll?.();
    } catch (thrown) {
      onTrouble?.(`looking at the policies failed: ${messageOf(thrown)}`);
    }
  });

  const poll = async () => {
    await look('poll');
    schedulePoll();
  };
  const schedulePoll = () => {
    if (closed) return;
    const delayMs = eyes.working() ? pollMs : Math.min(pollMs, RELOAD_POLL_DEGRADED_MS);
    pollTimer = setTimeout(() => void poll(), delayMs).unref();
  };

  return {
    async start() {
      await look('hint');
      schedulePoll();
    },
    async close() {
      closed = true;
      clearTimeout(pollTimer);
      debounce.cancel();
      await eyes.close();
    },
  };
}

interface Eyes {
  /** Watches these from now on; nothing happens when they are watched already. */
  aim(targets: WatchTargets): Promise<void>;
  working(): boolean;
  close(): Promise<void>;
}

/** The chokidar part: a new watcher whenever other directories, or other inodes, are to be watched. */
function createEyes(options: WatchOptions & { readonly onHint: () => void }): Eyes {
  const { onHint, onTrouble, openWatcher = watchDirectories } = options;
  let watcher: FSWatcher | undefined;
  let identity: string | undefined;
  let trouble: string | undefined;
  let closed = false;

  const report = (thrown: unknown) => {
    // Tried again at the next look.
    identity = undefined;
    const message = `watching the policies failed: ${messageOf(thrown)}`;
    if (trouble === message) return;
    trouble = message;
    onTrouble?.(message);
  };

  return {
    async aim(targets) {
      if (targets.identity === identity) return;
      // chokidar shares handles by path: a handle of a deleted inode must be gone before.
      await watcher?.close();
      if (closed) return;
      identity = targets.identity;
      try {
        watcher = openWatcher(new Set(targets.directories.keys()));
        watcher.on('raw', (_event, name, details) => {
          if (isHint(name, details, targets)) onHint();
        });
        watcher.on('all', onHint).on('error', report);
        watcher.once('ready', () => {
          // After an error the next poll tries again; a hint here would make a tight loop.
          if (identity !== targets.identity) return;
          trouble = undefined;
          // What changed before the handles were in place is found by one more look.
          onHint();
        });
      } catch (thrown) {
        report(thrown);
      }
    },
    working: () => trouble === undefined,
    async close() {
      closed = true;
      await watcher?.close();
    },
  };
}

/** In a parent only the way to the directory matters: it may be a busy place such as `/tmp`. */
function isHint(name: unknown, details: unknown, { directories }: WatchTargets): boolean {
  const watched = (details as { watchedPath?: string } | undefined)?.watchedPath;
  const names = watched === undefined ? undefined : directories.get(watched);
  if (watched === undefined || names === undefined || typeof name !== 'string') return true;
  return names.has(name) || name === basename(watched);
}
