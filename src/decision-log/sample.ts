/** Which of many like lines are written when only a share of them is wanted. Pure. */

/** Hexadecimal digits of a decision id that are looked at: its last ones are random (decision-id.ts). */
const DIGITS = 8;
const VALUES = 16 ** DIGITS;

/**
 * Whether the line of this decision is in a sample of `share`, 0 to 1.
 *
 * By the id, not by a counter: every n-th line of traffic that has a rhythm (two callers in turn)
 * would always be the same caller's. The random part of the id was paid for already, no client has
 * a say in it, and whoever has the id (Envoy's access log) can tell whether a line exists.
 */
export function inSample(decisionId: string, share: number): boolean {
  return share >= 1 || Number.parseInt(decisionId.slice(-DIGITS), 16) < share * VALUES;
}
