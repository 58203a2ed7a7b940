/** How many questions each cell gets when there are more than may be asked, and which of its own. */

/** Small cells whole, the rest of the budget in equal parts among the others. */
export function shares(sizes: readonly number[], budget: number): number[] {
  const given = sizes.map(() => 0);
  const order = sizes.map((_, index) => index).sort((x, y) => (sizes[x] ?? 0) - (sizes[y] ?? 0));
  let left = budget;
  order.forEach((index, position) => {
    const equal = Math.floor(left / (order.length - position));
    const share = Math.min(sizes[index] ?? 0, equal);
    given[index] = share;
    left -= share;
  });
  return given;
}

/**
 * `count` of the numbers below `total`, no two alike and spread over all of them: steps near the
 * golden ratio, without a common divisor, leave no part out for long.
 */
export function* spread(total: number, count: number): Generator<number> {
  const all = Math.min(count, total);
  if (all >= total) {
    for (let index = 0; index < total; index += 1) yield index;
    return;
  }
  let step = Math.max(1, Math.round(total * 0.618034));
  while (gcd(step, total) > 1) step += 1;
  let at = 0;
  for (let index = 0; index < all; index += 1) {
    yield at;
    // Both are below 2^53 and so is their sum: sizes are capped (questions.ts).
    at = (at + step) % total;
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
