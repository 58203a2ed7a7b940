import { describe, expect, test } from 'vitest';
import { decodeText } from '../../../src/bundle/text.js';

const decode = (...parts: (string | number[])[]) =>
  decodeText({ name: 'a.cedar', bytes: Buffer.concat(parts.map((part) => Buffer.from(part))) });

describe('text', () => {
  test('is UTF-8, and a byte order mark is dropped', () => {
    expect(decode([0xef, 0xbb, 0xbf], 'permit é\n')).toMatchObject({
      value: { text: 'permit é\n' },
    });
  });

  test.each([
    ['in the first line', [[0xff, 0xfe]], 1],
    ['in the third', ['one\ntwo\nth', [0xc3], 'ree\nfour'], 3],
    ['at the very end', ['one\n', [0xe2, 0x82]], 2],
    ['as an overlong slash', ['one\r\n', [0xc0, 0xaf], '\n'], 2],
    ['as a surrogate', ['\n\n\n', [0xed, 0xa0, 0x80], '\n'], 4],
  ])('with bad bytes %s is refused with the line', (_where, parts, line) => {
    const result = decode(...(parts as (string | number[])[]));
    expect(result).toMatchObject({ ok: false, problems: [{ code: 'not_utf8', line }] });
  });
});
