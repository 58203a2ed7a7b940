/**
 * Which of the policies that apply together are remembered together. Answers of those that only test
 * texts come again soon; of those that look at values seldom, and of those that read the time never.
 * In one set these would have the engine asked about the others each time, at 8 us a policy.
 *
 * Sound because each policy is satisfied, or fails, for itself: what the engine says of all follows
 * from what it says of each part (`together` in evaluator.ts). The differential test holds this.
 */
import type { ContextUse } from './types.js';

/** Fewer cost no more in a call that is needed anyway than a call of their own does. */
const PART_POLICIES_MIN = 16;

/** How seldom an answer comes again: often, seldom, never. */
const KINDS = ['tests', 'values', 'time'] as const;
type Kind = (typeof KINDS)[number];

/** By the places of policies that use the context so: a list for each part, one when nothing is gained. */
export function rememberedParts(uses: readonly (readonly ContextUse[])[]): readonly number[][] {
  const kinds = uses.map(kindOf);
  const parts: number[][] = [];
  let rest: number[] = [];
  for (const kind of KINDS) {
    for (const [index, each] of kinds.entries()) if (each === kind) rest.push(index);
    if (rest.length < PART_POLICIES_MIN) continue;
    parts.push(rest);
    rest = [];
  }
  if (rest.length > 0 || parts.length === 0) parts.push(rest);
  return parts.map((part) => part.sort((a, b) => a - b));
}

function kindOf(uses: readonly ContextUse[]): Kind {
  if (uses.some(({ path }) => path[0] === 'time')) return 'time';
  return uses.some(({ path, value }) => value === true || path.length === 0) ? 'values' : 'tests';
}
