/** Lines of a text by offset, for edits in place. */

export function splice(text: string, from: number, to: number, by: string): string {
  return text.slice(0, from) + by + text.slice(to);
}

/** The beginning of the line with the character at `at`. */
export function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
}

/** Behind the end of the line on which something ends at `at`. */
export function lineEnd(text: string, at: number): number {
  if (at > 0 && text[at - 1] === '\n') return at;
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}

/** The blanks with which the line at `at` begins. */
export function lineIndent(text: string, at: number): string {
  return /^ */.exec(text.slice(lineStart(text, at)))?.[0] ?? '';
}

/** Whole lines at the beginning of a line, or at the end of the text. */
export function insertLines(text: string, at: number, lines: readonly string[]): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const ended = at === 0 || text[at - 1] === '\n';
  const block = lines.map((line) => line + newline).join('');
  return splice(text, at, at, ended ? block : newline + block);
}
