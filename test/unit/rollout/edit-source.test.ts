import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  newRolloutSource,
  putBlock,
  putException,
  putSlice,
  removeAllSlices,
  removeBlock,
  removeException,
  removeSlice,
  setBundle,
  setCandidate,
  setChange,
} from '../../../src/rollout/edit-source.js';
import { parseRolloutSource } from '../../../src/rollout/source.js';
import type { Block, Exception, RolloutSource, Slice } from '../../../src/rollout/types.js';
import { resultValue } from '../../support/result.js';
import { SOURCE } from '../../support/rollout-source.js';

const parse = (text: string) => resultValue(parseRolloutSource(text, 'a.yaml'));
const V5 = { name: 'payments', version: '2026.11.5' };

const BLOCK: Block = {
  name: 'abuse',
  ticket: 'INC-7',
  owner: 'sre',
  reason: 'floods refunds, again',
  match: { callers: ['spiffe://example.org/ns/shop/sa/bad'] },
  fromMs: Date.UTC(2026, 10, 25, 18),
  untilMs: Date.UTC(2026, 10, 25, 22),
};
const EXCEPTION: Exception = { ...BLOCK, name: 'grant', overrideForbid: false };

/** The lines of `now` that `before` has not, and the other way. */
function changed(before: string, now: string): { gone: string[]; come: string[] } {
  const [a, b] = [before.split('\n'), now.split('\n')];
  return { gone: a.filter((l) => !b.includes(l)), come: b.filter((l) => !a.includes(l)) };
}

describe('an edit changes the lines that it is about, and no other byte', () => {
  it.each<[string, (text: string) => string, string[], string[]]>([
    [
      'of the bundle',
      (text) => setBundle(text, V5),
      ['bundle: payments@2026.11.3'],
      ['bundle: payments@2026.11.5'],
    ],
    [
      'of the candidate',
      (text) => setCandidate(text, V5),
      ['candidate: payments@2026.11.4'],
      ['candidate: payments@2026.11.5'],
    ],
    [
      'that takes the candidate away',
      (text) => setCandidate(text, undefined),
      ['candidate: payments@2026.11.4'],
      [],
    ],
    [
      'of the change',
      (text) => setChange(text, { ticket: 'CHG-2', reason: 'a, b', reviewByMs: Date.UTC(2028, 0) }),
      [
        'change: {type: normal, ticket: CHG-1041, owner: team-payments, reason: enforce reads, reviewBy: 2027-02-22}',
      ],
      [
        'change: {type: normal, ticket: CHG-2, owner: team-payments, reason: "a, b", reviewBy: 2028-01-01}',
      ],
    ],
    [
      'that adds a slice',
      (text) => putSlice(text, 'enforce', { name: 'all', match: {} }),
      [],
      ['  - {name: all, match: {}}'],
    ],
    [
      'of a slice with a comment behind it',
      (text) => putSlice(text, 'hold', { name: 'partners', match: { namespaces: ['p'] } }),
      [
        '  - {name: partners, match: {callers: ["spiffe://partner.example/**"]}}   # until CHG-1100',
      ],
      ['  - {name: partners, match: {namespaces: [p]}}   # until CHG-1100'],
    ],
    [
      'that removes the last slice',
      (text) => removeSlice(text, 'enforce', 'reads'),
      [
        'enforce:                                 # order-free; nothing here: all shadow',
        '  - {name: reads, match: {access: read, percent: 25}}',
      ],
      ['enforce: []                                 # order-free; nothing here: all shadow'],
    ],
    [
      'that adds a first block',
      (text) => putBlock(text, BLOCK),
      ['blocks: []'],
      [
        'blocks:',
        '  - name: abuse',
        '    ticket: INC-7',
        '    owner: sre',
        '    reason: "floods refunds, again"',
        '    match: {callers: [spiffe://example.org/ns/shop/sa/bad]}',
        '    from: 2026-11-25T18:00:00Z',
        '    until: 2026-11-25T22:00:00Z',
      ],
    ],
    [
      'of an exception, in lines as it was',
      (text) =>
        putException(text, {
          ...EXCEPTION,
          name: 'orders-refunds',
          ticket: 'INC-99',
          owner: 'team-orders',
          reason: 'missing grant seen in shadow',
          overrideForbid: true,
        }),
      [
        '    match: {callers: ["spiffe://example.org/ns/shop/sa/orders"], access: write, routes: [refund]}',
        '    from: 2026-11-20T00:00:00Z',
        '    until: 2026-12-01T00:00:00.500Z',
      ],
      [
        '    match: {callers: [spiffe://example.org/ns/shop/sa/bad]}',
        '    from: 2026-11-25T18:00:00Z',
        '    until: 2026-11-25T22:00:00Z',
        '    overrideForbid: true',
      ],
    ],
  ])('%s', (_name, edit, gone, come) => {
    expect(changed(SOURCE, edit(SOURCE))).toEqual({ gone, come });
  });

  it('and nothing when there is nothing to remove', () => {
    for (const edit of [
      (text: string) => removeSlice(text, 'hold', 'reads'),
      (text: string) => removeException(text, 'reads'),
      (text: string) => removeBlock(text, 'reads'),
      (text: string) => setCandidate(text.replace(/^candidate.*\n/m, ''), undefined),
    ]) {
      expect(['', 'candidate: payments@2026.11.4']).toContain(
        changed(SOURCE, edit(SOURCE)).gone.join(),
      );
    }
  });

  it('and leaves no trace when it is taken back', () => {
    const added = putException(SOURCE, EXCEPTION);
    expect(added).not.toBe(SOURCE);
    expect(removeException(added, 'grant')).toBe(SOURCE);
    expect(removeBlock(putBlock(SOURCE, BLOCK), 'abuse')).toBe(SOURCE);
    const slice = { name: 'a', match: { percent: 5 } };
    expect(removeSlice(putSlice(SOURCE, 'enforce', slice), 'enforce', 'a')).toBe(SOURCE);
  });

  it('and quotes as the text was quoted', () => {
    const quoted = SOURCE.replace('payments@2026.11.3', "'payments@2026.11.3'");
    expect(setBundle(quoted, V5)).toContain("\nbundle: 'payments@2026.11.5'\n");
  });

  it('and may pass through what is no rollout: the candidate becomes the bundle', () => {
    const text = setBundle(SOURCE, { name: 'payments', version: '2026.11.4' });
    expect(parseRolloutSource(text, 'a.yaml').ok).toBe(false);
    expect(parse(setCandidate(text, undefined))).toMatchObject({
      bundle: { version: '2026.11.4' },
      candidate: undefined,
    });
  });

  it('and puts a list that was not there where it belongs', () => {
    const text = SOURCE.replace(/^enforce:[\s\S]*?(?=^hold:)/m, '');
    const slice = { name: 'a', match: {} };
    expect(putSlice(text, 'enforce', slice)).toContain(
      'candidate: payments@2026.11.4\nenforce:\n  - {name: a, match: {}}\nhold:',
    );
  });

  it('throws on what is no YAML map: that is a bug of the caller', () => {
    for (const text of ['', '- a', 'a: [']) expect(() => setBundle(text, V5)).toThrow();
    expect(() => setBundle('name: a\n', V5)).toThrow();
  });
});

describe('a first source', () => {
  const made = newRolloutSource({
    name: 'payments',
    environment: 'dev',
    destinations: ['shop/payments', 'shop/refunds'],
    change: { ...parse(SOURCE).change, reason: 'first: shadow, [all]' },
    bundle: V5,
  });

  it('is about ten lines that people can read', () => {
    expect(made).toBe(
      [
        '# The approved state of payments in dev. What is in no list below is in shadow.',
        'apiVersion: cedargate.dev/v1',
        'kind: PolicyRollout',
        'name: payments',
        'environment: dev',
        'destinations: [{service: shop/payments}, {service: shop/refunds}]',
        'change: {type: normal, ticket: CHG-1041, owner: team-payments, reason: "first: shadow, [all]", reviewBy: 2027-02-22}',
        'bundle: payments@2026.11.5',
        'enforce: []',
        'hold: [] # stands above enforce',
        'exceptions: []',
        'blocks: []',
        '',
      ].join('\n'),
    );
  });

  it('is read as what it was made from', () => {
    expect(parse(made)).toMatchObject({
      name: 'payments',
      environment: 'dev',
      destinations: [{ service: 'shop/payments' }, { service: 'shop/refunds' }],
      change: { reason: 'first: shadow, [all]' },
      bundle: V5,
      enforce: [],
    });
  });

  it('keeps names that YAML takes for something else', () => {
    const odd = newRolloutSource({
      name: '1e3',
      environment: 'null',
      destinations: ['0/1'],
      change: { ...parse(SOURCE).change, ticket: '1041', owner: 'true', reason: '- x: #y' },
      bundle: { name: '010', version: '1.10' },
    });
    expect(parse(odd)).toMatchObject({
      name: '1e3',
      environment: 'null',
      destinations: [{ service: '0/1' }],
      change: { ticket: '1041', owner: 'true', reason: '- x: #y' },
      bundle: { name: '010', version: '1.10' },
    });
  });
});

/** The same rollout as people may write it; `#` comments must survive every edit. */
const FORMS: readonly [name: string, text: string][] = [
  ['as in the docs', SOURCE],
  ['with CR LF', SOURCE.replaceAll('\n', '\r\n')],
  ['without a last newline', SOURCE.trimEnd()],
  ['with lists that are not indented', SOURCE.replaceAll(/^ {2}(?=[-# ])/gm, '')],
  ['indented', SOURCE.replaceAll(/^(?=.)/gm, '   ')],
  ['between document markers', `--- # begin\n${SOURCE}...\n# end\n`],
  [
    'as JSON',
    `${JSON.stringify(
      {
        ...{ apiVersion: 'cedargate.dev/v1', kind: 'PolicyRollout', name: 'p', environment: 'dev' },
        destinations: [{ service: 'shop/payments' }],
        change: { type: 'normal', ticket: 'a', owner: 'b', reason: 'c', reviewBy: '2027-01-01' },
        bundle: 'payments@2026.11.3',
        hold: [
          { name: 'a', match: {} },
          { name: 'b', match: {} },
        ],
      },
      undefined,
      2,
    )}\n`,
  ],
  [
    'with empty and commented-out lists',
    `${SOURCE.slice(0, SOURCE.indexOf('enforce:'))}enforce:   # none\n  # - {name: a, match: {}}\nhold: [ ]   # none\nexceptions:\n  []\n# end\n`,
  ],
  [
    'with lists in brackets over lines',
    `${SOURCE.slice(0, SOURCE.indexOf('enforce:'))}enforce: [   # some\n  {name: a, match: {}},   # first\n  {name: b, match: {}},   # second\n]\nhold: [{name: c, match: {}}]\n`,
  ],
  [
    'in block form',
    `${SOURCE.slice(0, SOURCE.indexOf('destinations:'))}destinations:\n  - service: shop/payments\nchange:\n  type: normal\n  ticket: "a"\n  owner: 'b'\n  reason: >-\n    a reason of\n    two lines\n  reviewBy: 2027-02-22   # a day\nbundle:\n  payments@2026.11.3\nenforce:\n  # - about a\n  -\n    name: a   # a\n    match:\n      access: read\n\n  - match: {}\n    name: b   # b\n  # behind\n`,
  ],
];

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,10}$/);
const line = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
    fc.constantFrom(
      '- a',
      '#',
      'a: b',
      '1',
      "'",
      '"',
      'yes, no',
      '}',
      '%',
      '@a',
      '!x',
      '&a',
      '*a',
      '|',
      '>',
    ),
  )
  .filter((text) => text.trim() !== '' && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text));
const match = fc.oneof(
  fc.constant({ access: 'read' as const }),
  line.filter((text) => !text.includes('*')).map((tenant) => ({ tenants: [tenant] })),
  fc.constant({ callers: ['spiffe://example.org/ns/*/sa/a-*', 'anonymous'], actions: ['GET'] }),
);
const slice: fc.Arbitrary<Slice> = fc.record({ name, match: fc.oneof(match, fc.constant({})) });
const block: fc.Arbitrary<Block> = fc
  .record({
    name,
    ticket: line,
    owner: line,
    reason: line,
    match,
    fromMs: fc.nat(2e12),
    ms: fc.integer({ min: 1, max: 1e9 }),
  })
  .map(({ ms, ...rest }) => ({ ...rest, untilMs: rest.fromMs + ms }));
const exception: fc.Arbitrary<Exception> = fc
  .tuple(block, fc.boolean())
  .map(([entry, overrideForbid]) => ({ ...entry, overrideForbid }));
const list = fc.constantFrom('enforce' as const, 'hold' as const);

/** What an edit does to the text, and what it must do to the meaning. */
interface Edit {
  readonly text: (text: string) => string;
  readonly meaning: (source: RolloutSource) => RolloutSource;
  /** Takes something away, and what is written about it on its line may go with it. */
  readonly removes?: boolean;
}

const putIn = <T extends { readonly name: string }>(items: readonly T[], item: T): readonly T[] =>
  items.some(({ name: n }) => n === item.name)
    ? items.map((each) => (each.name === item.name ? item : each))
    : [...items, item];
const without = <T extends { readonly name: string }>(items: readonly T[], n: string) =>
  items.filter((each) => each.name !== n);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(list, slice).map(([key, value]) => ({
    text: (text: string) => putSlice(text, key, value),
    meaning: (source: RolloutSource) => ({ ...source, [key]: putIn(source[key], value) }),
  })),
  exception.map((value) => ({
    text: (text: string) => putException(text, value),
    meaning: (source: RolloutSource) => ({
      ...source,
      exceptions: putIn(source.exceptions, value),
    }),
  })),
  block.map((value) => ({
    text: (text: string) => putBlock(text, value),
    meaning: (source: RolloutSource) => ({ ...source, blocks: putIn(source.blocks, value) }),
  })),
  name.map((version) => ({
    text: (text: string) => setBundle(text, { name: 'b', version }),
    meaning: (source: RolloutSource) => ({ ...source, bundle: { name: 'b', version } }),
  })),
  name.map((version) => ({
    text: (text: string) => setCandidate(text, { name: 'c', version }),
    meaning: (source: RolloutSource) => ({ ...source, candidate: { name: 'c', version } }),
  })),
  fc.record({ ticket: line, owner: line, reason: line }, { requiredKeys: [] }).map((change) => ({
    text: (text: string) => setChange(text, change),
    meaning: (source: RolloutSource) => ({ ...source, change: { ...source.change, ...change } }),
  })),
  fc.constant({
    text: (text: string) => setCandidate(text, undefined),
    meaning: (source: RolloutSource) => ({ ...source, candidate: undefined }),
    removes: true,
  }),
  fc.tuple(list, fc.nat(3)).map(([key, at]) => ({
    text: (text: string) => removeSlice(text, key, parse(text)[key][at]?.name ?? ''),
    meaning: (source: RolloutSource) => ({
      ...source,
      [key]: without(source[key], source[key][at]?.name ?? ''),
    }),
    removes: true,
  })),
  list.map((key) => ({
    text: (text: string) => removeAllSlices(text, key),
    meaning: (source: RolloutSource) => ({ ...source, [key]: [] }),
    removes: true,
  })),
  fc.nat(2).map((at) => ({
    text: (text: string) => removeException(text, parse(text).exceptions[at]?.name ?? ''),
    meaning: (source: RolloutSource) => ({
      ...source,
      exceptions: without(source.exceptions, source.exceptions[at]?.name ?? ''),
    }),
    removes: true,
  })),
  fc.nat(2).map((at) => ({
    text: (text: string) => removeBlock(text, parse(text).blocks[at]?.name ?? ''),
    meaning: (source: RolloutSource) => ({
      ...source,
      blocks: without(source.blocks, source.blocks[at]?.name ?? ''),
    }),
    removes: true,
  })),
);

describe.each(FORMS)('a source %s', (_name, base) => {
  // Comments on the lines of an item that is replaced go with them.
  const comments = (base.match(/# [a-z][^\r\n]*/g) ?? []).filter((text) => !/# (a|b)$/.test(text));
  const fields = base.match(/^ *(apiVersion|kind|environment|destinations): .*$/gm) ?? [];

  it('says after any edits what was put, the rest as before, and keeps its comments', () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        let text = base;
        let removed = false;
        for (const { text: change, meaning, removes = false } of edits) {
          const expected = meaning(parse(text));
          // What contradicts itself is refused afterwards, and is not of interest here.
          const names = [...expected.enforce, ...expected.hold].map((s) => s.name);
          if (new Set(names).size !== names.length) continue;
          text = change(text);
          removed ||= removes;
          expect(parse(text)).toEqual(expected);
          const kept = removed ? fields : [...fields, ...comments];
          expect(kept.filter((part) => !text.includes(part))).toEqual([]);
        }
      }),
      { numRuns: 15 },
    );
  });
});
