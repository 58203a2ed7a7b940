/** Entity references as Cedar writes them, `Type::"id"`: to parts and back. */
import type { EntityUid } from '../cedar/types.js';

const NAME = '[A-Za-z_][A-Za-z0-9_]*';
const REFERENCE = new RegExp(`^\\s*(${NAME}(?:::${NAME})*)::"((?:[^"\\\\]|\\\\.)*)"\\s*$`, 'su');
const ESCAPE = /\\(?:u\{([0-9a-fA-F]{1,6})\}|x([0-7][0-9a-fA-F])|([nrt0\\'"]))|\\/gu;
const PLAIN_ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  '\\': '\\',
  "'": "'",
  '"': '"',
};
const CODE_POINT_MAX = 0x10ffff;

/** Undefined when the text is no reference. */
export function parseEntityUid(text: string): EntityUid | undefined {
  const [, type, escaped] = REFERENCE.exec(text) ?? [];
  if (type === undefined || escaped === undefined) return undefined;
  const id = unescapeId(escaped);
  return id === undefined ? undefined : { type, id };
}

function unescapeId(escaped: string): string | undefined {
  let valid = true;
  const id = escaped.replace(ESCAPE, (_all, wide?: string, narrow?: string, plain?: string) => {
    const code = Number.parseInt(wide ?? narrow ?? '', 16);
    if (plain !== undefined) return PLAIN_ESCAPES[plain] ?? '';
    if (code <= CODE_POINT_MAX && !(code >= 0xd800 && code <= 0xdfff))
      return String.fromCodePoint(code);
    valid = false;
    return '';
  });
  return valid ? id : undefined;
}

const SPECIAL = /[\p{C}\p{Zl}\p{Zp}"\\]/gu;

/** For people: control and invisible characters are escaped. */
export function formatEntityUid({ type, id }: EntityUid): string {
  const escaped = id.replace(SPECIAL, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return `${type}::"${escaped}"`;
}
