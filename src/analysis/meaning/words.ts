/** Lists of values in words: the condition under which a decision changes. */
import type { Box } from './boxes.js';
import type { Dimension } from './dimensions.js';
import type { TriedValue } from './field-values.js';

/** Values listed one by one, where no test names them. */
const LISTED_MAX = 4;

/** What must hold, to be joined with "and"; none = always. */
export function conditionsOf(dimensions: readonly Dimension[], box: Box): string[] {
  return dimensions.flatMap((dimension, index) => {
    return conditionOn(dimension, box[index] ?? new Set()) ?? [];
  });
}

/** Undefined when every value is in the list. */
function conditionOn(dimension: Dimension, chosen: ReadonlySet<number>): string | undefined {
  const { field, values, fills } = dimension;
  if (chosen.size === values.length) return undefined;
  if (fills !== undefined) return chosen.has(0) ? `not only an unread ${field}` : `only ${field}`;
  const name = `context.${field}`;
  const present = values.flatMap(({ value }, index) => (value === undefined ? [] : [index]));
  const absent = values.findIndex(({ value }) => value === undefined);
  const picked = present.filter((index) => chosen.has(index));
  const withAbsent = absent !== -1 && chosen.has(absent);
  if (picked.length === 0) return `no ${name}`;
  if (picked.length === present.length) return withAbsent ? undefined : `any ${name}`;
  const all = present.map((index) => values[index] as TriedValue);
  const some = picked.map((index) => values[index] as TriedValue);
  const text = testFor(all, some) ?? listed(name, some);
  return withAbsent ? `(no ${name}, or ${text})` : text;
}

/** A test that holds for exactly these values, its opposite, one of two tests, or several together. */
function testFor(all: readonly TriedValue[], some: readonly TriedValue[]): string | undefined {
  const wanted = new Set(some);
  const tests = [...new Set(all.flatMap(({ truths }) => [...truths]))].sort(
    (a, b) => rank(a) - rank(b),
  );
  const literals = tests.flatMap((test) => [
    { text: test, holds: (value: TriedValue) => value.truths.has(test) },
    { text: `!(${test})`, holds: (value: TriedValue) => !value.truths.has(test) },
  ]);
  literals.sort((a, b) => Number(a.text.startsWith('!')) - Number(b.text.startsWith('!')));
  const exact = (holds: (value: TriedValue) => boolean) =>
    all.every((value) => holds(value) === wanted.has(value));
  for (const one of literals) if (exact(one.holds)) return one.text;
  for (const [index, one] of literals.entries()) {
    for (const two of literals.slice(index + 1)) {
      const positive = !one.text.startsWith('!') && !two.text.startsWith('!');
      if (positive && exact((value) => one.holds(value) || two.holds(value))) {
        return `(${one.text} || ${two.text})`;
      }
    }
  }
  // All tests that hold for every one of them: often two or three say it.
  const common = literals.filter(({ holds }) => some.every(holds));
  for (const [index, one] of common.entries()) {
    for (const two of common.slice(index + 1)) {
      if (exact((value) => one.holds(value) && two.holds(value)))
        return `${one.text} && ${two.text}`;
    }
  }
  if (!exact((value) => common.every(({ holds }) => holds(value)))) return undefined;
  return common.map(({ text }) => text).join(' && ');
}

/** `==` says more than `<`. */
function rank(test: string): number {
  return test.includes(' == ') ? 0 : 1;
}

function listed(name: string, values: readonly TriedValue[]): string {
  const texts = values.slice(0, LISTED_MAX).map(({ value }) => JSON.stringify(value));
  const more = values.length > LISTED_MAX ? ', ...' : '';
  return `${name} like one of ${texts.join(', ')}${more}`;
}
