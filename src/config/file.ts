/** The layer of cedargate.yaml: read with a bound, strict YAML, unknown keys refused, with lines. */
import { closeSync, openSync, readSync } from 'node:fs';
import { decodeText } from '../bundle/text.js';
import { readYaml, type YamlDocument, yamlPlace, yamlSource } from '../bundle/yaml.js';
import { CONFIG_BYTES_MAX } from '../constants.js';
import { messageOf, type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { AnyShape } from '../shape/kinds.js';
import type { Layer } from './environment.js';
import { fieldsOf, OPTIONS, type Option } from './options.js';
import { SETTINGS } from './schema.js';
import { suggest } from './suggest.js';
import { checkValue, formProblem } from './value.js';

const BY_KEY = new Map(OPTIONS.map((option) => [option.key, option]));

/** Fails when the file cannot be read; what is wrong inside it are the layer's problems. */
export function fileLayer(file: string): Result<Layer> {
  const bytes = readBounded(file);
  if (!bytes.ok) return bytes;
  const text = decodeText({ name: file, bytes: bytes.value });
  const document = text.ok ? readYaml(file, text.value.text) : text;
  if (!document.ok) return unreadable(document.problems);
  return ok(readDocument(document.value));
}

/** Problems of reading text or YAML, under the code of the configuration file. */
function unreadable([first, ...rest]: readonly [Problem, ...Problem[]]): Result<never> {
  const recode = (p: Problem): Problem => ({ ...p, code: 'config_unreadable' });
  return failed(recode(first), ...rest.map(recode));
}

/** A pipe or a device is as good as a file, so the size is only known by reading. */
function readBounded(file: string): Result<Uint8Array> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const buffer = Buffer.alloc(CONFIG_BYTES_MAX + 1);
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0 || length === buffer.length) break;
    }
    if (length <= CONFIG_BYTES_MAX) return ok(buffer.subarray(0, length));
    const message = `the configuration file is larger than ${CONFIG_BYTES_MAX} bytes`;
    return failed(problem('config_unreadable', message, { file }));
  } catch (thrown) {
    const message = `the configuration file cannot be read: ${messageOf(thrown)}`;
    return failed(problem('config_unreadable', message, { file }));
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readDocument(document: YamlDocument): Layer {
  const values = new Map<string, unknown>();
  const problems: Problem[] = [];
  // An empty file, or one of comments only, sets nothing.
  if (document.root !== null && document.value !== null) {
    readGroup(document, document.value, SETTINGS, [], values, problems);
  }
  return { values, problems };
}

function readGroup(
  document: YamlDocument,
  value: unknown,
  fields: Readonly<Record<string, AnyShape>>,
  path: readonly string[],
  values: Map<string, unknown>,
  problems: Problem[],
): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const name = path.length === 0 ? 'the file' : `\`${path.join('.')}\``;
    const place = yamlPlace(document, path);
    problems.push(problem('config_invalid', `${name} must be a map of keys to values`, place));
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    const innerPath = [...path, name];
    const schema = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const group = schema === undefined ? undefined : fieldsOf(schema);
    const option = BY_KEY.get(innerPath.join('.'));
    if (group !== undefined) readGroup(document, inner, group, innerPath, values, problems);
    else if (schema === undefined || option === undefined) {
      problems.push(unknownKey(document, innerPath, Object.keys(fields)));
    } else readSetting(document, option, inner, values, problems);
  }
}

function readSetting(
  document: YamlDocument,
  option: Option,
  value: unknown,
  values: Map<string, unknown>,
  problems: Problem[],
): void {
  const checked = checkValue(option, value);
  if (checked.ok) {
    values.set(option.key, checked.value);
    return;
  }
  const { part } = checked;
  const path = [...option.path, ...checked.path];
  const place = yamlPlace(document, path);
  // `1.10` is the number 1.1 in YAML: show what the file has, and say what to do.
  const source = yamlSource(document, path);
  const found = { ...formProblem('config_invalid', option, option.key, source ?? part), ...place };
  const isText = option.kind === 'text' || option.kind === 'list';
  const quote = isText && (typeof part === 'number' || typeof part === 'boolean');
  problems.push(quote ? { ...found, help: `quote it: "${source ?? part}"` } : found);
}

function unknownKey(
  document: YamlDocument,
  path: readonly string[],
  siblings: readonly string[],
): Problem {
  const name = path.at(-1) ?? '';
  // A key on the wrong level is as common as a typo.
  const elsewhere = OPTIONS.find((option) => option.path.at(-1) === name)?.key;
  const near = elsewhere ?? suggest(name, siblings);
  const place = yamlPlace(document, path, { onKey: true });
  const help =
    near === undefined
      ? 'see docs/configuration.md for the keys that exist'
      : `did you mean \`${elsewhere ?? [...path.slice(0, -1), near].join('.')}\`?`;
  return problem('config_invalid', `unknown key \`${path.join('.')}\``, { ...place, help });
}
