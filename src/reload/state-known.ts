/** What this process knows of its state directory: where things are, and what the disk has of them. */
import { join } from 'node:path';
import { NAME_PATTERN } from '../bundle/names.js';
import type { Digest } from '../bundle/types.js';
import { PROBLEMS_MAX } from '../constants.js';
import { type ErrorCode, type Problem, problem } from '../errors.js';
import type { StateFiles } from './state-files.js';
import type { RolloutRecord } from './state-record.js';

/** One rollout's file. */
export interface OnDisk {
  /** Undefined when it must be written anew. */
  readonly record: RolloutRecord | undefined;
  /** Bundles that a reader of the disk may need; undefined when nobody knows. */
  readonly needs: ReadonlySet<Digest> | undefined;
  /** Whether something is there that was not understood: it is set aside, not overwritten. */
  readonly isUnread: boolean;
}

export class Known {
  readonly shelf: string;
  readonly rollouts: string;
  readonly clock: string;
  readonly trust: string;

  readonly records = new Map<string, OnDisk>();
  /** The mark under which each bundle was stored by this process. */
  readonly marks = new Map<Digest, string>();
  clockMs: number | undefined;
  trustBytes: Uint8Array | undefined;
  /** Whether the disk was looked at. */
  isRead = false;

  constructor(
    readonly path: string,
    readonly files: StateFiles,
  ) {
    this.shelf = join(path, 'bundles');
    this.rollouts = join(path, 'rollouts');
    this.clock = join(path, 'clock.json');
    this.trust = join(path, 'trust.yaml');
  }
}

const RECORD_NAME = /^(.+)\.json$/s;
/** What is set aside is kept for people, the latest of each name. */
const SET_ASIDE = '.damaged';
const BUNDLE_NAME = /^[0-9a-f]{64}\.tar\.gz$/;

/** The name of a rollout whose file is called so. */
export function rolloutOf(file: string): string | undefined {
  const [, name = ''] = RECORD_NAME.exec(file) ?? [];
  return NAME_PATTERN.test(name) ? name : undefined;
}

export function setAsideName(file: string): string {
  return `${file}${SET_ASIDE}`;
}

export function isSetAside(file: string): boolean {
  return file.endsWith(SET_ASIDE) && rolloutOf(file.slice(0, -SET_ASIDE.length)) !== undefined;
}

export function bundleFile(digest: Digest): string {
  return `${digest.slice('sha256:'.length)}.tar.gz`;
}

export function isBundleFile(name: string): boolean {
  return BUNDLE_NAME.test(name);
}

/** Warnings of one read or save; more than PROBLEMS_MAX would drown the first. */
export class Told {
  readonly problems: Problem[] = [];

  add(code: ErrorCode, file: string, message: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(problem(code, message, { file }));
  }
}
