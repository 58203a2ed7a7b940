/** Where things are in a policy repository. */
import { join } from 'node:path';

export interface RolloutId {
  readonly environment: string;
  readonly name: string;
}

export const TRUST_FILE = 'trust.yaml';
export const BUNDLES_FOLDER = 'bundles';
const ROLLOUTS_FOLDER = 'rollouts';
const HISTORY_FOLDER = 'history';
/** File names sort like numbers up to here; beyond it they still work. */
const SEQUENCE_DIGITS = 4;
const DOCUMENT_FILE = /^(\d{4,16})\.json$/;

/** Relative to the repository, with `/`: it is shown to people. */
export function rolloutFile({ environment, name }: RolloutId): string {
  return join(ROLLOUTS_FOLDER, environment, `${name}.yaml`);
}

export function historyFolder({ environment, name }: RolloutId): string {
  return join(HISTORY_FOLDER, environment, name);
}

export function documentFile(id: RolloutId, sequence: number): string {
  return join(historyFolder(id), `${String(sequence).padStart(SEQUENCE_DIGITS, '0')}.json`);
}

/** The sequence that a file of the history claims by its name; undefined for other files. */
export function sequenceOfFile(name: string): number | undefined {
  const [, digits] = DOCUMENT_FILE.exec(name) ?? [];
  const sequence = Number(digits);
  const isOwnName = digits === String(sequence).padStart(SEQUENCE_DIGITS, '0');
  return isOwnName && sequence >= 1 && Number.isSafeInteger(sequence) ? sequence : undefined;
}

/** Of all rollouts. */
export function historiesFolder(): string {
  return HISTORY_FOLDER;
}

/** Beside the document with this number: what its `evidence` is the digest of. */
export function evidenceFile(id: RolloutId, sequence: number): string {
  return evidenceBeside(documentFile(id, sequence));
}

/** `0042.json` -> `0042.evidence.json`, in the same folder. */
export function evidenceBeside(document: string): string {
  return document.replace(/(\.json)?$/, '.evidence.json');
}
