/**
 * The one reader of YAML: version 1.2, core schema, one document, text keys; no anchors, aliases,
 * tags, directives, merge keys or duplicate keys. So a file means what it looks like to every
 * reader. Every problem has a line.
 */
import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Pair,
  type ParsedNode,
  Parser,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { placeAt } from '../cedar/position.js';
import { PROBLEMS_MAX, YAML_BYTES_MAX, YAML_DEPTH_MAX } from '../constants.js';
import { messageOf, type Place, type Problem, problem } from '../errors.js';
import { failed, ok, okUnless, type Result } from '../result.js';

export interface YamlDocument {
  readonly file: string;
  readonly text: string;
  /** Plain values; maps are objects with own keys only. An empty file is null. */
  readonly value: unknown;
  /** The parsed tree, for places. */
  readonly root: Node | null;
}

const PLAIN_YAML = 'cedargate reads plain YAML 1.2: no anchors, aliases, tags, merge keys';
/** It ends a line in YAML and in editors, a comment too, but not for the library here. */
const LONE_CARRIAGE_RETURN = /\r(?!\n)/;
const LONE_SURROGATE = /\p{Surrogate}/u;

export function readYaml(file: string, text: string): Result<YamlDocument> {
  if (Buffer.byteLength(text, 'utf8') > YAML_BYTES_MAX) {
    const message = `the file is larger than ${YAML_BYTES_MAX} bytes`;
    return failed(problem('yaml_invalid', message, { file }));
  }
  const odd = text.search(LONE_CARRIAGE_RETURN);
  if (odd !== -1) {
    const message = 'a line ends neither with LF nor with CR LF';
    return failed(problem('yaml_invalid', message, placeAt({ file, text }, odd)));
  }
  try {
    const tokens = readTokens(text);
    if (typeof tokens === 'number') {
      const message = `nested deeper than ${YAML_DEPTH_MAX} levels`;
      return failed(problem('yaml_invalid', message, placeAt({ file, text }, tokens)));
    }
    return compose(file, text, tokens);
  } catch (thrown) {
    return failed(
      problem('yaml_invalid', `the file does not parse: ${messageOf(thrown)}`, { file }),
    );
  }
}

/**
 * The composer recurses, and running out of stack there does not always throw: V8 aborts the whole
 * process when it compiles a regular expression near the end of the stack. The lexer and the parser
 * below it do not recurse, so the depth is known before. A number: the offset of the first level too many.
 */
function readTokens(text: string): CST.Token[] | number {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > YAML_DEPTH_MAX) return parser.offset;
  }
  tokens.push(...parser.end());
  return tokens;
}

function compose(file: string, text: string, tokens: readonly CST.Token[]): Result<YamlDocument> {
  const composer = new Composer<ParsedNode, true>({
    version: '1.2',
    schema: 'core',
    strict: true,
    // It compares every key with every other: minutes for a map of a megabyte. See checkUnique.
    uniqueKeys: false,
    merge: false,
    logLevel: 'silent',
  });
  const [document, second] = composer.compose(tokens);
  if (document === undefined) return ok({ file, text, value: null, root: null });

  const at = (offset: number) => placeAt({ file, text }, offset);
  if (second !== undefined) {
    return failed(problem('yaml_invalid', 'more than one document', at(second.range[0])));
  }
  const [error] = document.errors;
  if (error !== undefined) {
    return failed(problem('yaml_invalid', lowerFirst(error.message), at(error.pos[0])));
  }
  if (hasDirectives(document)) {
    return failed(problem('yaml_invalid', 'directives (`%`) are not allowed', at(0)));
  }
  const problems = findExtras(document, at);
  // A warning is a reading that the library itself is unsure of.
  const [warning] = document.warnings;
  if (problems.length === 0 && warning !== undefined) {
    problems.push(problem('yaml_invalid', lowerFirst(warning.message), at(warning.pos[0])));
  }
  return okUnless(problems, () => ({
    file,
    text,
    value: document.toJS(),
    root: document.contents,
  }));
}

/** `%YAML 1.1` would change what `yes` and `010` mean. */
function hasDirectives({ directives }: Document.Parsed): boolean {
  return directives.yaml.explicit === true || Object.keys(directives.tags).length > 1;
}

/** Everything that plain YAML has no need of. */
function findExtras(document: Document.Parsed, at: (offset: number) => Place): Problem[] {
  const problems: Problem[] = [];
  const refuse = (node: unknown, message: string, help = PLAIN_YAML) => {
    // Each place is looked up in the whole text.
    if (problems.length >= PROBLEMS_MAX) return;
    problems.push(problem('yaml_invalid', message, { ...at(startOf(node)), help }));
  };

  visit(document, (_key, node) => {
    if (isAlias(node)) refuse(node, `the alias \`*${node.source}\` is not allowed`);
    else if (isNode(node)) {
      if (node.anchor) refuse(node, `the anchor \`&${node.anchor}\` is not allowed`);
      // The library sets `tag` only when the file wrote one.
      if (node.tag !== undefined) refuse(node, `the tag \`${node.tag}\` is not allowed`);
      if (isScalar(node) && typeof node.value === 'string' && LONE_SURROGATE.test(node.value)) {
        refuse(node, 'half of a surrogate pair is no text');
      }
      if (isMap(node)) checkUnique(node, refuse);
    } else if (node instanceof Pair) checkKey(node.key, refuse);
    return problems.length >= PROBLEMS_MAX ? visit.BREAK : undefined;
  });
  return problems;
}

type Refuse = (node: unknown, message: string, help?: string) => void;

function checkUnique({ items }: YAMLMap, refuse: Refuse): void {
  const seen = new Set<unknown>();
  for (const { key } of items) {
    // Any other key is refused on its own.
    if (!isScalar(key)) continue;
    if (seen.has(key.value)) refuse(key, `the key \`${String(key.value)}\` is not unique`);
    seen.add(key.value);
  }
}

function checkKey(key: unknown, refuse: Refuse) {
  if (!isScalar(key)) refuse(key, 'a key must be text');
  else if (typeof key.value !== 'string') {
    const shown = key.source ?? String(key.value);
    refuse(key, `the key \`${shown}\` is not text`, `quote it: "${shown}"`);
  } else if (key.value === '<<' && key.type === Scalar.PLAIN) {
    refuse(key, 'the merge key `<<` is not allowed');
  } else if (key.value === '__proto__') refuse(key, 'the key `__proto__` is not allowed');
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/**
 * Where the value at `path` is; when it is missing, where the nearest thing around it begins.
 * `onKey` points at the key instead of the value.
 */
export function yamlPlace(
  document: YamlDocument,
  path: readonly PropertyKey[],
  options: { readonly onKey?: boolean } = {},
): Place {
  let node: unknown = document.root;
  let offset = startOf(node);
  for (const [index, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (pair === undefined) break;
      const last = index === path.length - 1;
      node = pair.value;
      offset = startOf((last && options.onKey) || !isNode(node) ? pair.key : node);
    } else if (isSeq(node) && typeof step === 'number' && isNode(node.items[step])) {
      node = node.items[step];
      offset = startOf(node);
    } else break;
  }
  return placeAt(document, offset);
}

/** The text of the scalar at `path` as the file has it (`1.10`, not 1.1). */
export function yamlSource(
  document: YamlDocument,
  path: readonly PropertyKey[],
): string | undefined {
  let node: unknown = document.root;
  for (const step of path) {
    if (isMap(node)) node = node.get(step, true);
    else if (isSeq(node)) node = node.get(step, true);
    else return undefined;
  }
  return isScalar(node) ? node.source : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
