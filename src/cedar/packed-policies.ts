/**
 * The policies of a program as they are handed from the thread that loads them to the one that
 * answers: in shared memory, each by its position, with the index of their scopes. Handing ten thousand
 * of them over as objects takes the thread that answers half a second of standing still, and their
 * garbage later; packed it takes nothing, and only what is asked about is ever unpacked.
 */
import { createHash } from 'node:crypto';
import { bytesAt, type PackedTexts, packTexts, textAt } from './packed-texts.js';
import { indexScopes, type ScopeTable } from './scope-index.js';
import type { CedarProgram, PolicySource } from './types.js';

/** Plain data: it crosses threads without being copied. */
export interface PackedPolicies {
  /** What is evaluated. */
  readonly texts: PackedTexts;
  /** JSON of what an answer follows from beside that. */
  readonly facts: PackedTexts;
  /** JSON of what people are told: where it stands, whose it is. */
  readonly places: PackedTexts;
  readonly scopes: ScopeTable;
}

/** A program whose policies are packed. */
export interface PackedProgram extends Omit<CedarProgram, 'policies'> {
  readonly packed: PackedPolicies;
}

/** The same wherever the policy stands, so that it need not be found out again after a change. */
export type PolicyFacts = Pick<PolicySource, 'id' | 'effect' | 'scope' | 'reads'>;

export function packProgram(program: CedarProgram | PackedProgram): PackedProgram {
  if ('packed' in program) return program;
  const { policies, ...frame } = program;
  const texts: string[] = [];
  const facts: string[] = [];
  const places: string[] = [];
  for (const { id, effect, scope, reads, text, ...place } of policies) {
    texts.push(text);
    facts.push(JSON.stringify({ id, effect, scope, reads } satisfies PolicyFacts));
    places.push(JSON.stringify(place));
  }
  const scopes = indexScopes(policies.map(({ scope }) => scope));
  const packed = { texts: packTexts(texts), facts: packTexts(facts), places: packTexts(places) };
  return { ...frame, packed: { ...packed, scopes } };
}

export function unpackProgram(program: CedarProgram | PackedProgram): CedarProgram {
  if (!('packed' in program)) return program;
  const { packed, ...frame } = program;
  const policies = Array.from(packed.texts.ends, (_, position) => policyAt(packed, position));
  return { ...frame, policies };
}

export function policyAt(packed: PackedPolicies, position: number): PolicySource {
  const place = JSON.parse(textAt(packed.places, position));
  return { ...place, ...factsAt(packed, position), text: textAt(packed.texts, position) };
}

export function factsAt({ facts }: PackedPolicies, position: number): PolicyFacts {
  return JSON.parse(textAt(facts, position)) as PolicyFacts;
}

/**
 * Equal for policies that say the same in the same order, of this program and of others. Of the bytes as
 * they lie there: unpacking the 50 policies of a caller takes ten times as long.
 */
export function digestAt({ texts, facts }: PackedPolicies, positions: readonly number[]): string {
  const parts = positions.flatMap((position) => [
    bytesAt(texts, position),
    bytesAt(facts, position),
  ]);
  const lengths = Uint32Array.from([parts.length, ...parts.map(({ length }) => length)]);
  // In one piece: a call for each takes longer than copying all of them.
  const all = Buffer.concat([new Uint8Array(lengths.buffer), ...parts]);
  return createHash('sha256').update(all).digest('base64');
}
