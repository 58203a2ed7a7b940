/**
 * What a sidecar remembers when its container restarts (`--state DIR`): of each rollout the documents
 * that were verified and the bundles that run, the trust file that judged them, and the largest clock seen.
 *
 *     DIR/rollouts/<name>.json        documents of one rollout, and the digests of the bundles they need
 *     DIR/bundles/<64 hex>.tar.gz     those bundles: a shelf
 *     DIR/trust.yaml                  counts only as far as its digest is pinned
 *     DIR/clock.json
 *
 * A record that cannot be read is kept beside its successor, as <name>.json.damaged.
 *
 * Nothing in it is believed: documents and bundles are bytes to be verified again, names included, so
 * that a damaged or forged state can at worst be ignored. For one process at a time.
 *
 * INVARIANT: at every instruction each rollout is there whole, as it was or as it became, and so is
 * every bundle that its file names. Bundles come before the file that names them and go after it.
 */
import { STATE_CLOSE_MS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { settledWithin } from '../settled-within.js';
import { oneAtATime } from './one-at-a-time.js';
import { StateFiles, type StateFs } from './state-files.js';
import { Known } from './state-known.js';
import { readState, type StateRead } from './state-read.js';
import { type StateToSave, saveState } from './state-save.js';

/** Nothing of it throws or rejects: what the disk does is told as warnings. */
export interface StateDirectory {
  /** The remembered bundles, for `readShelf`. */
  readonly shelf: string;
  /** The remembered trust file. */
  readonly trust: string;
  /** Makes the directory if need be, removes what an interrupted save left, and reads the rest. */
  read(): Promise<StateRead>;
  /**
   * Resolves when the disk has it. One save runs at a time; of those that wait, the latest counts, for
   * all of them. What could not be saved stays as it was, and the next save tries it again.
   * Problem code: `state_unwritable`.
   */
  save(state: StateToSave): Promise<readonly Problem[]>;
  /** Resolves when everything asked for before is done; later saves change nothing. */
  close(): Promise<void>;
}

/** `fs` is for tests. */
export function openStateDirectory(path: string, fs?: StateFs): StateDirectory {
  return new Directory(new Known(path, new StateFiles(fs)));
}

class Directory implements StateDirectory {
  readonly shelf: string;
  readonly trust: string;
  #wanted: StateToSave = { rollouts: new Map(), clockMs: 0 };
  #isClosed = false;
  /** Ends when nothing reads or writes. */
  #busy: Promise<unknown> = Promise.resolve();
  /** Ends when every save that was asked for is done, those too that have not begun. */
  #asked: Promise<unknown> = Promise.resolve();
  readonly #saveLatest = oneAtATime(() => {
    return this.#inTurn(() => saveState(this.known, this.#wanted));
  });

  constructor(readonly known: Known) {
    this.shelf = known.shelf;
    this.trust = known.trust;
  }

  read(): Promise<StateRead> {
    return this.#inTurn(() => readState(this.known));
  }

  async save(state: StateToSave): Promise<readonly Problem[]> {
    if (this.#isClosed) {
      const message = 'the state is not saved: it was closed';
      return [problem('state_unwritable', message, { file: this.known.path })];
    }
    this.#wanted = state;
    const saving = this.#saveLatest(undefined);
    this.#asked = Promise.all([this.#asked, saving]);
    return saving;
  }

  /** A disk that hangs must not keep the last lines of the decision log. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await settledWithin(STATE_CLOSE_MS_MAX, [this.#busy, this.#asked]);
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#busy.then(task);
    this.#busy = mine.catch(() => undefined);
    return mine;
  }
}
