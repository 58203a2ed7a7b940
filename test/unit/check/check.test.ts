import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compileBundle } from '../../../src/bundle/compile.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import type { Evaluator } from '../../../src/cedar/types.js';
import { type Checked, check } from '../../../src/check/check.js';
import { REASONS, type Reason } from '../../../src/check/reasons.js';
import { soleGeneration } from '../../../src/check/regime.js';
import type { ActiveBundle, CheckSettings, Mode } from '../../../src/check/types.js';
import { REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX } from '../../../src/constants.js';
import {
  decodeResponse,
  httpRequest,
  type RequestParts,
  tcpRequest,
} from '../../support/check-request.js';

const FIXTURE = join(import.meta.dirname, '../../fixtures/check-bundle');
const files = readdirSync(FIXTURE).map((name) => ({
  name,
  bytes: readFileSync(join(FIXTURE, name)),
}));
const compiled = compileBundle(files, { environment: undefined });
if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
const bundle = compiled.value;
const loaded = createEvaluator(bundle.program);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const evaluator = loaded.value;
afterAll(() => evaluator.release());

const active: ActiveBundle = { bundle, evaluator, loadedAtMs: 0 };
const STAMP = '1.2.3+0123456789ab.unsigned';
const SETTINGS: CheckSettings = {
  destinationFrom: 'service',
  service: 'shop/payments',
  environment: undefined,
  strictIdentity: false,
  claims: {
    payload: 'jwt_payload',
    taskId: 'task_id',
    taskKind: 'task_kind',
    taskIntent: 'task_intent',
  },
  headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: false },
  failResponse: 'error_response',
  helpUrl: undefined,
};
const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';
const NOW_MS = Date.UTC(2026, 10, 22);

interface Situation {
  message?: Buffer;
  active?: ActiveBundle | undefined;
  settings?: Partial<CheckSettings>;
  deadlineMs?: number;
}

function run(mode: Mode, situation: Situation): Checked {
  const generation = soleGeneration(2, {
    mode,
    stamp: 'active' in situation && situation.active === undefined ? 'none' : STAMP,
    active: 'active' in situation ? situation.active : active,
  });
  const call = {
    message: situation.message ?? httpRequest(),
    deadlineMs: situation.deadlineMs ?? Number.POSITIVE_INFINITY,
    nowMs: NOW_MS,
    decisionId: '0190-id',
  };
  return check(call, generation, { ...SETTINGS, ...situation.settings });
}

const orders = (parts: RequestParts) => ({ message: httpRequest({ principal: ORDERS, ...parts }) });
const broken = (evaluate: Evaluator['evaluate']): ActiveBundle => ({
  ...active,
  evaluator: { ...evaluator, schema: evaluator.schema, evaluate },
});

/** One situation for every reason, and several for those with more than one cause. */
const SITUATIONS: [name: string, reason: Reason, situation: Situation][] = [
  ['a permitted read', 'policy_permit', orders({ path: '/accounts' })],
  [
    'a permitted call over gRPC',
    'policy_permit',
    orders({ method: 'POST', path: '/shop.Payments/Charge' }),
  ],
  ['a permitted connection', 'policy_permit', { message: tcpRequest({ principal: ORDERS }) }],
  ['a permitted CONNECT', 'policy_permit', orders({ method: 'CONNECT', path: '' })],
  ['a forbidden path', 'policy_forbid', orders({ path: '/secrets/1' })],
  ['a write that nobody permits', 'no_permit', orders({ method: 'POST', path: '/accounts' })],
  [
    'a caller that the action does not apply to',
    'no_permit',
    { message: httpRequest({ method: 'POST' }) },
  ],
  ['an anonymous connection', 'no_permit', { message: tcpRequest() }],
  [
    'a DNS name as principal',
    'identity_rejected',
    { message: httpRequest({ principal: 'web.test' }) },
  ],
  ['an empty URI SAN', 'identity_rejected', { message: httpRequest({ certificate: 'x' }) }],
  [
    'no certificate in strict mode',
    'identity_rejected',
    { ...orders({}), settings: { strictIdentity: true } },
  ],
  ['a method that is no action', 'action_unknown', orders({ method: 'DELETE' })],
  ['the name of a group as method', 'action_unknown', orders({ method: 'read' })],
  ['the name of our own action as method', 'action_unknown', orders({ method: 'connect' })],
  [
    'a header that is not UTF-8',
    'context_incomplete',
    orders({ rawHeaders: [['x-tenant', Buffer.from([0xff])]] }),
  ],
  [
    'an engine that refuses the request',
    'context_incomplete',
    { active: broken(() => ({ kind: 'failed', message: 'no' })) },
  ],
  ['a declared header sent twice', 'header_duplicate', orders({ headers: { 'x-tenant': 'a,b' } })],
  ['a permit that fails', 'policy_error', orders({ method: 'POST', path: '/overflow/permit' })],
  [
    'a forbid that fails though a permit applies',
    'policy_error',
    orders({ path: '/overflow/forbid' }),
  ],
  ['no bytes', 'request_undecodable', { message: Buffer.alloc(0) }],
  ['bytes that are no message', 'request_undecodable', { message: Buffer.from('ffff', 'hex') }],
  [
    'a message above the limit',
    'request_too_large',
    { message: Buffer.alloc(REQUEST_BYTES_MAX + 1) },
  ],
  ['a path with two readings', 'path_rejected', orders({ path: '/a/..%2fb' })],
  ['a query that does not decode', 'path_rejected', orders({ path: '/a?q=%ff' })],
  ['no bundle', 'no_bundle', { ...orders({}), active: undefined }],
  [
    'no destination',
    'destination_missing',
    { ...orders({}), settings: { destinationFrom: 'route' } },
  ],
  [
    'a destination out of scope',
    'destination_not_covered',
    { ...orders({}), settings: { service: 'shop/other' } },
  ],
  ['a deadline that has passed', 'deadline', { ...orders({}), deadlineMs: NOW_MS }],
  [
    'a throw inside',
    'internal_fault',
    {
      active: broken(() => {
        throw new Error('boom');
      }),
    },
  ],
];

/** Held in rollouts.test.ts. */
const OF_ROLLOUTS = ['exception', 'blocked', 'bundle_revoked', 'overload'];

it('there is a situation for every reason', () => {
  const reasons = Object.keys(REASONS).filter((reason) => !OF_ROLLOUTS.includes(reason));
  expect(new Set(SITUATIONS.map(([, reason]) => reason))).toEqual(new Set(reasons));
});

describe.each(['shadow', 'enforce'] as const)('in mode %s', (mode) => {
  it.each(SITUATIONS)('%s: %s', (_, reason, situation) => {
    const { answer, record } = run(mode, situation);
    const { decision, enforced, status } = { status: undefined, ...REASONS[reason] };
    const outcome = mode === 'shadow' ? 'allow' : enforced;
    expect(record).toMatchObject({
      reason,
      decision,
      mode,
      outcome,
      wouldDeny: mode === 'shadow' && enforced === 'deny',
    });

    if (!('response' in answer)) throw new Error('the default is a response');
    expect(answer.response.length).toBeGreaterThan(0);
    const response = decodeResponse(answer.response);
    const { fields = {} } = response.dynamic_metadata ?? {};
    expect(fields.decision?.stringValue).toBe(decision);
    expect(fields.mode?.stringValue).toBe(mode);
    expect(fields.outcome?.stringValue).toBe(outcome);
    expect(fields.reason?.stringValue).toBe(reason);
    expect(fields.policy_version?.stringValue).toBe(reason === 'no_bundle' ? 'none' : STAMP);
    const digest = record.regime.active?.bundle.digest;
    expect(fields.bundle_digest?.stringValue).toBe(digest);
    if (outcome === 'allow') {
      expect(response.status?.code ?? 0).toBe(0);
      expect(response.ok_response?.headers ?? []).toEqual([]);
      expect(response.denied_response).toBeUndefined();
    } else if (outcome === 'deny') {
      expect(response.status?.code).toBe(7);
      expect(response.denied_response?.status?.code).toBe(status);
      expect(response.denied_response?.body).toBe('access denied\ndecision id: 0190-id\n');
    } else {
      expect(response.status?.code).toBe(14);
      expect(response.denied_response).toBeUndefined();
      expect(status).toBe(503);
    }
    const headers =
      response.ok_response?.response_headers_to_add ?? response.denied_response?.headers ?? [];
    for (const { header, append } of headers) {
      expect(header?.key).toMatch(/^x-cedargate-/);
      expect(append).toBeDefined();
      expect(append?.value ?? false).toBe(false);
    }
    if (outcome !== 'fail') {
      expect(headers.map(({ header }) => header?.value)).toEqual([
        reason === 'no_bundle' ? 'none' : STAMP,
        '0190-id',
      ]);
    }
  });
});

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the record', () => {
  it('names caller, action, destination and route of what was decided', () => {
    const { record } = run('shadow', orders({ method: 'POST', path: '/shop.Payments/Charge?x=1' }));
    expect(record).toMatchObject({
      principal: ORDERS,
      action: 'rpc',
      access: 'write',
      destination: 'shop/payments',
      route: 'charge',
      method: 'POST',
      path: '/shop.Payments/Charge',
      policies: ['charge'],
      errors: [],
      input: { resource: { type: 'Route', id: 'shop/payments/charge' } },
    });
  });

  it('names the caller of a rejected path too, and which rule it broke', () => {
    const { record } = run('enforce', orders({ path: '/a//b' }));
    expect(record).toMatchObject({
      principal: ORDERS,
      destination: 'shop/payments',
      input: undefined,
    });
    expect(record.errors).toMatchObject([{ code: 'path_empty_segment' }]);
  });

  it('keeps the first error in the order of the hot path', () => {
    const all = httpRequest({ path: '/a//b', principal: 'web.test', method: 'DELETE' });
    const settings = { destinationFrom: 'route' } as const;
    expect(run('enforce', { message: all, settings }).record.reason).toBe('path_rejected');
    const three = httpRequest({ principal: 'web.test', method: 'DELETE' });
    expect(run('enforce', { message: three, settings }).record.reason).toBe('identity_rejected');
    const two = httpRequest({ method: 'DELETE' });
    expect(run('enforce', { message: two, settings }).record.reason).toBe('destination_missing');
    expect(run('enforce', { message: two }).record.reason).toBe('action_unknown');
  });

  it('lists the failing policy of an error, and flags claims of a wrong type', () => {
    const failing = run('shadow', orders({ path: '/overflow/forbid' })).record;
    expect(failing.policies).toEqual([]);
    expect(failing.errors).toMatchObject([{ code: 'policy_evaluation', policy: 'failing-forbid' }]);
    const flagged = run('shadow', orders({ claims: { level: 'high' } })).record;
    expect(flagged.reason).toBe('policy_permit');
    expect(flagged.errors).toMatchObject([{ code: 'value_ignored', field: 'claims.level' }]);
  });

  it('takes trace and request ids as labels only when they are well-formed', () => {
    const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, 'x-request-id': 'r-1' };
    expect(run('shadow', orders({ headers })).record).toMatchObject({
      traceId: TRACE,
      requestId: 'r-1',
    });
    const odd = { 'x-request-id': 'x'.repeat(5_000) };
    const { record } = run('shadow', orders({ headers: odd }));
    expect(record.traceId).toBeUndefined();
    expect(record.requestId).toHaveLength(1_024);
  });

  it.each([
    [
      'of a later version, with more at its end',
      `cc-${TRACE}-00f067aa0ba902b7-01-what-comes`,
      TRACE,
    ],
    [
      'of the first version with more at its end',
      `00-${TRACE}-00f067aa0ba902b7-01-more`,
      undefined,
    ],
    ['with a longer end', `cc-${TRACE}-00f067aa0ba902b7-01more`, undefined],
    ['of the invalid version', `ff-${TRACE}-00f067aa0ba902b7-01`, undefined],
    ['of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, undefined],
    ['with a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    ['in capitals', `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`, undefined],
    ['with text before it', ` 00-${TRACE}-00f067aa0ba902b7-01`, undefined],
  ])('reads a traceparent %s as W3C has it', (_, traceparent, id) => {
    expect(run('shadow', orders({ headers: { traceparent } })).record.traceId).toBe(id);
  });
});

describe('the answer', () => {
  it('to a failure is a gRPC error when that is configured, and only in enforce', () => {
    const situation = { active: undefined, settings: { failResponse: 'grpc_error' } } as const;
    expect(run('enforce', situation).answer).toEqual({
      grpcError: { code: 14, message: 'no_bundle' },
    });
    expect(run('shadow', situation).answer).toHaveProperty('response');
  });

  it('carries the mode and the help URL only when configured', () => {
    const situation: Situation = {
      ...orders({ method: 'POST', path: '/accounts' }),
      settings: {
        helpUrl: 'https://help.test/denied',
        headers: { prefix: 'x-acme', version: false, decisionId: false, mode: true },
      },
    };
    const { answer } = run('enforce', situation);
    const denied =
      'response' in answer ? decodeResponse(answer.response).denied_response : undefined;
    expect(denied?.headers?.map(({ header }) => header)).toEqual([
      { key: 'x-acme-mode', value: 'enforce' },
    ]);
    expect(denied?.body).toBe(
      'access denied\ndecision id: 0190-id\nhelp: https://help.test/denied\n',
    );
  });

  it('names a bounded number of policies: an answer too long to send would be no denial', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `${i}`.padStart(128, 'p'));
    const forbidden = broken(() => ({
      kind: 'answered',
      satisfied: ids,
      engineDecision: 'deny',
      errored: [],
    }));
    const { answer, record } = run('enforce', { ...orders({ path: '/' }), active: forbidden });
    expect(record).toMatchObject({ reason: 'policy_forbid', outcome: 'deny' });
    const bytes = 'response' in answer ? answer.response.length : Number.POSITIVE_INFINITY;
    expect(bytes).toBeLessThan(RESPONSE_BYTES_MAX / 10);
  });

  it('to a failure carries status 503, stamps and text in error_response, field 5', () => {
    const { answer } = run('enforce', { active: undefined });
    const bytes = 'response' in answer ? answer.response : Buffer.alloc(0);
    // The official descriptors at hand predate the field, so it is found by its tag on the wire.
    const text = bytes.toString('latin1');
    expect(text).toContain('authorization unavailable\ndecision id: 0190-id\n');
    expect(text).toContain('x-cedargate-policy-version');
    expect(topLevelFields(bytes)).toContain(5);
  });
});

/** Field numbers of the length-delimited fields of a message. */
function topLevelFields(bytes: Buffer): number[] {
  const fields: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at++] as number;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] as number;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    fields.push(tag >> 3);
    at += length;
  }
  return fields;
}
