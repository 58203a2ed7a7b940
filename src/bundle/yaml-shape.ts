/** Checks a YAML document against a shape and says what is wrong in words, with the line. */
import { PROBLEMS_MAX } from '../constants.js';
import { type ErrorCode, type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { Issue, Shape } from '../shape/kinds.js';
import { escapeName } from './names.js';
import { type YamlDocument, yamlPlace, yamlSource } from './yaml.js';

type Path = readonly PropertyKey[];

interface ShapeOptions {
  /** Code of the problems: manifest_invalid, routes_invalid, ... */
  readonly code: ErrorCode;
  /** Where `value` lies in the document; default: it is the document. */
  readonly at?: Path;
}

/** The value at `options.at`, checked. Problems come in the order of the file. */
export function checkShape<T>(
  document: YamlDocument,
  value: unknown,
  schema: Shape<T>,
  options: ShapeOptions,
): Result<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const [first, ...rest] = yamlProblems(document, parsed.error.issues, options);
  if (first === undefined) throw new Error('a value was refused without an issue');
  return failed(first, ...rest);
}

function yamlProblems(
  document: YamlDocument,
  issues: readonly Issue[],
  { code, at = [] }: ShapeOptions,
): Problem[] {
  // Placing each of a million issues in a file of a million characters would take hours.
  return issues
    .slice(0, PROBLEMS_MAX)
    .flatMap((issue) => describe(document, issue, [...at, ...issue.path]))
    .slice(0, PROBLEMS_MAX)
    .map(({ message, path, onKey, help }) => {
      const place = yamlPlace(document, path, { onKey: onKey ?? false });
      return problem(code, message, { ...place, ...(help === undefined ? {} : { help }) });
    })
    .sort((a, b) => lineOf(a) - lineOf(b));
}

const lineOf = (p: Problem) => p.line ?? 0;

interface Finding {
  readonly message: string;
  readonly path: Path;
  readonly onKey?: boolean;
  readonly help?: string;
}

function describe(document: YamlDocument, issue: Issue, path: Path): Finding[] {
  const name = pathText(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        message: `unknown field ${pathText([...path, key])}`,
        path: [...path, key],
        onKey: true,
      }));
    case 'invalid_type':
      return [wrongType(document, issue.expected, valueAt(document, path), path)];
    case 'invalid_value': {
      const allowed = issue.values.map((value) => `\`${String(value)}\``).join(', ');
      return [{ message: `${name} must be one of ${allowed}`, path }];
    }
    default:
      return [{ message: `${name} ${issue.message}`, path }];
  }
}

function wrongType(document: YamlDocument, expected: string, value: unknown, path: Path): Finding {
  const name = pathText(path);
  if (value === undefined) return { message: `${name} is missing`, path };
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    const shown = yamlSource(document, path) ?? String(value);
    const key = path.at(-1);
    const quoted = typeof key === 'string' ? `${key}: "${shown}"` : `"${shown}"`;
    return {
      message: `${name} must be text, but \`${shown}\` is a ${typeof value} in YAML`,
      path,
      help: `quote it: ${quoted}`,
    };
  }
  return {
    message: `${name} must be ${TYPE_WORDS[expected] ?? expected}, not ${wordOf(value)}`,
    path,
  };
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'a map',
  number: 'a number',
  boolean: 'true or false',
};

function wordOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return TYPE_WORDS[typeof value] ?? typeof value;
}

function valueAt(document: YamlDocument, path: Path): unknown {
  let value = document.value;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** `scope.destinations[0]` in backticks; the document itself is `the file`. */
function pathText(path: Path): string {
  if (path.length === 0) return 'the file';
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  return `\`${escapeName(text.join('').replace(/^\./, ''))}\``;
}
