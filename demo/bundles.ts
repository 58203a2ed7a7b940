/** The folder of the second act: sources, keys, trust.yaml, the built bundle and the shelf. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { trustOf } from '../test/support/trust.js';
import { readSource, withCheckout, withGroup, writeSource } from './sources.js';
import type { Policies } from './versions.js';

/** The two people, and the key of each. */
export const PEOPLE = { ada: 'ada-laptop', bob: 'bob-laptop' } as const;
export const THRESHOLD = 2;
export const BUNDLE = 'payments.tar.gz';
/** The same, made a second time from a copy of the source. */
export const AGAIN = 'again.tar.gz';
/** Copies of it that must be refused. */
export const ONE_SIGNATURE = 'one-signature.tar.gz';
export const TAMPERED = 'tampered.tar.gz';
export const TAMPERED_FILE = 'batch.cedar';
export const TRUST = 'trust.yaml';
/** Folders: the source, a copy of it, the next version, and what the sidecars read. */
export const SOURCE = 'policies';
export const COPY = 'copy-of-policies';
export const NEXT = 'next-policies';
const SHELF = 'shelf';

/** In the source, and what stands there in the tampered copy: one byte, and another meaning. */
const HONEST = 'credentialSeconds <= 900';
const FORGED = 'credentialSeconds >= 900';

export class Bundles {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  at(name: string): string {
    return join(this.dir, name);
  }

  /** Two folders with the same source, and one with the version after it. */
  writeSources(shipped: string): void {
    const source: Policies = withGroup(readSource(shipped));
    writeSource(this.at(SOURCE), source);
    writeSource(this.at(COPY), source);
    writeSource(this.at(NEXT), withCheckout(source));
  }

  /** trust.yaml for the public keys that lie in the folder; gives its digest. */
  writeTrust(): string {
    const people = Object.entries(PEOPLE).map(([person, id]) => [
      person,
      { id, publicPem: readFileSync(this.at(`${id}.pub`), 'utf8') },
    ]);
    const text = trustOf(Object.fromEntries(people), THRESHOLD);
    writeFileSync(this.at(TRUST), text);
    return `sha256:${createHash('sha256').update(text).digest('hex')}`;
  }

  isSame(one: string, other: string): boolean {
    return readFileSync(this.at(one)).equals(readFileSync(this.at(other)));
  }

  copy(from: string, to: string): void {
    copyFileSync(this.at(from), this.at(to));
  }

  tamper(): void {
    writeFileSync(this.at(TAMPERED), tampered(readFileSync(this.at(BUNDLE))));
  }

  /** Puts a file on the shelf in the place of the bundle, in one step. */
  shelve(file: string): void {
    mkdirSync(this.at(SHELF), { recursive: true });
    const place = join(this.at(SHELF), BUNDLE);
    copyFileSync(this.at(file), `${place}.new`);
    renameSync(`${place}.new`, place);
  }

  /** Flags of `serve`: the same for every sidecar, whatever its environment. */
  serveFlags(digest: string, trustDigest: string): string[] {
    const trust = ['--trust', this.at(TRUST), '--trust-digest', trustDigest];
    return ['--bundles', this.at(SHELF), '--digest', digest, ...trust];
  }
}

/** A copy of an archive in which one byte of a policy is another. */
export function tampered(archive: Uint8Array): Buffer {
  const tar = gunzipSync(archive);
  const at = tar.indexOf(HONEST);
  if (at < 0) throw new Error(`no \`${HONEST}\` in the archive`);
  tar.write(FORGED, at);
  return gzipSync(tar);
}
