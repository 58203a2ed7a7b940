import { describe, expect, it } from 'vitest';
import { formatIndex, parseIndex } from '../../../src/bundle/index-file.js';
import type { PolicySource } from '../../../src/cedar/types.js';
import { canonicalJson, type JsonValue } from '../../../src/signing/canonical-json.js';
import { resultValue } from '../../support/result.js';
import { policiesOf } from '../../support/source-bundle.js';

const HEAD = '@owner("o") @description("größer")';
const ONE = `@id("one") ${HEAD} permit (principal == Workload::"w", action == Action::"GET", resource);`;
const TWO = `@id("two") ${HEAD}\nforbid (principal is Workload in Group::"€", action in [Action::"read"], resource)\nwhen { context has x && principal in Group::"a" };`;
const TEXT = `// kept apart: permit(principal, action, resource);\n${ONE}\n\n${TWO} // end`;

const bytesOf = (text: string) => new Map<string, Uint8Array>([['p.cedar', Buffer.from(text)]]);
const indexOf = (text: string) => formatIndex(policiesOf(text), bytesOf(text));

type Entry = { [key: string]: JsonValue };
type Index = { [key: string]: JsonValue; policies: Entry[] };
const json = (text = TEXT): Index => JSON.parse(indexOf(text).toString('utf8'));

function refusal(index: JsonValue, files = bytesOf(TEXT)): string {
  const result = parseIndex(Buffer.from(canonicalJson(index)), files);
  if (result.ok) return 'taken';
  const [{ code, file, message }] = result.problems;
  return `${file}: ${message} [${code}]`;
}

/** The index of TEXT with its policies edited. */
function edited(edit: (policies: Entry[]) => Entry[] | undefined): JsonValue {
  const index = json();
  return { ...index, policies: edit(index.policies) ?? index.policies };
}

const set = (n: number, change: Entry) =>
  edited((policies) => policies.map((p, at) => (at === n ? { ...p, ...change } : p)));

describe('index.json', () => {
  it('gives back the policies, with their text cut from the file', () => {
    const policies = resultValue(parseIndex(indexOf(TEXT), bytesOf(TEXT)));
    expect(policies).toEqual(policiesOf(TEXT));
    expect(policies.map(({ text }) => text)).toEqual([ONE, TWO]);
  });

  it('holds ranges in bytes of the file, and no text of a policy', () => {
    const [one, two] = json().policies;
    const bytes = Buffer.from(TEXT);
    for (const [entry, text] of [
      [one, ONE],
      [two, TWO],
    ] as const) {
      const range = bytes.subarray(entry?.start as number, entry?.end as number);
      expect(range.toString('utf8')).toBe(text);
      expect(Object.keys(entry ?? {}).sort()).toEqual([
        'description',
        'effect',
        'end',
        'file',
        'id',
        'line',
        'owner',
        'reads',
        'scope',
        'start',
      ]);
    }
    expect(two).toMatchObject({ id: 'two', effect: 'forbid', line: 4, owner: 'o' });
  });

  it('counts a byte order mark', () => {
    const text = `\ufeff${ONE}`;
    const index = formatIndex(policiesOf(ONE), bytesOf(text));
    expect(JSON.parse(index.toString()).policies[0].start).toBe(3);
    expect(resultValue(parseIndex(index, bytesOf(text)))).toEqual(policiesOf(ONE));
  });

  // The engine reads all texts as one: two of these ranges would be one policy to it.
  it.each([
    ['a string', '@x("1;\n") '],
    ['a comment', '@x("1") // ;\n'],
    ['a string with escapes', '@x("\\";\n") '],
    ['a string that seems to be a comment', '@x("//;\n") '],
  ])('is refused when a range ends at the semicolon in %s', (_, head) => {
    const text = `${head}permit (principal, action, resource);`;
    const [whole] = json(`${ONE}`).policies;
    const cut = text.indexOf(';') + 1;
    const ranges = [
      { ...whole, id: 'a', start: 0, end: cut, line: 1 },
      { ...whole, id: 'b', start: cut + 1, end: text.length, line: 2 },
    ];
    expect(refusal({ ...json(), policies: ranges }, bytesOf(text))).toContain(
      'the policy `a` in `p.cedar` does not begin and end where',
    );
    const one = { ...whole, start: 0, end: text.length, line: 1 };
    expect(refusal({ ...json(), policies: [one] }, bytesOf(text))).toBe('taken');
  });

  it('throws when policies and files do not belong together: that is a bug', () => {
    expect(() => formatIndex(policiesOf(TEXT), bytesOf('// nothing'))).toThrow('not where');
  });

  const at = (text: string) => Buffer.from(TEXT.slice(0, TEXT.indexOf(text))).length;
  const oneStart = at(ONE);
  const oneEnd = oneStart + Buffer.byteLength(ONE);
  it.each<[string, JsonValue, string]>([
    [
      'a policy left out',
      edited(([one]) => [one ?? {}]),
      '`p.cedar` holds text that belongs to no',
    ],
    ['the first left out', edited(([, two]) => [two ?? {}]), 'does not begin and end where'],
    ['no policies', edited(() => []), 'holds text that belongs to no policy'],
    ['one twice', edited(([one]) => [one ?? {}, one ?? {}]), 'the id `one` is there twice'],
    ['an overlap', set(1, { start: oneEnd - 2 }), 'has a range that is not in the file'],
    ['an order that is not that of the text', edited((p) => p.reverse()), 'does not begin and end'],
    ['a range beyond the file', set(1, { end: 10_000 }), 'has a range that is not in the file'],
    ['a range backwards', set(0, { end: oneStart - 1 }), 'has a range that is not in the file'],
    ['an empty range', set(0, { end: oneStart }), 'does not begin and end where'],
    ['a range that begins early', set(0, { start: oneStart - 1 }), 'does not begin and end where'],
    ['a range that begins late', set(0, { start: oneStart + 1 }), 'does not begin and end where'],
    ['a range that ends early', set(0, { end: oneEnd - 1 }), 'does not begin and end where'],
    [
      'two policies as one, which would give its id to what is the next one',
      edited(([one, two]) => [{ ...one, end: two?.end as number }]),
      'does not begin and end where',
    ],
    ['a range that ends late', set(0, { end: oneEnd + 1 }), 'does not begin and end where'],
    [
      'a policy taken out of a comment',
      set(0, { start: at('permit('), end: at('permit(') + 36, line: 1 }),
      'does not begin and end where',
    ],
    [
      'a range that cuts a character',
      set(0, { start: at('größer') + 3 }),
      'has a range that is not in the file, not whole',
    ],
    ['a wrong line', set(1, { line: 5 }), 'the policy `two` in `p.cedar` begins on line 4'],
    ['another file', set(1, { file: 'q.cedar' }), 'holds text that belongs to no policy'],
    ['a name that is no policy file', set(0, { file: 'bundle.yaml' }), 'holds text that belongs'],
    [
      'a policy of no file',
      edited((p) => [...p, { ...p[0], id: 'three', file: 'q.cedar' }]),
      'the policy `three` is in no policy file, or out of order',
    ],
    ['an unknown field', set(0, { text: 'permit' }), 'unknown field `policies[0].text`'],
    ['an unknown effect', set(0, { effect: 'maybe' }), '`policies[0].effect` must be `permit`'],
    ['a bad id', set(0, { id: 'a b' }), '`policies[0].id` has a form that is not allowed'],
    ['a negative range', set(0, { start: -1 }), '`policies[0].start` must not be negative'],
    ['a range as text', set(0, { start: '1' }), '`policies[0].start` is missing or has'],
    ['an unknown test', set(0, { scope: { kind: 'x' } }), '`policies[0].scope'],
    ['an unknown read', set(0, { reads: {} }), '`policies[0].reads'],
    ['another kind', { ...json(), kind: 'Bundle' }, '`kind` must be `BundleIndex`'],
    ['another apiVersion', { ...json(), apiVersion: 'x' }, '`apiVersion` must be'],
  ])('is refused with %s', (_what, index, message) => {
    expect(refusal(index)).toContain(message);
    expect(refusal(index)).toMatch(/^index\.json: .*\[index_invalid\]$/);
  });

  it('is refused when it is not canonical', () => {
    const result = parseIndex(Buffer.from(`${indexOf(TEXT)} `), bytesOf(TEXT));
    expect(result).toMatchObject({ ok: false, problems: [{ code: 'json_not_canonical' }] });
  });

  it('is refused when a policy file is not UTF-8', () => {
    const files = new Map([['p.cedar', Buffer.from([0xff])]]);
    expect(
      refusal(
        edited(() => []),
        files,
      ),
    ).toContain('[not_utf8]');
  });

  it('takes files without policies when they hold nothing but comments', () => {
    const files = new Map([...bytesOf(TEXT), ['a.cedar', Buffer.from(' // nothing\n')] as const]);
    expect(refusal(json(), files)).toBe('taken');
    files.set('a.cedar', Buffer.from(ONE));
    expect(refusal(json(), files)).toContain('`a.cedar` holds text that belongs to no policy');
  });

  it('follows the bytewise order of files', () => {
    const policy = (id: string, file: string): PolicySource => {
      const [first] = policiesOf(ONE.replace('one', id));
      if (first === undefined) throw new Error('no policy');
      return { ...first, file };
    };
    const policies = [policy('a', 'a.cedar'), policy('b', 'b.cedar')];
    const files = new Map(policies.map(({ file, text }) => [file, Buffer.from(text)]));
    const index = formatIndex(policies, files);
    expect(resultValue(parseIndex(index, files))).toEqual(policies);
    expect(resultValue(parseIndex(index, new Map([...files].reverse())))).toEqual(policies);
    const backwards = formatIndex([...policies].reverse(), files);
    expect(parseIndex(backwards, files).ok).toBe(false);
  });
});
