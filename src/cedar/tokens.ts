/** Splits Cedar text (policies and schemas) into tokens, well enough to count and to find places. */

export interface Token {
  readonly text: string;
  /** UTF-16 index in the text. */
  readonly index: number;
}

// Strings and blank space are walked by hand: a regular expression that repeats a group over
// megabytes overflows its own stack.
const SPACE = /[\s\u0085]/;
const LINE_END = /[\n\r]/g;
const TOKEN = /[\p{L}_][\p{L}\p{N}_]*|\d+|&&|\|\||==|!=|<=|>=|::|./suy;

/**
 * Index of the next character that is neither white space nor in a comment. Cedar has line comments
 * only; a carriage return ends one too.
 */
export function skipBlank(text: string, index: number): number {
  let at = index;
  while (at < text.length) {
    if (text.startsWith('//', at)) {
      LINE_END.lastIndex = at;
      at = LINE_END.exec(text)?.index ?? text.length;
    } else if (SPACE.test(text.charAt(at))) {
      at += 1;
    } else {
      break;
    }
  }
  return at;
}

const STRING_COMMENT_OR_END = /[";]|\/\//g;

/**
 * Index after the first `;` that stands in no string and in no comment: in Cedar it ends a policy, and
 * is nothing else. Undefined when there is none. Takes 1.4 us, and looks at few characters by itself.
 */
export function endOfPolicy(text: string): number | undefined {
  let at = 0;
  while (at <= text.length) {
    STRING_COMMENT_OR_END.lastIndex = at;
    const found = STRING_COMMENT_OR_END.exec(text);
    if (found === null) return undefined;
    const { index } = found;
    if (found[0] === ';') return index + 1;
    at = found[0] === '"' ? index + stringAt(text, index).length : skipBlank(text, index);
  }
  return undefined;
}

const IDENTIFIER = /[\p{L}_][\p{L}\p{N}_]*/uy;

/**
 * Index of the `permit` or `forbid` of a policy, after its annotations; 0 where the text does not begin
 * as policies do.
 */
export function statementStart(text: string): number {
  let at = skipBlank(text, 0);
  while (text[at] === '@') {
    IDENTIFIER.lastIndex = skipBlank(text, at + 1);
    if (!IDENTIFIER.test(text)) return 0;
    at = skipBlank(text, IDENTIFIER.lastIndex);
    if (text[at] !== '(') continue;
    at = skipBlank(text, at + 1);
    if (text[at] !== '"') return 0;
    at = skipBlank(text, at + stringAt(text, at).length);
    if (text[at] !== ')') return 0;
    at = skipBlank(text, at + 1);
  }
  return at;
}

export function* tokensOf(text: string): Generator<Token> {
  let index = skipBlank(text, 0);
  while (index < text.length) {
    const found = text[index] === '"' ? stringAt(text, index) : tokenAt(text, index);
    yield { text: found, index };
    index = skipBlank(text, index + found.length);
  }
}

function tokenAt(text: string, index: number): string {
  TOKEN.lastIndex = index;
  return TOKEN.exec(text)?.[0] ?? text.charAt(index);
}

/** With its quotes; one without an end goes on to the end of the text. */
function stringAt(text: string, index: number): string {
  let end = index + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return text.slice(index, end + 1);
}

/** The name that a token stands for: an identifier, or a string without its quotes. */
export function nameOf(token: Token): string {
  const { text } = token;
  return text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text;
}
