/**
 * The policies of a program as they are handed from the thread that loads them to the one that
 * answers: in shared memory, each by its position, with the index of their scopes. Handing ten thousand
 * of them over as objects takes the thread that answers half a second of standing still, and their
 * garbage later; packed it takes nothing, and only what is asked about is ever unpacked.
 */
import { type PackedTexts, packTexts, textAt } from './packed-texts.js';
import { indexScopes, type ScopeTable } from './scope-index.js';
import type { CedarProgram, PolicySource } from './types.js';

/** Plain data: it crosses threads without being copied. */
export interface PackedPolicies {
  /** JSON of each. */
  readonly records: PackedTexts;
  readonly scopes: ScopeTable;
}

/** A program whose policies are packed. */
export interface PackedProgram extends Omit<CedarProgram, 'policies'> {
  readonly packed: PackedPolicies;
}

export function packProgram(program: CedarProgram | PackedProgram): PackedProgram {
  if ('packed' in program) return program;
  const { policies, ...frame } = program;
  const records = packTexts(policies.map((policy) => JSON.stringify(policy)));
  const scopes = indexScopes(policies.map(({ scope }) => scope));
  return { ...frame, packed: { records, scopes } };
}

export function unpackProgram(program: CedarProgram | PackedProgram): CedarProgram {
  if (!('packed' in program)) return program;
  const { packed, ...frame } = program;
  const policies = Array.from(packed.records.ends, (_, position) => policyAt(packed, position));
  return { ...frame, policies };
}

export function policyAt({ records }: PackedPolicies, position: number): PolicySource {
  return JSON.parse(textAt(records, position)) as PolicySource;
}
