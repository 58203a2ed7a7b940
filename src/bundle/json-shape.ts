/** Checks a value read from canonical JSON against a shape, and says in words what is wrong. */
import { type ErrorCode, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { Issue, Shape } from '../shape/kinds.js';
import { escapeName } from './names.js';

/** Machines write these files, so one problem is enough. */
export function checkJsonShape<T>(
  value: unknown,
  schema: Shape<T>,
  { code, file }: { readonly code: ErrorCode; readonly file: string },
): Result<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  if (issue === undefined) throw new Error('a value was refused without an issue');
  return failed(problem(code, describe(issue), { file }));
}

function describe(issue: Issue): string {
  const name = pathText(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown field ${pathText([...issue.path, issue.keys[0] ?? ''])}`;
    case 'invalid_type':
      return `${name} is missing or has another type than ${issue.expected}`;
    case 'invalid_value':
      return `${name} must be ${issue.values.map((v) => `\`${String(v)}\``).join(' or ')}`;
    default:
      return `${name} ${issue.message}`;
  }
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  return `\`${escapeName(text.join('').replace(/^\./, ''))}\``;
}
