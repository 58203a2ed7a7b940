/**
 * Saving the state. Per rollout all or nothing: first its bundles, then its file, and bundles that no
 * file names any more go last. What fails stays as it was, is told, and does not keep the rest.
 */
import { basename, join } from 'node:path';
import { escapeName, NAME_PATTERN } from '../bundle/names.js';
import type { Digest } from '../bundle/types.js';
import {
  ARCHIVE_BYTES_MAX,
  STATE_BUNDLES_MAX,
  STATE_FILE_BYTES_MAX,
  STATE_ROLLOUTS_MAX,
} from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { BundleToKeep } from './state-bundles.js';
import { whyNot } from './state-files.js';
import {
  bundleFile,
  isBundleFile,
  type Known,
  rolloutOf,
  setAsideName,
  Told,
} from './state-known.js';
import { makeFolders, readState } from './state-read.js';
import {
  formatClock,
  formatRecord,
  type RememberedDocuments,
  type RolloutRecord,
  sameRecord,
} from './state-record.js';

export interface RolloutToSave extends RememberedDocuments {
  /** What the running document cannot run without. */
  readonly bundles: ReadonlyMap<Digest, BundleToKeep>;
}

export interface StateToSave {
  /** All there are: a rollout that is not here is forgotten. */
  readonly rollouts: ReadonlyMap<string, RolloutToSave>;
  /** The largest clock seen, milliseconds since 1970. */
  readonly clockMs: number;
  /** The trust file that judged them; without it the one that is there stays. */
  readonly trust?: Uint8Array;
}

export async function saveState(known: Known, state: StateToSave): Promise<readonly Problem[]> {
  if (!known.isRead) await readState(known);
  const told = new Told();
  if (!(await makeFolders(known, told))) return told.problems;
  const save = new Save(known, told);
  try {
    await save.lookAround();
  } catch (thrown) {
    save.tell(known.path, `the directory cannot be listed: ${whyNot(thrown)}`);
    return told.problems;
  }
  await save.run(state);
  return told.problems;
}

class Save {
  /** Names on the shelf. */
  readonly #shelf = new Set<string>();

  constructor(
    readonly known: Known,
    readonly told: Told,
  ) {}

  tell(path: string, message: string): void {
    this.told.add('state_unwritable', path, message);
  }

  /** What somebody has removed meanwhile is no longer taken for saved. */
  async lookAround(): Promise<void> {
    const { records, marks, files } = this.known;
    const beside = new Set(await files.names(this.known.path));
    if (!beside.has(basename(this.known.trust))) this.known.trustBytes = undefined;
    if (!beside.has(basename(this.known.clock))) this.known.clockMs = undefined;
    const there = new Set((await files.names(this.known.rollouts)).map(rolloutOf));
    for (const name of await files.names(this.known.shelf)) this.#shelf.add(name);
    for (const name of there) {
      const isNew = name !== undefined && !records.has(name);
      if (isNew) records.set(name, { record: undefined, needs: undefined, isUnread: true });
    }
    for (const name of records.keys()) if (!there.has(name)) records.delete(name);
    for (const digest of marks.keys()) {
      if (!this.#shelf.has(bundleFile(digest))) marks.delete(digest);
    }
  }

  async run({ rollouts, clockMs, trust }: StateToSave): Promise<void> {
    if (trust !== undefined) await this.#saveTrust(trust);
    let count = 0;
    for (const [name, rollout] of rollouts) {
      count += 1;
      if (count > STATE_ROLLOUTS_MAX) {
        const message = `there are more than ${STATE_ROLLOUTS_MAX} rollouts, and the rest is not saved`;
        this.tell(this.known.rollouts, message);
        break;
      }
      await this.#saveRollout(name, rollout);
    }
    for (const name of [...this.known.records.keys()]) {
      if (!rollouts.has(name)) await this.#forget(name);
    }
    await this.#saveClock(Math.trunc(clockMs));
    await this.#removeUnneeded();
  }

  async #saveRollout(name: string, rollout: RolloutToSave): Promise<void> {
    const path = this.#fileOf(name);
    if (!NAME_PATTERN.test(name)) return this.tell(path, 'this is no name of a rollout');
    for (const [digest, bundle] of rollout.bundles) {
      const kept = await this.#keep(digest, bundle);
      if (kept.ok) continue;
      const [{ message }] = kept.problems;
      return this.tell(path, `the bundle \`${digest}\` cannot be kept: ${message}`);
    }
    const { approved, lastRollout, running, bundles } = rollout;
    const record = { approved, lastRollout, running, bundles: [...bundles.keys()] };
    const before = this.known.records.get(name);
    if (before?.record === undefined || !sameRecord(before.record, record)) {
      await this.#writeRecord(path, name, record);
    }
  }

  async #keep(digest: Digest, bundle: BundleToKeep): Promise<Result<void>> {
    const { marks, shelf, files } = this.known;
    if (marks.get(digest) === bundle.mark) return ok(undefined);
    const name = bundleFile(digest);
    const refuse = (message: string) => failed(problem('state_unwritable', message));
    if (!isBundleFile(name)) return refuse('this is no digest');
    try {
      const bytes = await bundle.read();
      if (!bytes.ok) return bytes;
      if (bytes.value.length > ARCHIVE_BYTES_MAX) {
        return refuse(`it has more than ${ARCHIVE_BYTES_MAX} bytes`);
      }
      if (!this.#shelf.has(name) && this.#shelf.size >= STATE_BUNDLES_MAX) {
        return refuse(`there are ${this.#shelf.size} bundles already`);
      }
      const path = join(shelf, name);
      // An earlier process may have stored it, and its disk may have damaged it since.
      const before = await files.read(path, ARCHIVE_BYTES_MAX).catch(() => undefined);
      const isThere = before !== undefined && Buffer.compare(before, bytes.value) === 0;
      if (!isThere) await files.replace(path, bytes.value);
      this.#shelf.add(name);
      marks.set(digest, bundle.mark);
      return ok(undefined);
    } catch (thrown) {
      return refuse(whyNot(thrown));
    }
  }

  async #writeRecord(path: string, name: string, record: RolloutRecord): Promise<void> {
    const { records, files } = this.known;
    const bytes = Buffer.from(formatRecord(record), 'utf8');
    if (bytes.length > STATE_FILE_BYTES_MAX) {
      return this.tell(path, `its documents need more than ${STATE_FILE_BYTES_MAX} bytes`);
    }
    if (records.get(name)?.isUnread && !(await this.#forget(name))) return;
    // Until it is certain which of the two files the disk has, the bundles of both are needed.
    const before = records.get(name) ?? { needs: new Set<Digest>() };
    const needs = before.needs && new Set([...before.needs, ...record.bundles]);
    records.set(name, { record: undefined, needs, isUnread: false });
    try {
      await files.replace(path, bytes);
      records.set(name, { record, needs: new Set(record.bundles), isUnread: false });
    } catch (thrown) {
      this.tell(path, `the file cannot be written: ${whyNot(thrown)}`);
    }
  }

  /** Whether its file is gone. What nobody could read may still be of use to somebody. */
  async #forget(name: string): Promise<boolean> {
    const { files, records } = this.known;
    const path = this.#fileOf(name);
    try {
      if (records.get(name)?.isUnread) await files.move(path, setAsideName(path));
      else await files.remove(path);
      records.delete(name);
      return true;
    } catch (thrown) {
      this.tell(path, `the file cannot be removed: ${whyNot(thrown)}`);
      return false;
    }
  }

  async #saveTrust(bytes: Uint8Array): Promise<void> {
    const { trust, files, trustBytes: before } = this.known;
    if (before !== undefined && Buffer.compare(before, bytes) === 0) return;
    this.known.trustBytes = undefined;
    try {
      await files.replace(trust, bytes);
      this.known.trustBytes = bytes;
    } catch (thrown) {
      this.tell(trust, `the file cannot be written: ${whyNot(thrown)}`);
    }
  }

  async #saveClock(clockMs: number): Promise<void> {
    const { clock, files } = this.known;
    if (clockMs === this.known.clockMs) return;
    this.known.clockMs = undefined;
    try {
      await files.replace(clock, Buffer.from(formatClock(clockMs), 'utf8'));
      this.known.clockMs = clockMs;
    } catch (thrown) {
      this.tell(clock, `the file cannot be written: ${whyNot(thrown)}`);
    }
  }

  async #removeUnneeded(): Promise<void> {
    const needed = new Set<string>();
    for (const { needs } of this.known.records.values()) {
      if (needs === undefined) return;
      for (const digest of needs) needed.add(bundleFile(digest));
    }
    for (const name of this.#shelf) {
      if (!isBundleFile(name) || needed.has(name)) continue;
      const path = join(this.known.shelf, name);
      try {
        await this.known.files.remove(path);
      } catch (thrown) {
        this.tell(path, `the file cannot be removed: ${whyNot(thrown)}`);
      }
    }
  }

  #fileOf(name: string): string {
    return join(this.known.rollouts, `${escapeName(name)}.json`);
  }
}
