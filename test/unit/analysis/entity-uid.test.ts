import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEntityUid, parseEntityUid } from '../../../src/analysis/entity-uid.js';

describe('an entity reference', () => {
  it('survives being written and read', () => {
    const uid = fc.record({
      type: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}(::[A-Za-z_][A-Za-z0-9_]{0,8}){0,2}$/),
      id: fc.string({ unit: 'grapheme' }),
    });
    fc.assert(
      fc.property(uid, (it) => {
        expect(parseEntityUid(formatEntityUid(it))).toEqual(it);
      }),
    );
  });

  it.each([
    ['Workload::"a\\"b"', 'a"b'],
    ['Workload::"a\\\\b"', 'a\\b'],
    ['Workload::"\\n\\t\\r\\0\\\'"', "\n\t\r\0'"],
    ['Workload::"\\u{1F600}\\x41"', '\u{1f600}A'],
    [' Workload::"x" ', 'x'],
    ['Workload::""', ''],
  ])('is read from %s', (text, id) => {
    expect(parseEntityUid(text)).toEqual({ type: 'Workload', id });
  });

  it.each([
    '',
    'Workload',
    'Workload::x',
    'Workload::"x',
    'Workload::"x"y"',
    '1W::"x"',
    '::"x"',
    'W::"\\q"',
    'W::"\\u{110000}"',
    'W::"\\u{D800}"',
    'W:"x"',
  ])('is not read from %s', (text) => {
    expect(parseEntityUid(text)).toBeUndefined();
  });

  it('shows no control characters', () => {
    expect(formatEntityUid({ type: 'W', id: 'a\u0000\u202eb' })).toBe('W::"a\\u{0}\\u{202e}b"');
  });
});
