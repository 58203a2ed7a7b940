/** What means the same, in whatever order it is written. */

/** One text for what means the same: the values of a list, and the keys of a match, have no order. */
export function setText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (Array.isArray(inner)) return [...inner].sort();
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1));
  });
}
