/**
 * A set of combinations as few boxes: in each, every dimension has one list of values, and all
 * combinations of them belong to the set. What people read as conditions.
 */
export type Box = readonly ReadonlySet<number>[];

/** `sizes`: how many values each dimension has. Combinations are listed once each. */
export function boxesOf(
  combinations: readonly (readonly number[])[],
  sizes: readonly number[],
): Box[] {
  return decompose(
    combinations,
    sizes.map((_, index) => index),
    sizes,
  );
}

function decompose(
  combinations: readonly (readonly number[])[],
  dimensions: readonly number[],
  sizes: readonly number[],
): Box[] {
  if (combinations.length === 0) return [];
  if (dimensions.length === 0) return [sizes.map(() => new Set<number>())];
  const splits = dimensions.map((dimension) => {
    return { dimension, groups: groupsOf(combinations, dimension) };
  });
  // The one that splits least: a dimension that does not matter is one group of all its values.
  const [best] = splits.sort((x, y) => x.groups.length - y.groups.length);
  if (best === undefined) return [];
  const rest = dimensions.filter((dimension) => dimension !== best.dimension);
  return best.groups.flatMap(({ values, members }) =>
    decompose(members, rest, sizes).map((box) =>
      box.map((set, index) => (index === best.dimension ? values : set)),
    ),
  );
}

/** Values of a dimension behind which the same combinations of the others lie, with one copy of them. */
function groupsOf(combinations: readonly (readonly number[])[], dimension: number) {
  const behind = new Map<number, (readonly number[])[]>();
  for (const combination of combinations) {
    const value = combination[dimension] ?? 0;
    const others = combination.map((digit, index) => (index === dimension ? 0 : digit));
    const known = behind.get(value);
    if (known === undefined) behind.set(value, [others]);
    else known.push(others);
  }
  const groups = new Map<string, { values: Set<number>; members: (readonly number[])[] }>();
  for (const [value, members] of behind) {
    const key = members
      .map((member) => member.join())
      .sort()
      .join(';');
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { values: new Set([value]), members });
    else known.values.add(value);
  }
  return [...groups.values()];
}
