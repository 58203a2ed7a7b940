/**
 * Reads a line of the decision log, as far as it says what was asked and answered. Fields beyond
 * that are not looked at: lines of later versions may have more.
 */
import { z } from 'zod';
import type { ContextShape, ValueShape } from '../cedar/types.js';
import { REASONS, type Reason } from '../check/reasons.js';
import type { DecisionInput } from '../check/types.js';
import { messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

/** What the log writes in place of a value (decision-log/mask.ts; a test keeps both in step). */
export const MASKED = '[masked]';

const reference = z.object({ type: z.string(), id: z.string() });

const lineSchema = z.object({
  type: z.literal('decision'),
  schema_version: z.literal(1),
  timestamp: z.iso.datetime(),
  decision_id: z.string(),
  environment: z.string().nullable(),
  decision: z.enum(['allow', 'deny', 'error']),
  reason: z.enum(Object.keys(REASONS) as [Reason, ...Reason[]]),
  policies: z.array(z.string()),
  errors: z.array(
    z.object({
      code: z.string(),
      message: z.string(),
      policy: z.string().optional(),
      field: z.string().optional(),
    }),
  ),
  policy_version: z.string(),
  bundle_digest: z.string().nullable(),
  input: z
    .object({
      principal: reference,
      action: z.string(),
      resource: reference,
      context: z.record(z.string(), z.json()),
    })
    .nullable(),
  replayable: z.boolean(),
  /** Absent in lines of versions that wrote all of them. */
  sampled_share: z.number().positive().max(1).default(1),
});

export type LoggedDecision = z.output<typeof lineSchema>;

export function parseLoggedDecision(text: string): Result<LoggedDecision> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const [line, ...more] = lines;
  if (line === undefined || more.length > 0) {
    const message = `expected one line of the decision log, got ${lines.length}`;
    return failed(problem('input_invalid', message, { help: 'pick one, for example with grep' }));
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (thrown) {
    return failed(problem('input_invalid', `the line is not JSON: ${messageOf(thrown)}`));
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  const where =
    issue === undefined || issue.path.length === 0 ? 'it' : `\`${issue.path.join('.')}\``;
  const message = `the line is no decision of schema_version 1: ${where}: ${issue?.message ?? ''}`;
  return failed(problem('input_invalid', message));
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
