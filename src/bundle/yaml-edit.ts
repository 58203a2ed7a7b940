/**
 * Edits of a YAML file as text: what an edit is about changes, every other byte stays, comments and
 * alignment too, so that a reviewer sees what was changed and nothing else. Works on a map whose
 * fields are scalars and lists.
 *
 * Every function wants a text that `readYaml` reads as such a map, and throws when it is none.
 */
import {
  Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { readYaml } from './yaml.js';
import { insertLines, lineEnd, lineIndent, lineStart, splice } from './yaml-lines.js';

/** How an item of a list is written where the list has one item a line. */
export type ItemStyle = 'flow' | 'lines';

type Plain = Readonly<Record<string, unknown>>;

/** The value on one line, `{a: 1, b: [x]}`: right at any place of a file. */
export function yamlFlow(value: unknown): string {
  // As the only item of a list it is quoted as a place within brackets needs it.
  const document = new Document([value]);
  visit(document, {
    Collection: (_key, node) => {
      node.flow = true;
    },
  });
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  return text.trimEnd().slice(1, -1);
}

/** What the field holds; undefined when there is none. */
export function yamlField(text: string, key: string): unknown {
  const value: unknown = rootOf(text).get(key, true);
  return isNode(value) ? value.toJS(new Document()) : undefined;
}

/** Another text in place of the scalar at `path`, quoted like that one. */
export function setYamlText(text: string, path: readonly string[], value: string): string {
  const node = rootOf(text).getIn(path, true);
  if (!isScalar(node)) throw new Error(`the file has no scalar at ${path.join('.')}`);
  const [from, to] = rangeOf(node);
  const scalar = new Scalar(value);
  if (node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE) {
    scalar.type = node.type;
  }
  return splice(text, from, to, yamlFlow(scalar) + newlineOf(text.slice(from, to)));
}

/** A new field with a text: behind the fields that stand before it in `order`. */
export function addYamlText(
  text: string,
  key: string,
  value: string,
  order: readonly string[],
): string {
  return addField(text, key, order, { flow: yamlFlow(value) });
}

/** Unchanged when there is no such field. */
export function removeYamlField(text: string, key: string): string {
  const root = rootOf(text);
  const index = root.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === key);
  if (index === -1) return text;
  const spans = root.items.map(spanOf);
  const [from, to] = spans[index] ?? [0, 0];
  if (root.flow) return cutFromFlow(text, spans, index, root);
  return splice(text, lineStart(text, from), lineEnd(text, to), '');
}

/** One more item at the end of the list `key`, which may be empty or missing. */
export function appendYamlItem(
  text: string,
  key: string,
  item: Plain,
  { order, style }: { readonly order: readonly string[]; readonly style: ItemStyle },
): string {
  const root = rootOf(text);
  const pair = pairOf(root, key);
  const flow = yamlFlow(item);
  if (pair === undefined) {
    return addField(text, key, order, { flow: `[${flow}]`, lines: itemLines('  ', item, style) });
  }
  const list = pair.value;
  if (isSeq(list) && list.items.length > 0) {
    const [, end] = rangeOf(list.items.at(-1));
    if (list.flow) return splice(text, end, end, `, ${flow}`);
    const indent = ' '.repeat(columnOf(text, rangeOf(list)[0]));
    return insertLines(text, lineEnd(text, end), itemLines(indent, item, style));
  }
  const [keyStart, keyEnd] = rangeOf(pair.key);
  // A colon, and empty brackets if any; nothing at all ends where a comment begins.
  const rest = text.slice(keyEnd, spanOf(pair)[1]).trimEnd();
  const end = keyEnd + rest.length;
  const onOneLine = /^\s*:[^\S\n]*(\[\s*\])?$/.test(rest);
  if (root.flow || !onOneLine) return splice(text, keyEnd, end, `: [${flow}]`);
  const bare = splice(text, keyEnd, end, ':');
  const indent = `${lineIndent(text, keyStart)}  `;
  return insertLines(bare, lineEnd(bare, keyEnd + 1), itemLines(indent, item, style));
}

/** Another item in place of one, on one line or several as that one. */
export function replaceYamlItem(text: string, key: string, index: number, item: Plain): string {
  const list = pairOf(rootOf(text), key)?.value;
  const node = isSeq(list) ? list.items[index] : undefined;
  const [from, to] = rangeOf(node);
  const inLines = isMap(node) && !node.flow;
  const indent = ' '.repeat(columnOf(text, from));
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const now = inLines ? fieldLines(item).join(newline + indent) : yamlFlow(item);
  return splice(text, from, to, now + newlineOf(text.slice(from, to)));
}

/** Comments around the item stay. */
export function removeYamlItem(text: string, key: string, index: number): string {
  const root = rootOf(text);
  const pair = pairOf(root, key);
  const list = pair?.value;
  if (pair === undefined || !isSeq(list)) throw new Error(`the file has no list ${key}`);
  const spans = list.items.map(rangeOf);
  const [from, to] = spans[index] ?? [];
  if (from === undefined || to === undefined) throw new Error(`${key} has no item ${index}`);
  if (list.flow) return cutFromFlow(text, spans, index, list);
  const dash = dashBefore(text, from, columnOf(text, rangeOf(list)[0]));
  const rest = splice(text, lineStart(text, dash), lineEnd(text, to), '');
  if (spans.length > 1) return rest;
  const colon = text.indexOf(':', rangeOf(pair.key)[1]);
  return splice(rest, colon + 1, colon + 1, ' []');
}

function addField(
  text: string,
  key: string,
  order: readonly string[],
  value: { readonly flow: string; readonly lines?: readonly string[] },
): string {
  const root = rootOf(text);
  const before = order.slice(0, Math.max(0, order.indexOf(key)));
  const behind =
    root.items.findLast((pair) => isScalar(pair.key) && before.includes(String(pair.key.value))) ??
    root.items.at(-1);
  if (behind === undefined) throw new Error('the file has no fields');
  const [start, end] = spanOf(behind);
  if (root.flow) return splice(text, end, end, `, ${key}: ${value.flow}`);
  const indent = lineIndent(text, start);
  const lines = value.lines ?? [];
  const head = lines.length > 0 ? `${key}:` : `${key}: ${value.flow}`;
  let at = lineEnd(text, end);
  // Comments that are indented further belong to the field before.
  const deeper = new RegExp(`${indent}[ \\t]+#.*(\\r?\\n|$)`, 'y');
  for (deeper.lastIndex = at; deeper.test(text); ) at = deeper.lastIndex;
  return insertLines(
    text,
    at,
    [head, ...lines].map((line) => indent + line),
  );
}

function itemLines(indent: string, item: Plain, style: ItemStyle): readonly string[] {
  if (style === 'flow') return [`${indent}- ${yamlFlow(item)}`];
  return fieldLines(item).map((line, i) => `${indent}${i === 0 ? '- ' : '  '}${line}`);
}

function fieldLines(item: Plain): readonly string[] {
  return Object.entries(item).map(([key, value]) => `${key}: ${yamlFlow(value)}`);
}

/** Takes one of the things between brackets away, with the comma that is one too many. */
function cutFromFlow(
  text: string,
  spans: readonly (readonly [number, number])[],
  index: number,
  collection: Node,
): string {
  const [start, end] = rangeOf(collection);
  const [from, to] = spans[index] ?? [start, end];
  const previous = spans[index - 1];
  const next = spans[index + 1];
  if (previous !== undefined) return splice(text, previous[1], to, '');
  if (next !== undefined) return splice(text, from, next[0], '');
  return splice(text, start + 1, end - 1, '');
}

function rootOf(text: string): YAMLMap {
  const read = readYaml('', text);
  const root = read.ok ? read.value.root : null;
  if (!isMap(root)) throw new Error('the file is not a YAML map');
  return root;
}

function pairOf(root: YAMLMap, key: string) {
  return root.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** From where to where a parsed node stands, without what follows it. */
function rangeOf(node: unknown): readonly [number, number] {
  const range = (node as Node | undefined)?.range;
  if (range === undefined || range === null) throw new Error('there is no such node in the file');
  return [range[0], range[1]];
}

function spanOf({ key, value }: { key: unknown; value: unknown }): readonly [number, number] {
  const [start, keyEnd] = rangeOf(key);
  return [start, value === null ? keyEnd : Math.max(keyEnd, rangeOf(value)[1])];
}

function columnOf(text: string, at: number): number {
  return at - lineStart(text, at);
}

/** The `-` of an item that begins at `from`, perhaps lines below it. */
function dashBefore(text: string, from: number, column: number): number {
  let line = lineStart(text, from);
  while (text[line + column] !== '-' || text.slice(line, line + column).trim() !== '') {
    if (line === 0) throw new Error('an item of a list has no `-`');
    line = lineStart(text, line - 1);
  }
  return line + column;
}

/** Scalars in block form, and maps of several lines, end with their last line. */
function newlineOf(old: string): string {
  return /\r?\n$/.exec(old)?.[0] ?? '';
}
