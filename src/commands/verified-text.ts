/** What `verify` found, as people read it. */
import type { BuiltManifest } from '../bundle/built-manifest.js';
import type { KeyType } from '../signing/keys.js';
import { type Io, print, style, table } from './output.js';

type Facts = Pick<BuiltManifest, 'name' | 'version' | 'createdAt' | 'owner' | 'change' | 'tests'>;

/** The form of `verify --json`. */
export interface Verified {
  readonly bundle: Facts & { readonly digest: string };
  readonly trust: { readonly digest: string; readonly pinned: boolean };
  /** How many people must have signed. */
  readonly threshold: number;
  /** All of them, in the order of the bundle. */
  readonly signatures: readonly VerifiedSignature[];
}

export interface VerifiedSignature {
  readonly keyid: string;
  readonly counts: boolean;
  /** Why it does not count. */
  readonly why: string | null;
  /** Whose it is, when it verifies with a key of somebody who may sign. */
  readonly person: string | null;
  readonly key: string | null;
  readonly type: KeyType | null;
  readonly from: string | null;
  readonly until: string | null;
  readonly retired: string | null;
}

export function printVerified(io: Io, verified: Verified): void {
  const { bundle, trust, threshold, signatures } = verified;
  const counting = signatures.filter(({ counts }) => counts);
  const signed = `signed by ${counting.length}, ${threshold} needed`;
  print(
    io,
    `${bundle.name} ${bundle.version}: ${style(io.stdout, 'green', 'verified')}, ${signed}`,
  );
  const { ticket, url, summary } = bundle.change;
  const { passed, coverage } = bundle.tests;
  const pinned = trust.pinned ? '' : ' (not pinned: see --trust-digest)';
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['digest', bundle.digest],
    ['made', bundle.createdAt],
    ['owner', bundle.owner],
    ['ticket', [ticket, url].filter((part) => part !== undefined).join(' ') || undefined],
    ['change', summary],
    ['tests', passed === 0 ? 'none' : `${passed} passed, ${coverage} % of the policies reached`],
    ['trust', `${trust.digest}${pinned}`],
  ];
  const said = facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  print(io, `${table(said)}\n`);
  print(io, table([['PERSON', 'KEY', 'TYPE', 'VALID'], ...counting.map(rowOf)]));
  for (const { keyid, why, counts } of signatures) {
    if (!counts) print(io, `\nnot counted: ${keyid || 'no key id'}: ${why}`);
  }
}

function rowOf({ person, key, type, from, until, retired }: VerifiedSignature): string[] {
  const ends = [
    until === null ? '' : `until ${until}`,
    retired === null ? '' : `retired ${retired}`,
  ];
  const valid = [`from ${from}`, ...ends.filter((end) => end !== '')].join(', ');
  return [person ?? '', key ?? '', type ?? '', valid];
}
