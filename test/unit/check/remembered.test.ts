/**
 * Whole checks with remembered answers against whole checks that ask plain isAuthorized with all
 * policies and all entities: the same record, whatever the request holds. PROPERTY_RUNS multiplies.
 */
import cedar, { type AuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { EvaluationMemory } from '../../../src/cedar/evaluation-memory.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { unpackProgram } from '../../../src/cedar/packed-policies.js';
import type { CedarProgram, EntityData, Evaluation } from '../../../src/cedar/types.js';
import { check } from '../../../src/check/check.js';
import { soleGeneration } from '../../../src/check/regime.js';
import type { ActiveBundle } from '../../../src/check/types.js';
import { checkBundle, PAYMENTS_SETTINGS } from '../../support/check-bundles.js';
import { httpRequest, type RequestParts } from '../../support/check-request.js';
import { PROPERTY_FACTOR } from '../../support/properties.js';
import { ORDERS, PARTNER, REPORTS } from '../../support/traits.js';

const RUNS = 2_000 * PROPERTY_FACTOR;
/** Only against hanging. */
const TIMEOUT_MS = 60_000 * PROPERTY_FACTOR;

const MORE = `
@id("tenants") @owner("o") @description("red may ask")
permit (principal, action == Action::"GET", resource)
when { context has headers && context.headers has "x-tenant" && context.headers["x-tenant"] like "r*d" };
@id("levels") @owner("o") @description("the higher levels")
permit (principal is Workload, action in Action::"write", resource)
when { context has claims && context.claims has level && context.claims.level > 3 };
@id("overflow") @owner("o") @description("fails for high levels")
forbid (principal, action in Action::"read", resource)
when { context has claims.level && context.claims.level * 9223372036854775807 > 7 };
@id("asked") @owner("o") @description("a search")
permit (principal is Anonymous, action, resource)
when { context has query && context.query has q && context.query.q.contains("x") };
@id("exact") @owner("o") @description("one path")
permit (principal, action, resource) when { context has path && context.path == "/exact" };
`;

const asking = checkBundle({ 'a.cedar': (text) => text + MORE });
const lookups = { hit: 0, miss: 0, bypass: 0 };
const loaded = createEvaluator(asking.bundle.program, { memory: new EvaluationMemory(), lookups });
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const remembering: ActiveBundle = { ...asking, evaluator: loaded.value };
const plain: ActiveBundle = {
  ...asking,
  evaluator: {
    ...asking.evaluator,
    evaluate: (request) => ask(unpackProgram(asking.bundle.program), request),
  },
};

type Ask = ActiveBundle['evaluator']['evaluate'];

function ask(program: CedarProgram, request: Parameters<Ask>[0]): Evaluation {
  const { principal, action, resource, ancestors, context } = request;
  const answer = cedar.isAuthorized({
    ...{ principal: principal.uid, action: { type: 'Action', id: action }, resource: resource.uid },
    ...{ context, schema: program.schemaText },
    entities: [principal, resource, ...ancestors].map((entity) => declared(program, entity)),
    policies: {
      staticPolicies: Object.fromEntries(program.policies.map(({ id, text }) => [id, text])),
    },
  } as unknown as AuthorizationCall);
  if (answer.type === 'failure') return { kind: 'failed', message: '' };
  const { decision, diagnostics } = answer.response;
  return {
    kind: 'answered',
    satisfied: [...diagnostics.reason].sort(),
    engineDecision: decision,
    errored: diagnostics.errors
      .map(({ policyId }) => {
        const effect = program.policies.find(({ id }) => id === policyId)?.effect ?? 'permit';
        return { policy: policyId, effect, message: '' };
      })
      .sort((a, b) => (a.policy < b.policy ? -1 : 1)),
  };
}

/** Without what the schema does not declare: the engine would refuse it. */
function declared({ schema }: CedarProgram, { uid, attrs, parents }: EntityData): EntityData {
  const names = schema.attributes.get(uid.type);
  const own = Object.entries(attrs).filter(([name]) => names?.has(name));
  return { uid, attrs: Object.fromEntries(own), parents };
}

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const tenant = fc.constantFrom('red', 'rd', 'r--d', 'blue', '', '\u{1f600}');
const headers = fc.oneof(
  fc.record({ headers: fc.record({ 'x-tenant': tenant }, { requiredKeys: [] }) }),
  fc.record({
    rawHeaders: fc.array(
      fc.tuple(
        fc.constantFrom('x-tenant', 'X-Tenant', 'x-other'),
        fc.oneof(tenant, fc.constant(new Uint8Array([0xff, 0xfe]))),
      ),
      { maxLength: 3 },
    ),
  }),
);
const claims = fc.oneof(
  fc.record(
    {
      level: fc.oneof(fc.integer({ min: -2, max: 9 }), fc.jsonValue({ maxDepth: 1 })),
      sub: tenant,
    },
    { requiredKeys: [] },
  ),
  fc.constant({ level: 9 }),
  fc.dictionary(
    fc.constantFrom('level', '__proto__', '__entity', 'x'),
    fc.jsonValue({ maxDepth: 1 }),
  ),
);
const request: fc.Arbitrary<RequestParts> = fc
  .tuple(
    fc.record({
      principal: fc.constantFrom(
        ...[ORDERS, REPORTS, PARTNER, '', 'spiffe://x//y', 'CN=orders', `${ORDERS}/../admin`],
      ),
      method: fc.constantFrom('GET', 'GET', 'POST', 'DELETE', 'read', 'CONNECT', 'rpc'),
      path: fc.constantFrom(
        ...[
          '/exact',
          '/exact/',
          '/secrets',
          '/secrets/1',
          '/a?q=x',
          '/a?q=x&q=y',
          '/a?q=%',
          '/a/../b',
        ],
        ...[
          '/overflow/permit',
          '/overflow/forbid',
          '/shop.Payments/Charge',
          '/%73ecrets',
          '/\u{1f600}',
        ],
      ),
    }),
    headers,
    some(claims),
  )
  .map(([parts, named, token]) => ({
    ...parts,
    ...named,
    ...(token === undefined ? {} : { claims: token as object, claimsPayload: 'p' }),
  }));

const seen = new Map<string, number>();

function recordOf(active: ActiveBundle, message: Buffer) {
  const generation = soleGeneration(1, { mode: 'enforce', stamp: 's', active });
  const call = { message, deadlineMs: Infinity, nowMs: 1_500, decisionId: 'id' };
  const { record, fault } = check(call, generation, PAYMENTS_SETTINGS);
  if (fault !== undefined) throw fault;
  const { regime: _, errors, ...rest } = record;
  return { ...rest, errors: errors.map(({ code, policy, field }) => ({ code, policy, field })) };
}

describe('a remembered answer', () => {
  afterAll(() => {
    for (const { evaluator } of [asking, remembering]) evaluator.release();
    const { hit, miss } = lookups;
    expect(Math.min(hit, miss), JSON.stringify(lookups)).toBeGreaterThan(20);
    const reasons = [
      'policy_permit',
      'policy_forbid',
      'policy_error',
      'no_permit',
      'path_rejected',
    ];
    for (const reason of [...reasons, 'identity_rejected', 'header_duplicate']) {
      expect(seen.get(reason) ?? 0, reason).toBeGreaterThan(0);
    }
  });

  it(
    'makes the same record as the engine does, asked about everything',
    () => {
      fc.assert(
        fc.property(request, (parts) => {
          const message = httpRequest(parts);
          const record = recordOf(remembering, message);
          seen.set(record.reason, (seen.get(record.reason) ?? 0) + 1);
          expect(record).toEqual(recordOf(plain, message));
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  it('is given under overload, when nobody else is asked', () => {
    const memory = new EvaluationMemory();
    const own = createEvaluator(asking.bundle.program, { memory });
    if (!own.ok) throw new Error(JSON.stringify(own.problems));
    const generation = soleGeneration(1, {
      ...{ mode: 'enforce', stamp: 's' },
      active: { ...asking, evaluator: own.value },
    });
    const told = (path: string, load: 'normal' | 'overload', principal = ORDERS) => {
      const message = httpRequest({ principal, path });
      const call = { message, deadlineMs: Infinity, nowMs: 1_500, decisionId: 'id', load };
      const { reason, outcome } = check(call, generation, PAYMENTS_SETTINGS).record;
      return `${reason} ${outcome}`;
    };
    expect(told('/exact', 'overload')).toBe('overload fail');
    expect(told('/exact', 'normal')).toBe('policy_permit allow');
    expect(told('/exact', 'overload')).toBe('policy_permit allow');
    // Another path, and another caller.
    expect(told('/secrets', 'overload')).toBe('overload fail');
    expect(told('/exact', 'overload', PARTNER)).toBe('overload fail');
    own.value.release();
  });
});
