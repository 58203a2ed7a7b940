/** What tests of the decision log need around it: mask settings, a program log that remembers. */
import type { MaskSettings } from '../../src/decision-log/mask.js';
import type { Sink, SinkDone } from '../../src/decision-log/sink.js';
import type { LogFields, ProgramLog } from '../../src/telemetry/log.js';

const CLAIM_NAMES = { taskId: 'task_id', taskKind: 'task_kind', taskIntent: 'task_intent' };

/** Allow-lists; nothing is allowed unless it is named. */
export function maskSettings(
  lists: { headers?: string[]; claims?: string[]; query?: string[] } = {},
): MaskSettings {
  return {
    headers: new Set(lists.headers),
    claims: new Set(lists.claims),
    query: new Set(lists.query),
    claimNames: CLAIM_NAMES,
  };
}

export interface Said {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

export function rememberingLog(): ProgramLog & { readonly said: readonly Said[] } {
  const said: Said[] = [];
  const at =
    (level: Said['level']) =>
    (message: string, fields: LogFields = {}) => {
      said.push({ level, message, fields });
    };
  return { said, info: at('info'), warn: at('warn'), error: at('error') };
}

/** A sink in memory that writes only when it is told to. */
export interface HeldSink {
  readonly sink: Sink;
  /** Everything written so far. */
  text(): string;
  /** Whether a write is waiting for an answer. */
  pending(): boolean;
  /** Lets the waiting write take `count` bytes (default all) and then fail, when an error is given. */
  release(count?: number, error?: Error): void;
  /** From now on every write is taken at once, the waiting one too. */
  open(): void;
}

export function heldSink(): HeldSink {
  const parts: Buffer[] = [];
  let waiting: { readonly bytes: Uint8Array; readonly done: SinkDone } | undefined;
  let held = true;
  const release = (count = Number.POSITIVE_INFINITY, error?: Error) => {
    if (waiting === undefined) throw new Error('no write is under way');
    const { bytes, done } = waiting;
    waiting = undefined;
    const taken = Math.min(count, bytes.length);
    parts.push(Buffer.from(bytes.subarray(0, taken)));
    done(error, taken);
  };
  return {
    sink: (bytes, done) => {
      if (waiting !== undefined) throw new Error('two writes at once');
      waiting = { bytes, done };
      if (!held) release();
    },
    text: () => Buffer.concat(parts).toString(),
    pending: () => waiting !== undefined,
    release,
    open: () => {
      held = false;
      if (waiting !== undefined) release();
    },
  };
}
