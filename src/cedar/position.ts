/** From the engine's UTF-8 byte offsets to what people and editors count: lines and columns. */
import { EXCERPT_COLUMNS_MAX } from '../constants.js';
import type { Place } from '../errors.js';

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

/** UTF-16 index of the character that holds byte `byte` of the text's UTF-8 form. */
export function indexOfByte(text: string, byte: number): number {
  let bytes = 0;
  let index = 0;
  while (index < text.length) {
    const code = text.codePointAt(index) ?? 0;
    bytes += utf8Length(code);
    if (bytes > byte) return index;
    index += code > 0xffff ? 2 : 1;
  }
  return index;
}

function utf8Length(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

/** The place of a UTF-16 index. What lies in the blank end of a file is shown after its last word. */
export function placeAt({ file, text }: TextFile, index: number): Required<Place> {
  const at = Math.min(index, text.trimEnd().length);
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  const lineEnd = text.indexOf('\n', at);
  const whole = text.slice(lineStart, lineEnd === -1 ? text.length : lineEnd);
  const characters = [...(whole.endsWith('\r') ? whole.slice(0, -1) : whole)];
  const column = [...text.slice(lineStart, at)].length + 1;
  const excerpt = excerptOf(characters, Math.min(column - 1, characters.length));
  return { file, line: lineOf(text, at), column, excerpt };
}

/** Line of a UTF-16 index, from 1. */
export function lineOf(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) {
    line += 1;
  }
  return line;
}

/** The line and, under it, a caret; a long line is cut around the caret. */
function excerptOf(characters: readonly string[], caret: number): string {
  const start = Math.max(0, Math.min(caret - EXCERPT_COLUMNS_MAX / 2, characters.length));
  const from = characters.length <= EXCERPT_COLUMNS_MAX ? 0 : start;
  const to = Math.min(characters.length, from + EXCERPT_COLUMNS_MAX);
  const head = from > 0 ? '...' : '';
  const tail = to < characters.length ? '...' : '';
  const shown = characters.slice(from, to).map(printable).join('');
  const before = characters.slice(from, caret).map(blankOf).join('');
  return `  ${head}${shown}${tail}\n  ${' '.repeat(head.length)}${before}^`;
}

/** Text of a policy goes to terminals and logs: control characters must not act there. */
function printable(character: string): string {
  return character !== '\t' && /\p{Cc}/u.test(character) ? '\ufffd' : character;
}

/** As much space as the character takes on a terminal. */
function blankOf(character: string): string {
  if (character === '\t') return '\t';
  if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) return '';
  return WIDE.test(character) ? '  ' : ' ';
}

/** Characters that terminals draw two columns wide: East Asian scripts, full-width forms, emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
