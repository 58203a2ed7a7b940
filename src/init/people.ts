/** The example people of trust.yaml: each has one key, and nobody has two parts in a change. */
import type { KeyPairText } from './repository.js';

/** As template/trust.yaml.tmpl names them; a test keeps both in step. */
export const EXAMPLE_PEOPLE = ['ana', 'ben', 'cleo', 'dan', 'eve'] as const;

export type ExamplePerson = (typeof EXAMPLE_PEOPLE)[number];

export function forEachPerson<T>(make: (person: ExamplePerson) => T): Record<ExamplePerson, T> {
  return {
    ana: make('ana'),
    ben: make('ben'),
    cleo: make('cleo'),
    dan: make('dan'),
    eve: make('eve'),
  };
}

/** The section `keys` of trust.yaml, without its head. */
export function keysSection(
  keys: Readonly<Record<ExamplePerson, KeyPairText>>,
  fromMs: number,
): string {
  return EXAMPLE_PEOPLE.flatMap((person) => [
    `  ${person}-1:`,
    '    public: |',
    ...keys[person].publicPem
      .trim()
      .split('\n')
      .map((line) => `      ${line}`),
    `    from: ${new Date(fromMs).toISOString()}`,
  ]).join('\n');
}
