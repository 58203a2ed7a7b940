import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexOfByte, placeAt } from '../../../src/cedar/position.js';

const texts = fc
  .array(fc.constantFrom('a', ' ', '\t', '\n', '\r\n', 'é', '日', '😀', 'e\u0301'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));

function place(text: string, index: number) {
  const { line, column, excerpt } = placeAt({ file: 'f', text }, index);
  return { line, column, excerpt: excerpt.split('\n') };
}

describe('positions', () => {
  it('turns every byte of a character into the index of that character', () => {
    fc.assert(
      fc.property(texts, (text) => {
        let byte = 0;
        let index = 0;
        for (const character of text) {
          const size = Buffer.byteLength(character);
          for (let inside = 0; inside < size; inside += 1) {
            expect(indexOfByte(text, byte + inside)).toBe(index);
          }
          byte += size;
          index += character.length;
        }
        expect(indexOfByte(text, byte)).toBe(text.length);
        expect(indexOfByte(text, byte + 5)).toBe(text.length);
      }),
    );
  });

  it('finds the same character by line and column again', () => {
    fc.assert(
      fc.property(texts, fc.nat(), (text, seed) => {
        const source = `${text}!`;
        const characters = [...source];
        const nth = seed % characters.length;
        const index = characters.slice(0, nth).join('').length;
        const { line, column } = placeAt({ file: 'f', text: source }, index);
        const before = source.split('\n').slice(0, line - 1);
        const lineStart = before.join('\n').length + (line > 1 ? 1 : 0);
        const inLine = [...source.slice(lineStart)].slice(0, column - 1).join('');
        expect(lineStart + inLine.length).toBe(index);
      }),
    );
  });

  it.each([
    ['a tab before', 'a\tb', 2, 1, 3, ['  a\tb', '   \t^']],
    ['wide characters before', '日😀b', 3, 1, 3, ['  日😀b', '      ^']],
    ['a combining mark before', 'e\u0301b', 2, 1, 3, ['  e\u0301b', '   ^']],
    ['CRLF', 'a\r\nbc\r\n', 4, 2, 2, ['  bc', '   ^']],
    ['the end of a line', 'ab\r\nc', 2, 1, 3, ['  ab', '    ^']],
    ['the end of the file', 'ab', 2, 1, 3, ['  ab', '    ^']],
    ['beyond the end', 'ab', 99, 1, 3, ['  ab', '    ^']],
    ['the blank end of the file', 'ab\n\n \n', 5, 1, 3, ['  ab', '    ^']],
    ['an empty file', '', 0, 1, 1, ['  ', '  ^']],
    ['the first character of a later line', '\n\nx', 2, 3, 1, ['  x', '  ^']],
    ['a control character', 'a\u001b[b', 3, 1, 4, ['  a\ufffd[b', '     ^']],
  ])('shows %s', (_name, text, index, line, column, excerpt) => {
    expect(place(text, index)).toEqual({ line, column, excerpt });
  });

  it('cuts a long line around the caret', () => {
    const text = `${'a'.repeat(500)}X${'b'.repeat(500)}`;
    const [shown = '', caret = ''] = place(text, 500).excerpt;
    expect(shown.length).toBeLessThan(120);
    expect(shown[caret.indexOf('^')]).toBe('X');
  });
});
