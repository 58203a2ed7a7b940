import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { Count, Distribution, registerScraped } from '../../../src/telemetry/counts.js';

const BOUNDS = [0.00005, 0.001, 0.2];
const ENTRY = {
  name: 'cedargate_x_total',
  type: 'counter',
  help: 'A "help".',
  labels: {},
} as const;

async function body(register: (registry: Registry) => void): Promise<string[]> {
  const registry = new Registry();
  register(registry);
  return (await registry.metrics()).split('\n').sort();
}

/** What prom-client, whose registry writes the text, would have counted itself. */
describe('counts of our own are written like those of prom-client', () => {
  test('by labels, whatever their values', async () => {
    const label = fc.constantFrom('allow', 'a "b"\n\\', '', '__proto__', '_other');
    const added = fc.array(fc.tuple(label, label), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(added, async (pairs) => {
        const counts = new Count();
        for (const [a, b] of pairs) counts.of(a).of(b).value += 1;
        const own = await body((registry) =>
          registerScraped(registry, { entry: ENTRY, samples: () => counts.samples(['a', 'b']) }),
        );
        const theirs = await body((registry) => {
          const { name, help } = ENTRY;
          const counter = new Counter({
            name,
            help,
            labelNames: ['a', 'b'],
            registers: [registry],
          });
          for (const [a, b] of pairs) counter.inc({ a, b });
        });
        expect(own).toEqual(theirs);
      }),
    );
  });

  test('by bounds: a value that equals one is below it', async () => {
    const value = fc.oneof(
      fc.constantFrom(0, ...BOUNDS),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    const name = 'cedargate_x_seconds';
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 20 }), async (values) => {
        const distribution = new Distribution(BOUNDS);
        for (const value of values) distribution.add(value);
        const entry = { ...ENTRY, name, type: 'histogram' } as const;
        const own = await body((registry) =>
          registerScraped(registry, { entry, samples: () => distribution.samples(name) }),
        );
        const theirs = await body((registry) => {
          const { help } = ENTRY;
          const histogram = new Histogram({ name, help, buckets: BOUNDS, registers: [registry] });
          for (const value of values) histogram.observe(value);
        });
        expect(own).toEqual(theirs);
      }),
    );
  });
});

describe('a count', () => {
  test('has one place for all values of a label beyond its bound, and keeps those it had', () => {
    const counts = new Count(2);
    for (const label of ['a', 'b', 'c', 'd', 'a']) counts.of(label).of('x').value += 1;
    expect(counts.samples(['one', 'two'])).toEqual([
      { labels: { one: 'a', two: 'x' }, value: 2 },
      { labels: { one: 'b', two: 'x' }, value: 1 },
      { labels: { one: '_other', two: 'x' }, value: 2 },
    ]);
  });

  test('without labels is told from the start', () => {
    expect(new Count().samples([])).toEqual([{ labels: {}, value: 0 }]);
  });
});
