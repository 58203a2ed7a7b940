/** "Did you mean": the known name nearest to an unknown one. */

/** Names longer than this are not compared: nobody mistypes them, and the cost is quadratic. */
const NAME_CHARS_MAX = 64;

/** `undefined` when nothing is near. Case, `-`, `_` and `.` do not count as differences. */
export function suggest(unknown: string, known: Iterable<string>): string | undefined {
  const wanted = plain(unknown);
  if (wanted.length > NAME_CHARS_MAX) return undefined;
  // A third of the letters may be wrong; of very short names, one.
  let nearest = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  let found: string | undefined;
  for (const name of known) {
    const steps = distance(wanted, plain(name));
    if (steps < nearest) {
      nearest = steps;
      found = name;
    }
  }
  return found;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_.]/g, '');
}

/** How many letters must be added, removed, replaced, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  const at = (cells: readonly number[], j: number) => cells[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? at(before, j - 2) + 1 : replaced;
      next.push(Math.min(replaced, swapped, at(row, j) + 1, at(next, j - 1) + 1));
    }
    before = row;
    row = next;
  }
  return at(row, b.length);
}
