/**
 * A node:fs/promises of which one chosen call fails, or after which nothing happens any more. Syncing
 * is counted and does nothing: no test here cuts the power, and disks take their time.
 */
import * as nodeFs from 'node:fs/promises';
import type { StateFs } from '../../src/reload/state-files.js';

export interface FaultyFs {
  readonly fs: StateFs;
  /** Names of the calls so far, those of open files too. */
  readonly calls: readonly string[];
  /** Resolves when the world was stopped. */
  readonly stopped: Promise<void>;
  /** Closes what a stopped world left open, as the end of a process does. */
  release(): Promise<void>;
}

/**
 * What happens to the call with this number (from 0): it fails with this code, it and all after it do,
 * or it never returns and is the last. A write first does half of its work.
 */
export interface Fault {
  readonly at: number;
  readonly kind: 'fail' | 'fail-on' | 'stop';
  readonly code?: string;
}

export function faultyFs(fault?: Fault): FaultyFs {
  const calls: string[] = [];
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let isOver = false;
  const open = new Set<nodeFs.FileHandle>();

  const intercept = async (
    name: string,
    half: (() => Promise<unknown>) | undefined,
    call: () => Promise<unknown>,
  ) => {
    if (isOver) return new Promise(() => undefined);
    const at = calls.push(name) - 1;
    const isHit =
      fault !== undefined && (fault.kind === 'fail-on' ? at >= fault.at : at === fault.at);
    if (!isHit) return call();
    if (fault.kind === 'stop') isOver = true;
    await half?.();
    if (fault.kind === 'stop') {
      stop();
      return new Promise(() => undefined);
    }
    // A file is closed all the same, as the operating system does.
    if (name === 'file.close') await call();
    throw Object.assign(new Error(`${name} failed`), { code: fault.code ?? 'EIO', errno: -5 });
  };

  const handle = (file: nodeFs.FileHandle) =>
    new Proxy(file, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function' || typeof key !== 'string') return value;
        return (...args: unknown[]) => {
          const [bytes] = args;
          const half =
            key === 'writeFile' && bytes instanceof Uint8Array
              ? () => target.write(bytes.subarray(0, bytes.length / 2))
              : undefined;
          return intercept(`file.${key}`, half, async () => {
            if (key === 'sync') return undefined;
            if (key === 'close') open.delete(target);
            return Reflect.apply(value, target, args) as unknown;
          });
        };
      },
    });

  const fs = new Proxy(nodeFs, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function' || typeof key !== 'string') return value;
      return (...args: unknown[]) =>
        intercept(key, undefined, async () => {
          const result: unknown = await Reflect.apply(value, target, args);
          if (key !== 'open') return result;
          open.add(result as nodeFs.FileHandle);
          return handle(result as nodeFs.FileHandle);
        });
    },
  });
  const release = async () => {
    for (const file of open) await file.close();
  };
  return { fs: fs as unknown as StateFs, calls, stopped, release };
}
