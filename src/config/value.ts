/** One value of one setting: text from a flag or variable to plain data, and the check of its form. */
import { messageOf, type Problem, problem } from '../errors.js';
import type { Option } from './options.js';

/** What a text could not be turned into; the form check refuses it with the setting's own words. */
const UNREADABLE = Symbol('unreadable');

/** Values shown in messages are cut: a wrong path to a file may have been the file itself. */
const SHOWN_CHARS_MAX = 100;

/** The plain data that a text stands for: lists are separated by commas, '' is the empty list. */
export function decodeText(option: Option, text: string): unknown {
  switch (option.kind) {
    case 'text':
      return text;
    case 'number':
      return /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : UNREADABLE;
    case 'boolean':
      return BOOLEANS.get(text) ?? UNREADABLE;
    case 'list':
      return text === '' ? [] : text.split(',').map((part) => part.trim());
  }
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

export type Checked =
  | { readonly ok: true; readonly value: unknown }
  /** The part that is wrong, and the path that leads to it inside the value. */
  | { readonly ok: false; readonly path: readonly PropertyKey[]; readonly part: unknown };

/** The value in its normal form, when it has the form of the setting. */
export function checkValue(option: Option, value: unknown): Checked {
  if (value === undefined) throw new Error(`no value for \`${option.key}\``);
  const parsed = option.schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  // Of a list, the first element that is wrong.
  const [index] = parsed.error.issues[0]?.path ?? [];
  return Array.isArray(value) && typeof index === 'number'
    ? { ok: false, path: [index], part: value[index] }
    : { ok: false, path: [], part: value };
}

/** `name must be <form>, not <value>`; `name` as the person wrote it: key, flag or variable. */
export function formProblem(
  code: 'config_invalid' | 'input_invalid',
  option: Option,
  name: string,
  shown: unknown,
): Problem {
  return problem(code, `\`${name}\` must be ${option.form}, not ${show(shown)}`);
}

function show(value: unknown): string {
  if (value === null) return 'empty';
  const text = typeof value === 'string' ? value : toJson(value);
  if (text === '') return 'empty';
  const cut = text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}...` : text;
  // Control characters of a value must not move the cursor of whoever reads the message.
  return `\`${cut.replace(/\p{C}/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`)}\``;
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch (thrown) {
    return messageOf(thrown);
  }
}
