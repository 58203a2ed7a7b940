/** Requests under approved rollouts, from the bytes of Envoy to the answer. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compileBundle } from '../../../src/bundle/compile.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import type { CedarRequest } from '../../../src/cedar/types.js';
import { type CheckCall, check } from '../../../src/check/check.js';
import type { Reason } from '../../../src/check/reasons.js';
import type { ActiveBundle, CheckSettings, Generation } from '../../../src/check/types.js';
import { type ApprovedPart, createRolloutGeneration } from '../../../src/reload/generation.js';
import type { ApprovedState, RolloutDestination } from '../../../src/rollout/types.js';
import { approvedState } from '../../support/approved-states.js';
import { decodeResponse, httpRequest, type RequestParts } from '../../support/check-request.js';
import { block, exception, ORDERS, slice } from '../../support/traits.js';

const FIXTURE = join(import.meta.dirname, '../../fixtures/check-bundle');
const files = readdirSync(FIXTURE).map((name) => ({
  name,
  bytes: readFileSync(join(FIXTURE, name)),
}));
const compiled = compileBundle(files, { environment: undefined });
if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
const loaded = createEvaluator(compiled.value.program);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const evaluator = loaded.value;
afterAll(() => evaluator.release());
const active: ActiveBundle = { bundle: compiled.value, evaluator, loadedAtMs: 0 };
const STAMP = `1.2.3+${compiled.value.digest.slice(7, 19)}.r42`;

const SETTINGS: CheckSettings = {
  destinationFrom: 'route',
  service: undefined,
  environment: undefined,
  strictIdentity: false,
  claims: { payload: 'p', taskId: 'i', taskKind: 'k', taskIntent: 'n' },
  headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: false },
  failResponse: 'error_response',
  helpUrl: undefined,
};

const EVERYTHING = [slice('all')];
const PAYMENTS = 'shop/payments';
const payments = (onFault: RolloutDestination['onFault']) => ({
  destinations: [{ service: PAYMENTS, onFault, requireLog: false }],
});

function generationOf(
  changes: Partial<ApprovedState>,
  part: Partial<Omit<ApprovedPart, 'state'>> = {},
): Generation {
  const state = approvedState(changes);
  return createRolloutGeneration({
    number: 1,
    parts: [{ state, active, ...part }],
    clockFloorMs: 0,
  });
}

interface Asked extends RequestParts {
  destination?: string;
  call?: Partial<CheckCall>;
}

/** A GET of /accounts by `orders`, which the policies permit. */
function ask(generation: Generation, { destination = PAYMENTS, call, ...parts }: Asked = {}) {
  const extensions = { 'cedargate.destination': destination };
  const message = httpRequest({ principal: ORDERS, path: '/accounts', extensions, ...parts });
  const checked = check(
    { message, deadlineMs: Infinity, nowMs: 1_500, decisionId: 'id', ...call },
    generation,
    SETTINGS,
  );
  const response = 'response' in checked.answer ? decodeResponse(checked.answer.response) : {};
  return { record: checked.record, response, fields: response.dynamic_metadata?.fields ?? {} };
}

const DENIED = { method: 'POST' };
const FORBIDDEN = { path: '/secrets/1' };

describe('a request under a rollout', () => {
  it('is in shadow until a slice takes it', () => {
    const generation = generationOf({ enforce: [slice('writes', { access: 'write' })] });
    expect(ask(generation).record).toMatchObject({ mode: 'shadow', outcome: 'allow' });
    const { record } = ask(generation, DENIED);
    expect(record).toMatchObject({ mode: 'enforce', outcome: 'deny', slice: 'writes' });
    const shadow = ask(generation, FORBIDDEN).record;
    expect(shadow).toMatchObject({ mode: 'shadow', outcome: 'allow', wouldDeny: true });
    expect(shadow.slice).toBeUndefined();
  });

  it('is stamped with the rollout, in headers and metadata', () => {
    const { response, fields, record } = ask(generationOf({ enforce: EVERYTHING }));
    expect(record.regime.stamp).toBe(STAMP);
    expect(response.ok_response?.response_headers_to_add?.[0]?.header).toEqual({
      key: 'x-cedargate-policy-version',
      value: STAMP,
    });
    expect(fields).toMatchObject({
      policy_version: { stringValue: STAMP },
      rollout: { stringValue: 'payments' },
      rollout_sequence: { numberValue: 42 },
      ticket: { stringValue: 'CHG-1041' },
      slice: { stringValue: 'all' },
      mode: { stringValue: 'enforce' },
    });
    expect(ask(generationOf({})).fields).not.toHaveProperty('slice');
  });

  it('is on the routes and of the tenants of the active bundle', () => {
    const rpc = { method: 'POST', path: '/shop.Payments/Charge' };
    const charges = [slice('charges', { routes: ['charge'] })];
    expect(ask(generationOf({ enforce: charges }), rpc).record.slice).toBe('charges');
    expect(ask(generationOf({ enforce: charges })).record.slice).toBeUndefined();
    const uid = { type: 'Workload', id: ORDERS };
    const program = {
      ...active.bundle.program,
      entities: [{ uid, attrs: { tenant: 'red' }, parents: [] }],
    };
    const withTenant = { active: { ...active, bundle: { ...active.bundle, program } } };
    const red = { enforce: [slice('red', { tenants: ['red'] })] };
    expect(ask(generationOf(red, withTenant)).record.slice).toBe('red');
    expect(ask(generationOf(red)).record.slice).toBeUndefined();
  });

  it('stays in its slice when its path cannot be read, and when the engine breaks', () => {
    const enforce = [slice('charges', { routes: ['charge'], callers: [ORDERS] })];
    const { record } = ask(generationOf({ enforce }), { path: '/a//b' });
    expect(record).toMatchObject({ reason: 'path_rejected', outcome: 'deny', slice: 'charges' });
    // The route `charge` makes an rpc of any method, and that one writes.
    for (const match of [{ actions: ['rpc'] }, { access: 'write' }] as const) {
      const garbled = ask(generationOf({ enforce: [slice('x', match)] }), { path: '/a//b' }).record;
      expect(garbled).toMatchObject({ outcome: 'deny', slice: 'x', access: undefined });
      const held = ask(generationOf({ hold: [slice('x', match)] }), { path: '/a//b' }).record;
      expect(held.slice).toBeUndefined();
    }
    const breaking = {
      ...active,
      evaluator: {
        ...evaluator,
        schema: evaluator.schema,
        evaluate: () => {
          throw new Error('boom');
        },
      },
    };
    const broken = generationOf(
      { enforce: [slice('reads', { access: 'read' })] },
      { active: breaking },
    );
    const fault = { reason: 'internal_fault', principal: ORDERS };
    expect(ask(broken).record).toMatchObject({ ...fault, mode: 'enforce', outcome: 'fail' });
    // Under a mode of its own: what is not enforced does not fail.
    const connect = ask(broken, { method: 'CONNECT', path: '' }).record;
    expect(connect).toMatchObject({ ...fault, mode: 'shadow', outcome: 'allow' });
  });
});

describe('a block', () => {
  const blocks = [block({ match: { callers: [ORDERS] } })];

  it.each<[string, Asked]>([
    ['a permitted request', {}],
    ['a rejected path', { path: '/a//b' }],
    ['a passed deadline', { call: { deadlineMs: 1_500 } }],
    ['an unknown action', { method: 'DELETE' }],
  ])('denies %s in shadow, without asking the policies', (_, asked) => {
    const { record, response } = ask(generationOf({ blocks }), asked);
    expect(record).toMatchObject({
      ...{ decision: 'deny', reason: 'blocked', mode: 'shadow', outcome: 'deny' },
      ...{ wouldDeny: false, slice: 'abuse', policies: [], errors: [], input: undefined },
      principal: ORDERS,
    });
    expect(response.denied_response?.status?.code).toBe(403);
  });

  it('holds without a bundle, and lets nobody through by exception or onFault', () => {
    const changes = { blocks, exceptions: [exception({ overrideForbid: true })] };
    const generation = generationOf({ ...changes, ...payments('allow') }, { active: undefined });
    expect(ask(generation).record).toMatchObject({ reason: 'blocked', outcome: 'deny' });
  });

  it('ends by the present clock alone', () => {
    const generation = generationOf({ blocks });
    const early = { nowMs: 1_500, latestMs: 9_000 };
    expect(ask(generation, { call: early }).record.reason).toBe('blocked');
    expect(ask(generation, { call: { nowMs: 2_000 } }).record.reason).toBe('policy_permit');
  });
});

describe('an exception', () => {
  const exceptions = [exception()];
  const enforce = EVERYTHING;

  it('allows what nobody permits, and says so', () => {
    const { record, response } = ask(generationOf({ enforce, exceptions }), DENIED);
    expect(record).toMatchObject({
      ...{ decision: 'deny', reason: 'exception', outcome: 'allow', exception: 'refunds' },
      ...{ mode: 'enforce', slice: 'all', wouldDeny: false },
    });
    expect(response.status?.code ?? 0).toBe(0);
    expect(response.denied_response).toBeUndefined();
  });

  it('in shadow leaves the reason, and nothing would be denied', () => {
    const { record } = ask(generationOf({ exceptions }), DENIED);
    expect(record).toMatchObject({
      ...{ reason: 'no_permit', outcome: 'allow', wouldDeny: false, exception: 'refunds' },
    });
  });

  it('stands above a forbid only when it says so, and keeps the forbid in the record', () => {
    expect(ask(generationOf({ enforce, exceptions }), FORBIDDEN).record).toMatchObject({
      ...{ reason: 'policy_forbid', outcome: 'deny', exception: undefined },
    });
    const strong = [exception({ overrideForbid: true })];
    expect(ask(generationOf({ enforce, exceptions: strong }), FORBIDDEN).record).toMatchObject({
      ...{ reason: 'exception', outcome: 'allow', policies: ['no-secrets'] },
    });
    // One that does not say so stands in the way of none that does.
    const both = [exception({ name: 'a' }), ...strong];
    expect(ask(generationOf({ enforce, exceptions: both }), FORBIDDEN).record).toMatchObject({
      ...{ reason: 'exception', exception: 'refunds' },
    });
  });

  it.each<Asked>([
    { path: '/a//b' },
    { method: 'DELETE' },
    { path: '/overflow/forbid' },
    { principal: 'web.test' },
  ])('never speaks for an error: %j', (asked) => {
    const strong = [exception({ overrideForbid: true })];
    const { record } = ask(generationOf({ enforce, exceptions: strong }), asked);
    expect(record).toMatchObject({ decision: 'error', outcome: 'deny', exception: undefined });
  });

  it('ends by the largest clock that was seen or verified', () => {
    const allowed = (changes: Partial<ApprovedState>, call: Partial<CheckCall>) =>
      ask(generationOf({ enforce, exceptions, ...changes }), { ...DENIED, call }).record.reason;
    expect(allowed({}, { nowMs: 1_999 })).toBe('exception');
    expect(allowed({}, { nowMs: 2_000 })).toBe('no_permit');
    expect(allowed({}, { nowMs: 1_500, latestMs: 2_000 })).toBe('no_permit');
    expect(allowed({ issuedAtMs: 2_000 }, { nowMs: 1_500 })).toBe('no_permit');
    expect(allowed({}, { nowMs: 999, latestMs: 1_500 })).toBe('no_permit');
  });
});

describe('where nothing can be decided', () => {
  it('blocks and slices apply without a bundle: shadow allows, enforce fails', () => {
    const enforce = [slice('charges', { routes: ['charge'], access: 'read' })];
    const generation = generationOf({ enforce }, { active: undefined });
    const { record, fields } = ask(generation);
    expect(record).toMatchObject({ reason: 'no_bundle', mode: 'enforce', outcome: 'fail' });
    expect(fields.policy_version?.stringValue).toBe('none.r42');
    expect(ask(generation, DENIED).record).toMatchObject({
      ...{ reason: 'no_bundle', mode: 'shadow', outcome: 'allow', wouldDeny: false },
    });
  });

  it('says when the bundle was revoked and nothing stands behind it', () => {
    const revoked = generationOf({ enforce: EVERYTHING, active: undefined }, { active: undefined });
    expect(ask(revoked).record).toMatchObject({ reason: 'bundle_revoked', outcome: 'fail' });
    const told = { active: undefined, absence: 'bundle_revoked' } as const;
    expect(ask(generationOf({}, told)).record).toMatchObject({
      ...{ reason: 'bundle_revoked', outcome: 'allow', mode: 'shadow' },
    });
  });

  it.each([
    ['fail', 14, undefined],
    ['allow', undefined, undefined],
    ['deny', 7, 403],
  ] as const)('onFault %s is what Envoy is told', (onFault, code, status) => {
    const changes = { enforce: EVERYTHING, ...payments(onFault) };
    const { record, response } = ask(generationOf(changes, { active: undefined }));
    expect(record).toMatchObject({ decision: 'error', reason: 'no_bundle', outcome: onFault });
    expect(response.status?.code || undefined).toBe(code);
    expect(response.denied_response?.status?.code).toBe(status);
    // A request that is at fault itself is denied all the same.
    expect(ask(generationOf(changes), { path: '/a//b' }).record.outcome).toBe('deny');
  });
});

describe('a destination that requires the log', () => {
  const CASES: readonly [Asked, Reason, asksPolicies: boolean][] = [
    [{}, 'policy_permit', true],
    [DENIED, 'no_permit', true],
    [FORBIDDEN, 'policy_forbid', true],
    [{ path: '/overflow/forbid' }, 'policy_error', true],
    // What is wrong with the request itself is told before anybody would be asked.
    [{ path: '/a//b' }, 'path_rejected', false],
    [{ principal: 'web.test' }, 'identity_rejected', false],
    [{ call: { deadlineMs: 1_500 } }, 'deadline', false],
  ];
  const modes = ['shadow', 'enforce', 'blocked'] as const;
  const faults = ['fail', 'allow', 'deny'] as const;
  const cells = CASES.flatMap(([asked, reason, asksPolicies]) =>
    modes.flatMap((mode) =>
      faults.flatMap((onFault) => [
        { asked, reason, asksPolicies, mode, onFault, requireLog: true },
        { asked, reason, asksPolicies, mode, onFault, requireLog: false },
      ]),
    ),
  );

  it.each(cells)('$reason, $mode, onFault $onFault, requireLog $requireLog', (cell) => {
    const { asked, reason, asksPolicies, mode, onFault, requireLog } = cell;
    const generation = generationOf({
      destinations: [{ service: PAYMENTS, onFault, requireLog }],
      enforce: mode === 'shadow' ? [] : EVERYTHING,
      blocks: mode === 'blocked' ? [block()] : [],
    });
    const told = (logFull: boolean) =>
      ask(generation, { ...asked, call: { ...asked.call, logFull } }).record;
    const free = told(false);
    expect(free.reason).toBe(mode === 'blocked' ? 'blocked' : reason);
    const full = told(true);
    if (!requireLog || !asksPolicies || mode === 'blocked') {
      expect(full).toEqual(free);
      return;
    }
    expect(full).toMatchObject({
      ...{ decision: 'error', reason: 'overload', errors: [{ code: 'log_full' }], policies: [] },
      ...{ mode, outcome: mode === 'shadow' ? 'allow' : onFault, wouldDeny: false },
      ...{ input: undefined, principal: ORDERS, slice: free.slice },
    });
  });

  const destinations = [{ service: PAYMENTS, onFault: 'fail', requireLog: true } as const];
  const call = { logFull: true };

  it('without a bundle says that first', () => {
    const generation = generationOf({ destinations, enforce: EVERYTHING }, { active: undefined });
    expect(ask(generation, { call }).record.reason).toBe('no_bundle');
  });

  it('under overload has no answer without its line either, though it is remembered', () => {
    const { schema, release } = evaluator;
    const evaluate = (request: CedarRequest) => evaluator.evaluate(request);
    const remembering = { schema, release, evaluate, recall: evaluate };
    const generation = generationOf(
      { destinations, enforce: EVERYTHING },
      { active: { ...active, evaluator: remembering } },
    );
    const load = 'overload' as const;
    expect(ask(generation, { call: { load } }).record.reason).toBe('policy_permit');
    expect(ask(generation, { call: { load, ...call } }).record).toMatchObject({
      ...{ reason: 'overload', outcome: 'fail', errors: [{ code: 'log_full' }] },
    });
  });

  it('has no exceptions from what nobody decided', () => {
    const exceptions = [exception({ overrideForbid: true })];
    const generation = generationOf({ destinations, enforce: EVERYTHING, exceptions });
    expect(ask(generation, DENIED).record.reason).toBe('exception');
    expect(ask(generation, { ...DENIED, call }).record).toMatchObject({
      ...{ reason: 'overload', outcome: 'fail', exception: undefined },
    });
  });
});

describe('with several rollouts', () => {
  const both = (enforce: ApprovedState['enforce']) =>
    createRolloutGeneration({
      number: 1,
      clockFloorMs: 0,
      parts: [
        { state: approvedState({}), active },
        {
          active: undefined,
          state: approvedState({
            ...{ name: 'ledger', sequence: 7, ticket: 'CHG-7', enforce },
            destinations: [
              { service: 'shop/ledger', onFault: 'fail', requireLog: false },
              { service: 'shop/audit', onFault: 'allow', requireLog: false },
            ],
          }),
        },
      ],
    });

  it('each destination is ruled by its own', () => {
    const generation = both(EVERYTHING);
    expect(ask(generation).record).toMatchObject({ mode: 'shadow', reason: 'policy_permit' });
    const { record, fields } = ask(generation, { destination: 'shop/ledger' });
    expect(record).toMatchObject({ mode: 'enforce', outcome: 'fail', slice: 'all' });
    expect(fields.rollout?.stringValue).toBe('ledger');
    expect(fields.policy_version?.stringValue).toBe('none.r7');
    expect(ask(generation, { destination: 'shop/audit' }).record.outcome).toBe('allow');
  });

  it.each([
    [EVERYTHING, 'enforce'],
    [[], 'shadow'],
  ] as const)('what none covers is enforced when anything is: %j', (enforce, mode) => {
    const generation = both(enforce);
    const outcome = mode === 'enforce' ? 'fail' : 'allow';
    const other = ask(generation, { destination: 'shop/other' });
    expect(other.record).toMatchObject({ reason: 'destination_not_covered', mode, outcome });
    expect(other.fields).not.toHaveProperty('rollout');
    expect(other.fields.policy_version?.stringValue).toBe('none');
    const missing = ask(generation, { destination: 'none' }).record;
    expect(missing).toMatchObject({ reason: 'destination_missing', mode, outcome });
    const call = { message: Buffer.from('ffff', 'hex') };
    expect(ask(generation, { call }).record).toMatchObject({
      ...{ reason: 'request_undecodable', mode, wouldDeny: mode === 'shadow' },
      outcome: mode === 'enforce' ? 'deny' : 'allow',
    });
    // Of several errors the first in the order of the hot path counts.
    const garbled = ask(generation, { destination: 'shop/other', path: '/a//b' }).record;
    expect(garbled.reason).toBe('path_rejected');
  });
});
