/** Reading the state directory: what is whole, and a warning for each thing that is not. */
import { join } from 'node:path';
import { escapeName } from '../bundle/names.js';
import { systemErrorCode } from '../bundle/system-error.js';
import { STATE_FILE_BYTES_MAX, STATE_ROLLOUTS_MAX, YAML_BYTES_MAX } from '../constants.js';
import type { Problem } from '../errors.js';
import { whyNot } from './state-files.js';
import { isSetAside, type Known, rolloutOf, Told } from './state-known.js';
import { parseClock, parseRecord, type RolloutRecord } from './state-record.js';

export interface StateRead {
  /** By the name of its file, which proves nothing. */
  readonly rollouts: ReadonlyMap<string, RolloutRecord>;
  /** Milliseconds since 1970, as it was saved last; undefined when it is not known. */
  readonly clockMs: number | undefined;
  /** Warnings, codes `state_unreadable` and `state_unwritable`; what they are not about is there. */
  readonly problems: readonly Problem[];
}

export async function readState(known: Known): Promise<StateRead> {
  const told = new Told();
  // Reading goes on without: a disk that cannot be written may hold what is needed most.
  await makeFolders(known, told);
  await clean(known, known.path, told);
  await clean(known, known.shelf, told);
  const rollouts = new Map<string, RolloutRecord>();
  known.records.clear();
  const files = await clean(known, known.rollouts, told);
  for (const file of files.filter((each) => !isSetAside(each)).sort()) {
    const name = rolloutOf(file);
    const place = join(known.rollouts, escapeName(file));
    if (name === undefined) {
      told.add('state_unreadable', place, 'this is no file of a rollout, and is ignored');
      continue;
    }
    if (known.records.size === STATE_ROLLOUTS_MAX) {
      const message = `there are more than ${STATE_ROLLOUTS_MAX} rollouts, and the rest is ignored`;
      told.add('state_unreadable', known.rollouts, message);
      break;
    }
    const record = await readWhole(known, place, parseRecord, told);
    const needs = record && new Set(record.bundles);
    known.records.set(name, { record, needs, isUnread: record === undefined });
    if (record !== undefined) rollouts.set(name, record);
  }
  known.clockMs = await readWhole(known, known.clock, parseClock, told);
  // Only to know whether it has to be written: it is read for use by whoever judges by it.
  known.trustBytes = await known.files.read(known.trust, YAML_BYTES_MAX).catch(() => undefined);
  known.isRead = true;
  return { rollouts, clockMs: known.clockMs, problems: told.problems };
}

/** Whether all three are there and can be used. */
export async function makeFolders({ path, rollouts, shelf, files }: Known, told: Told) {
  let at = path;
  try {
    await files.makeRoot(path);
    for (at of [rollouts, shelf]) await files.makeFolder(at);
    return true;
  } catch (thrown) {
    told.add('state_unwritable', at, `the directory cannot be used: ${whyNot(thrown)}`);
    return false;
  }
}

/** Removes what interrupted saves left in a folder. The names of the rest; none if it has none. */
async function clean({ path, files }: Known, folder: string, told: Told): Promise<string[]> {
  try {
    if (folder !== path) await files.checkFolder(folder);
    return await files.clean(folder);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ENOENT') {
      told.add('state_unreadable', folder, `the directory cannot be read: ${whyNot(thrown)}`);
    }
    return [];
  }
}

async function readWhole<T>(
  { files }: Known,
  path: string,
  parse: (bytes: Uint8Array) => T | undefined,
  told: Told,
): Promise<T | undefined> {
  try {
    const value = parse(await files.read(path, STATE_FILE_BYTES_MAX));
    if (value === undefined) {
      const message = 'the file is damaged, or a newer cedargate wrote it: it is ignored';
      told.add('state_unreadable', path, message);
    }
    return value;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ENOENT') {
      told.add('state_unreadable', path, `the file cannot be read: ${whyNot(thrown)}`);
    }
    return undefined;
  }
}
