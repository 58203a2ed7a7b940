import { describe, expect, it } from 'vitest';
import {
  type Evidence,
  evidenceProblems,
  formatEvidence,
  parseEvidence,
  type SeenTraffic,
  slicesToProve,
  slicesToSee,
} from '../../../src/rollout/evidence.js';
import type { Match, Slice } from '../../../src/rollout/types.js';
import { callers } from '../../support/log-lines.js';
import { resultValue } from '../../support/result.js';

const slice = (match: Match, name = 's'): Slice => ({ name, match });
const source = (...enforce: Slice[]) => ({ name: 'orders', environment: 'dev', enforce });
const names = (slices: readonly Slice[]) => slices.map(({ name }) => name);

describe('what has to be proven', () => {
  const READS = { access: 'read' } as const;
  it.each<[string, Match | undefined, Match, boolean]>([
    ['a percentage that is new', undefined, { percent: 5 }, true],
    ['one that grows', { ...READS, percent: 25 }, { ...READS, percent: 50 }, true],
    ['one of others', { percent: 25 }, { ...READS, percent: 25 }, true],
    ['one that stays', { ...READS, percent: 25 }, { percent: 25, ...READS }, false],
    ['one that shrinks', { ...READS, percent: 50 }, { ...READS, percent: 25 }, false],
    ['one that shrinks, of others', { percent: 50 }, { ...READS, percent: 25 }, true],
    ['one of what was whole', READS, { ...READS, percent: 99 }, false],
    ['a whole slice', undefined, READS, false],
    ['what becomes whole', { ...READS, percent: 99 }, READS, false],
  ])('%s', (_, was, match, expected) => {
    const before = was && source(slice(was));
    expect(names(slicesToProve(source(slice(match)), before))).toEqual(expected ? ['s'] : []);
  });

  it('is less than what is looked at: percentages that stay, and whole slices that are new', () => {
    const before = source(slice({ access: 'read' }, 'a'), slice({ percent: 5 }, 'b'));
    const after = source(...before.enforce, slice({}, 'c'));
    expect(names(slicesToSee(after, before))).toEqual(['b', 'c']);
    expect(names(slicesToProve(after, before))).toEqual([]);
    expect(names(slicesToSee(after, undefined))).toEqual(['a', 'b', 'c']);
  });
});

const TEN = callers(10);
/** The number of the caller, ten times. */
const bucketOf = (caller: string) => Number(caller.split('-').at(-1)) * 10;
const PERCENT = slice({ percent: 25 });

function seen(known: readonly string[] = TEN, of = PERCENT): SeenTraffic {
  return {
    logs: [{ name: 'a.log', lines: 12 }],
    lines: { counted: 10, elsewhere: 1, other: 1, bad: 0 },
    span: { fromMs: 0, toMs: 86_400_000 },
    slices: [
      { slice: of, requests: 30, callers: known.map((caller) => ({ caller, requests: 3 })) },
    ],
  };
}

const evidence = (from = seen()): Evidence =>
  resultValue(parseEvidence(formatEvidence(source(PERCENT), from, bucketOf), 'e.json'));

describe('evidence', () => {
  it('says who is inside of a percentage, and everybody of a whole slice', () => {
    const inside = (of: Slice) =>
      evidence(seen(TEN, of)).slices[0]?.callers.filter((each) => each.inside);
    expect(inside(PERCENT)?.map(({ caller }) => caller)).toEqual(TEN.slice(0, 3));
    expect(inside(slice({}))).toHaveLength(10);
  });

  it('is one text for one content', () => {
    const bytes = formatEvidence(source(PERCENT), seen(TEN.slice(0, 1)), bucketOf);
    expect(bytes.toString()).toBe(
      '{"apiVersion":"cedargate.dev/v1","environment":"dev","from":"1970-01-01T00:00:00.000Z","kind":"Evidence","lines":{"bad":0,"counted":10,"elsewhere":1,"other":1},"logs":[{"lines":12,"name":"a.log"}],"name":"orders","slices":[{"callers":[{"caller":"spiffe://example.org/ns/shop/sa/caller-0","inside":true,"requests":3}],"match":{"percent":25},"name":"s","requests":30}],"to":"1970-01-02T00:00:00.000Z"}',
    );
  });

  it.each<[string, (text: string) => string, string]>([
    ['no JSON', (text) => text.slice(1), 'json_invalid'],
    ['an unknown field', (text) => text.replace('"logs"', '"more":1,"logs"'), 'evidence_altered'],
    ['a percentage that is none', (text) => text.replace('25', '100'), 'evidence_altered'],
  ])('is refused with %s', (_, edit, code) => {
    const text = formatEvidence(source(PERCENT), seen(), bucketOf).toString();
    const read = parseEvidence(Buffer.from(edit(text)), 'e.json');
    expect(read).toMatchObject({ ok: false, problems: [{ code, file: 'e.json' }] });
  });

  const judge = (given: Evidence, of = source(PERCENT)) =>
    evidenceProblems(given, { source: of, bucketOf, slices: [PERCENT] }, 'e.json').map(
      ({ code, message }) => `${code}: ${message}`,
    );

  it('speaks for the document whose slices, seed and place it has', () => {
    expect(judge(evidence())).toEqual([]);
  });

  const edited = (edit: (one: NonNullable<Evidence['slices'][number]>) => object): Evidence => {
    const whole = evidence();
    return { ...whole, slices: whole.slices.map((one) => ({ ...one, ...edit(one) })) };
  };
  it.each<[string, Evidence, string]>([
    ['of another rollout', { ...evidence(), name: 'carts' }, 'it is about `carts` in `dev`'],
    ['of another place', { ...evidence(), environment: 'test' }, 'about `orders` in `test`'],
    ['of another slice', edited(() => ({ name: 'x' })), 'slice `x` is not that of the document'],
    ['of another match', edited(() => ({ match: { percent: 24 } })), 'is not that of the document'],
    ['of nothing', { ...evidence(), slices: [] }, 'does not say who calls in slice `s`'],
    [
      'that counts a caller twice',
      edited(({ callers: all }) => ({ callers: [...all, ...all.slice(0, 1)] })),
      'names a caller twice',
    ],
    [
      'that says inside of one who is not',
      edited(({ callers: all }) => ({ callers: all.map((one) => ({ ...one, inside: true })) })),
      '`spiffe://example.org/ns/shop/sa/caller-3` is not inside of slice `s`',
    ],
    [
      'that says outside of one who is not',
      edited(({ callers: all }) => ({ callers: all.map((one) => ({ ...one, inside: false })) })),
      'caller-0` is not outside of slice `s`',
    ],
  ])('does not %s', (_, given, message) => {
    const [first, ...more] = judge(given);
    expect(first).toContain('evidence_altered');
    expect(first).toContain(message);
    expect(more).toEqual([]);
  });

  it('is not enough with nine callers', () => {
    expect(judge(evidence(seen(callers(9))))).toEqual([
      'callers_too_few: 9 callers are known in slice `s`, and 25 % wants 10 at least',
    ]);
  });
});
