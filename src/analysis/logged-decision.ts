/**
 * Reads a line of the decision log, as far as it says what was asked and answered. Fields beyond
 * that are not looked at: lines of later versions may have more.
 */
import type { ContextShape, ValueShape } from '../cedar/types.js';
import { REASONS, type Reason } from '../check/reasons.js';
import type { DecisionInput } from '../check/types.js';
import { messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';

/** What the log writes in place of a value (decision-log/mask.ts; a test keeps both in step). */
export const MASKED = '[masked]';

const reference = shape.object({ type: shape.string(), id: shape.string() });

const lineSchema = shape.object({
  type: shape.literal('decision'),
  schema_version: shape.literal(1),
  timestamp: shape.datetime(),
  decision_id: shape.string(),
  environment: shape.string().nullable(),
  principal: shape.string().nullable(),
  action: shape.string().nullable(),
  access: shape.oneOf(['read', 'write']).nullable(),
  resource: shape.string().nullable(),
  method: shape.string().nullable(),
  path: shape.string().nullable(),
  decision: shape.oneOf(['allow', 'deny', 'error']),
  reason: shape.oneOf(Object.keys(REASONS) as [Reason, ...Reason[]]),
  policies: shape.array(shape.string()),
  errors: shape.array(
    shape.object({
      code: shape.string(),
      message: shape.string(),
      policy: shape.string().optional(),
      field: shape.string().optional(),
    }),
  ),
  exception: shape.string().nullable(),
  rollout: shape.string().nullable(),
  policy_version: shape.string(),
  bundle_digest: shape.string().nullable(),
  input: shape
    .object({
      principal: reference,
      action: shape.string(),
      resource: reference,
      context: shape.record(shape.string(), shape.unknown()),
    })
    .nullable(),
  replayable: shape.boolean(),
  /** Absent in lines of versions that wrote all of them. */
  sampled_share: shape.number().positive().max(1).default(1),
});

export type LoggedDecision = shape.Output<typeof lineSchema>;

export type LogLine =
  | { readonly kind: 'decision'; readonly decision: LoggedDecision }
  /** Another line of cedargate: a change, a program message. */
  | { readonly kind: 'other' }
  | { readonly kind: 'bad'; readonly why: string };

const OTHER_TYPES: ReadonlySet<unknown> = new Set(['change', 'program']);

export function readLogLine(text: string): LogLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return { kind: 'bad', why: `it is not JSON: ${messageOf(thrown)}` };
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return { kind: 'decision', decision: parsed.data };
  const type = (value as { readonly type?: unknown } | null)?.type;
  if (OTHER_TYPES.has(type)) return { kind: 'other' };
  const [issue] = parsed.error.issues;
  const where =
    issue === undefined || issue.path.length === 0 ? 'it' : `\`${issue.path.join('.')}\``;
  return { kind: 'bad', why: `${where}: ${issue?.message ?? ''}` };
}

/** Problem code: `input_invalid`. */
export function parseLoggedDecision(text: string): Result<LoggedDecision> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const [only, ...more] = lines;
  if (only === undefined || more.length > 0) {
    const message = `expected one line of the decision log, got ${lines.length}`;
    return failed(problem('input_invalid', message, { help: 'pick one, for example with grep' }));
  }
  const line = readLogLine(only);
  if (line.kind === 'decision') return ok(line.decision);
  const why = line.kind === 'bad' ? line.why : '`type` is another';
  return failed(problem('input_invalid', `the line is no decision of schema_version 1: ${why}`));
}

export interface Unmasked {
  readonly input: DecisionInput;
  /** `headers.x-ticket`: values that the log does not have. */
  readonly masked: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The input with masked values in a form that the engine takes: a masked String stays the text
 * `[masked]`, so that `has` comes out as it did; a masked value of any other type is left out.
 */
export function unmask(input: DecisionInput, shape: ContextShape | undefined): Unmasked {
  const masked: string[] = [];
  const context: Record<string, unknown> = Object.create(null);
  for (const [record, value] of Object.entries(input.context)) {
    if (value === MASKED) masked.push(record);
    else if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      context[record] = value;
    } else {
      context[record] = Object.fromEntries(
        Object.entries(value as Fields).filter(([name, field]) => {
          if (field !== MASKED) return true;
          masked.push(`${record}.${name}`);
          return isText(shape, record, name);
        }),
      );
    }
  }
  return { input: { ...input, context }, masked };
}

function isText(shape: ContextShape | undefined, record: string, name: string): boolean {
  switch (record) {
    case 'headers':
      return shape?.headers?.get(name) === 'string';
    case 'claims':
      return isTextShape(shape?.claims?.get(name));
    case 'task':
      return name === 'id' || name === 'kind' || name === 'intent';
    default:
      return false;
  }
}

function isTextShape(shape: ValueShape | undefined): boolean {
  return shape?.kind === 'string';
}
