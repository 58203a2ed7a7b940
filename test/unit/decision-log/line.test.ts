import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { CheckError, CheckRecord } from '../../../src/check/types.js';
import {
  CLASSES_MAX,
  LOG_CALLERS_MAX,
  LOG_ERRORS_MAX,
  LOG_FLUSH_MS,
  LOG_LINE_CHARS_MAX,
  LOG_POLICIES_MAX,
  LOG_QUEUE_BYTES_MAX,
  LOG_QUEUE_RESERVED_BYTES,
  LOG_TEXT_CHARS_MAX,
} from '../../../src/constants.js';
import { type Change, changeEvent } from '../../../src/decision-log/change.js';
import {
  decisionLine,
  type LineContext,
  originText,
  shortDecisionLine,
} from '../../../src/decision-log/line.js';
import { problem } from '../../../src/errors.js';
import { checkRecord, DIGEST, ROLLOUT, regime } from '../../support/check-records.js';
import { maskSettings } from '../../support/decision-logs.js';

const ORIGIN = { workload: 'payments-0', environment: 'production', cluster: 'eu-1' };
const TIMESTAMP_MS = Date.UTC(2026, 10, 22, 10, 0, 0, 5);

const contextOf = (origin: object, sampledShare: number): LineContext => ({
  origin: originText({ ...ORIGIN, environment: undefined, cluster: undefined, ...origin }),
  timestampMs: TIMESTAMP_MS,
  durationUs: 143.6,
  firstSeen: true,
  sampledShare,
  mask: maskSettings(),
});

/** What the line of this record says. */
function eventOf(
  record: CheckRecord,
  origin: typeof ORIGIN | { workload: string } = ORIGIN,
  sampledShare = 1,
) {
  return JSON.parse(decisionLine(record, contextOf(origin, sampledShare)));
}

const shortEventOf = (record: CheckRecord) =>
  JSON.parse(shortDecisionLine(record, contextOf(ORIGIN, 1)));

/** A record of a request of which nothing could be read. */
const UNREADABLE = checkRecord({
  decision: 'error',
  reason: 'request_undecodable',
  wouldDeny: true,
  policies: [],
  errors: [{ code: 'request_undecodable', message: 'the message has no readable attributes' }],
  principal: undefined,
  action: undefined,
  access: undefined,
  destination: undefined,
  route: undefined,
  method: undefined,
  path: undefined,
  requestId: undefined,
  input: undefined,
  regime: regime({ active: undefined, stamp: 'none' }),
});

const CHANGES: Record<string, Change> = {
  'first taken': { result: 'taken', from: undefined, to: '1+aaa.unsigned', digest: DIGEST },
  taken: { result: 'taken', from: '1+aaa.unsigned', to: '2+bbb.unsigned', digest: DIGEST },
  refused: {
    result: 'refused',
    from: '1+aaa.unsigned',
    digest: DIGEST,
    problem: problem('policy_syntax', 'unexpected token', { file: 'a.cedar', line: 3, column: 9 }),
  },
  'refused unread': {
    result: 'refused',
    from: undefined,
    problem: problem('bundle_missing', 'the directory does not exist'),
  },
};

describe('a decision event', () => {
  test('says everything that is known of a check', () => {
    const record = checkRecord({ traceId: 'a'.repeat(32) });
    expect(eventOf(record)).toMatchObject({
      timestamp: '2026-11-22T10:00:00.005Z',
      trace_id: 'a'.repeat(32),
      ...{ workload: 'payments-0', environment: 'production', cluster: 'eu-1' },
      resource: 'shop/payments/refund',
      policy_version: '2026.11.3+0123456789ab.unsigned',
      bundle_digest: DIGEST,
      duration_us: 144,
      input: record.input,
      replayable: true,
    });
  });

  test('says what the rollout had to do with it', () => {
    const rollout = { slice: 'reads', exception: 'refunds' };
    expect(
      eventOf(checkRecord({ ...rollout, regime: regime({ rollout: ROLLOUT }) })),
    ).toMatchObject({
      ...rollout,
      ...{ rollout: 'payments', rollout_sequence: 42, ticket: 'CHG-1041' },
    });
  });

  test('says of how many lines like it this one was chosen', () => {
    expect(eventOf(checkRecord(), ORIGIN, 0.25).sampled_share).toBe(0.25);
  });

  test('says null of what is not known', () => {
    const event = eventOf(UNREADABLE, { workload: 'w' });
    const nulls = Object.entries(event).filter(([, value]) => value === null);
    expect(nulls.map(([name]) => name)).toEqual([
      ...['trace_id', 'request_id', 'environment', 'cluster', 'principal', 'action', 'access'],
      ...['resource', 'method', 'path', 'slice', 'exception', 'bundle_digest', 'rollout'],
      ...['rollout_sequence', 'ticket', 'candidate', 'flip', 'input'],
    ]);
    expect(event.policy_version).toBe('none');
  });

  test('names the service alone when no route matched', () => {
    expect(eventOf(checkRecord({ route: undefined })).resource).toBe('shop/payments');
  });

  test('bounds the texts of a client and the number of errors', () => {
    const long = 'x'.repeat(2 * LOG_TEXT_CHARS_MAX);
    const event = eventOf(
      checkRecord({
        ...{ path: long, method: long, action: long, requestId: long, traceId: long },
        errors: Array.from({ length: LOG_ERRORS_MAX + 7 }, () => ({ code: 'c', message: 'm' })),
      }),
    );
    for (const name of ['path', 'method', 'action', 'request_id', 'trace_id'] as const) {
      expect(event[name], name).toHaveLength(LOG_TEXT_CHARS_MAX);
    }
    expect(event.errors).toHaveLength(LOG_ERRORS_MAX + 1);
    expect(event.errors.at(-1)).toEqual({ code: 'errors_omitted', message: '7 more errors' });
  });

  const candidate: NonNullable<CheckRecord['candidate']> = {
    ...{ version: '2026.11.4', digest: DIGEST, decision: 'error', reason: 'policy_error' },
    ...{ policies: [], flip: true },
    errors: [
      {
        code: 'policy_evaluation',
        policy: 'p',
        message: 'error while evaluating `ip` extension function: invalid IP address: s3cr3t',
      },
    ],
    context: { path: 'x', headers: { 'x-token': 's3cr3t' } },
  };

  test('says what a candidate says, and whether that differs', () => {
    expect(eventOf(checkRecord({ candidate }))).toMatchObject({
      flip: true,
      candidate: {
        ...{ version: '2026.11.4', digest: DIGEST, decision: 'error', reason: 'policy_error' },
        errors: [{ policy: 'p' }],
      },
    });
    expect(eventOf(checkRecord({ candidate: { ...candidate, flip: false } })).flip).toBe(false);
    expect(eventOf(checkRecord())).toMatchObject({ candidate: null, flip: null });
  });

  test('masks what only the candidate reads, and bounds what it says', () => {
    const policies = Array.from({ length: LOG_POLICIES_MAX + 7 }, (_, i) => `policy-${i}`);
    const event = eventOf(checkRecord({ candidate: { ...candidate, policies } }));
    expect(JSON.stringify(event)).not.toContain('s3cr3t');
    expect(event.candidate?.policies).toHaveLength(LOG_POLICIES_MAX);
    expect(Object.keys(event.candidate ?? {})).not.toContain('context');
  });

  test('without its input it says so and is not replayable', () => {
    const event = shortEventOf(checkRecord());
    expect(event).toMatchObject({ input: null, replayable: false });
    expect(event.errors.map(({ code }: CheckError) => code)).toEqual(['input_omitted']);
  });

  test('without its input it has no long list of policies either, and says how many more', () => {
    const policies = Array.from({ length: LOG_POLICIES_MAX + 7 }, (_, i) => `policy-${i}`);
    const event = shortEventOf(checkRecord({ policies }));
    expect(event.policies).toEqual(policies.slice(0, LOG_POLICIES_MAX));
    expect(event.errors.at(-1)).toEqual({ code: 'policies_omitted', message: '7 more policies' });
  });

  test('says every text as it is, whatever is in it', () => {
    const strange = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    const names = ['principal', 'action', 'method', 'path', 'slice', 'exception'] as const;
    fc.assert(
      fc.property(fc.array(strange, { minLength: 9, maxLength: 9 }), (texts) => {
        const [principal, action, method, path, slice, exception, id, header, message] = texts;
        const event = eventOf(
          checkRecord({
            ...{ principal, action, method, path, slice, exception },
            policies: [id as string],
            errors: [{ code: 'c', message: message as string, field: header as string }],
            input: {
              principal: { type: 'Workload', id: principal as string },
              action: action as string,
              resource: { type: 'Service', id: 'a/b' },
              context: { path },
            },
          }),
        );
        expect(names.map((name) => event[name])).toEqual(texts.slice(0, names.length));
        expect(event.policies).toEqual([id]);
        expect(event.errors).toEqual([{ code: 'c', message, field: header }]);
        expect(event.input.context).toEqual({ path });
      }),
    );
  });

  test('is one line even with line breaks in client text', () => {
    const record = checkRecord({ path: '/a\n{"type":"decision"}' });
    expect(decisionLine(record, contextOf(ORIGIN, 1))).not.toContain('\n');
  });
});

describe('a change event', () => {
  test('names what was refused, where and why', () => {
    expect(changeEvent(CHANGES.refused as Change, ORIGIN, TIMESTAMP_MS)).toMatchObject({
      ...{ from: '1+aaa.unsigned', to: null, digest: DIGEST, result: 'refused' },
      ...{ reason: 'policy_syntax', message: 'unexpected token', file: 'a.cedar', line: 3 },
    });
  });
});

interface LineSchema {
  readonly properties: Record<string, unknown>;
  readonly required: readonly string[];
}

const ROOT = new URL('../../../', import.meta.url);
const SCHEMA = JSON.parse(readFileSync(new URL('docs/decision-log.schema.json', ROOT), 'utf8')) as {
  readonly $defs: { readonly decision: LineSchema; readonly change: LineSchema };
};
const DOCUMENT = readFileSync(new URL('docs/decision-log.md', ROOT), 'utf8');

/** Field names of the table under a heading, in order. */
function documented(heading: string): string[] {
  const section = DOCUMENT.split('\n## ').find((part) => part.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name as string);
}

describe('the published form', () => {
  const KINDS = {
    decision: { heading: 'Decisions', event: eventOf(checkRecord()) },
    change: {
      heading: 'Changes',
      event: changeEvent(CHANGES.taken as Change, ORIGIN, TIMESTAMP_MS),
    },
  } as const;

  test.each(Object.entries(KINDS))(
    'of a %s has the fields of the line, in its order',
    (kind, { heading, event }) => {
      const names = Object.keys(event);
      const { properties, required } = SCHEMA.$defs[kind as keyof typeof KINDS];
      expect(Object.keys(properties)).toEqual(names);
      expect(required).toEqual(names);
      expect(documented(heading)).toEqual(names);
    },
  );

  test.each([
    `at most ${LOG_ERRORS_MAX}, then`,
    `beyond ${CLASSES_MAX.toLocaleString('en')}`,
    `more than ${LOG_CALLERS_MAX.toLocaleString('en')} callers within one second`,
    `at most ${LOG_TEXT_CHARS_MAX.toLocaleString('en')} characters`,
    `longer than ${LOG_LINE_CHARS_MAX / 1024} Ki characters`,
    `the first ${LOG_POLICIES_MAX} in a line`,
    `within ${LOG_FLUSH_MS} ms`,
    `${LOG_QUEUE_BYTES_MAX / 1024 ** 2} MiB of lines`,
    `another ${LOG_QUEUE_RESERVED_BYTES / 1024} KiB`,
  ])('names the limit as it is: %s', (text) => {
    expect(DOCUMENT.replaceAll(/\s+/g, ' ')).toContain(text);
  });

  const validator = z.fromJSONSchema(SCHEMA as never);
  const headers = { 'x-key': 'k' };
  const { input } = checkRecord();
  const LINES = {
    'a full decision': eventOf(checkRecord({ traceId: 'a'.repeat(32) })),
    'a masked decision': eventOf(
      checkRecord({ input: input && { ...input, context: { headers } } }),
    ),
    'an unreadable request': eventOf(UNREADABLE, { workload: 'w' }),
    ...Object.fromEntries(
      Object.entries(CHANGES).map(([name, change]) => [
        `a change: ${name}`,
        changeEvent(change, ORIGIN, TIMESTAMP_MS),
      ]),
    ),
  };

  test.each(Object.entries(LINES))('accepts %s', (_, line) => {
    const parsed = validator.safeParse(JSON.parse(JSON.stringify(line)));
    expect(parsed.error?.issues ?? []).toEqual([]);
  });

  test.each([
    ['a field too many', { ...KINDS.decision.event, extra: 1 }],
    ['a field too few', { ...KINDS.decision.event, replayable: undefined }],
    ['a wrong word', { ...KINDS.decision.event, decision: 'Allow' }],
    ['a time without milliseconds', { ...KINDS.change.event, timestamp: '2026-11-22T10:00:00Z' }],
  ])('refuses %s', (_, line) => {
    expect(validator.safeParse(JSON.parse(JSON.stringify(line))).success).toBe(false);
  });
});
