import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCheckRequest, type RequestSketch } from '../../../src/analysis/check-request.js';
import { type Explanation, explainLogged, explainRequest } from '../../../src/analysis/explain.js';
import { MASKED, parseLoggedDecision } from '../../../src/analysis/logged-decision.js';
import { checkSettings, DEFAULT_CLAIM_NAMES } from '../../../src/analysis/settings.js';
import { compileBundle } from '../../../src/bundle/compile.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { check } from '../../../src/check/check.js';
import { soleGeneration } from '../../../src/check/regime.js';
import type { ActiveBundle } from '../../../src/check/types.js';
import { configSchema } from '../../../src/config/schema.js';
import { decisionLine, originText } from '../../../src/decision-log/line.js';
import * as logMask from '../../../src/decision-log/mask.js';
import { smallFiles } from './small-bundle.js';

const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';
const NOW_MS = Date.parse('2026-01-01T00:00:00Z');

const actives: ActiveBundle[] = [];

function load(changes: Record<string, string> = {}, environment?: string): ActiveBundle {
  const bundle = compileBundle(smallFiles(changes), { environment });
  if (!bundle.ok) throw new Error(JSON.stringify(bundle.problems));
  const evaluator = createEvaluator(bundle.value.program);
  if (!evaluator.ok) throw new Error('no slot');
  const active = { bundle: bundle.value, evaluator: evaluator.value, loadedAtMs: 0 };
  actives.push(active);
  return active;
}

let small: ActiveBundle;
beforeAll(() => {
  small = load();
});
afterAll(() => {
  for (const { evaluator } of actives) evaluator.release();
});

interface Sketch {
  readonly caller?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly claims?: RequestSketch['claims'];
}

function sketch({ caller = ORDERS, method = 'GET', path = '/x', headers = [], claims }: Sketch) {
  return { caller, http: { method, path, headers }, claims, sourceAddress: '10.0.0.1' };
}

function ask(parts: Sketch, active = small): Explanation {
  const question = { sketch: sketch(parts), service: 'a/b', environment: undefined, nowMs: NOW_MS };
  const result = explainRequest(question, active);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

const find = ({ policies }: Explanation, id: string) => policies.find((policy) => policy.id === id);

describe('an explained request', () => {
  it('names the policy that decided, with its place and owner', () => {
    const explanation = ask({});
    expect(explanation).toMatchObject({ decision: 'allow', reason: 'policy_permit', warnings: [] });
    expect(find(explanation, 'reads')).toMatchObject({
      status: 'decides',
      file: 'main.cedar',
      line: 1,
      owner: 'team-a',
      description: 'Workloads of shop read.',
    });
  });

  it('names what applies and was outweighed', () => {
    const explanation = ask({ path: '/secret/1' });
    expect(explanation).toMatchObject({ decision: 'deny', reason: 'policy_forbid' });
    expect(find(explanation, 'no-secrets')?.status).toBe('decides');
    expect(find(explanation, 'reads')?.status).toBe('outweighed');
  });

  it('quotes the parts of the scope that do not match', () => {
    const explanation = ask({ caller: 'anonymous', method: 'POST', path: '/items/1' });
    expect(find(explanation, 'posts')).toMatchObject({
      status: 'does_not_apply',
      scope: { principal: 'principal is Workload' },
    });
    expect(find(explanation, 'reads')?.scope).toEqual({
      principal: 'principal in Namespace::"example.org/shop"',
      action: 'action == Action::"GET"',
    });
    expect(find(explanation, 'calls')?.scope).toEqual({
      action: 'action in [Action::"rpc", Action::"connect", Action::"CONNECT"]',
    });
  });

  it('names the condition that does not hold', () => {
    const explanation = ask({
      method: 'POST',
      path: '/items/1',
      headers: [['x-one', 'yes']],
      claims: { level: 1 },
    });
    const states = find(explanation, 'posts')?.conditions.filter(({ state }) => state !== 'holds');
    expect(states).toEqual([{ text: 'context.claims.level > 2', state: 'does_not_hold' }]);
  });

  it('says which policy could not be evaluated, and why', () => {
    const explanation = ask({
      caller: 'spiffe://example.org/ns/shop/sa/max',
      method: 'POST',
      path: '/',
    });
    expect(explanation).toMatchObject({ decision: 'error', reason: 'policy_error' });
    const tiered = find(explanation, 'tiered');
    expect(tiered?.status).toBe('fails');
    expect(tiered?.conditions.at(-1)).toMatchObject({
      state: 'fails',
      message: expect.any(String),
    });
  });

  it.each([
    ['a path that is rejected', { path: '/a//b' }, 'path_rejected'],
    ['a caller that cannot be read', { caller: 'CN=x' }, 'identity_rejected'],
    ['a method that is no action', { method: 'PROPFIND' }, 'action_unknown'],
  ])('says why no policy was asked: %s', (_name, parts, reason) => {
    const explanation = ask(parts);
    expect(explanation).toMatchObject({ decision: 'error', reason, input: null, policies: [] });
    expect(explanation.errors).not.toEqual([]);
  });

  it('has each policy once, in one of four states that agree with the decision', () => {
    for (const method of ['GET', 'POST', 'CONNECT']) {
      for (const caller of [ORDERS, 'anonymous', 'spiffe://example.org/ns/shop/sa/max']) {
        for (const path of ['/', '/items/1', '/secret', '/a.B/Do']) {
          const explanation = ask({ method, caller, path });
          const ids = explanation.policies.map(({ id }) => id);
          expect(ids).toEqual(['reads', 'calls', 'posts', 'no-secrets', 'tiered']);
          const deciding = explanation.policies.filter(({ status }) => status === 'decides');
          const decided =
            explanation.reason.startsWith('policy_') && explanation.decision !== 'error';
          expect(deciding.length > 0).toBe(decided);
        }
      }
    }
  });
});

describe('a line of the decision log', () => {
  /** As the sidecar writes it. */
  function lineOf(
    parts: Sketch,
    allowed: { headers?: string[]; claims?: string[] } = {},
    active = small,
  ) {
    const settings = checkSettings('a/b', undefined);
    const message = encodeCheckRequest(sketch(parts), settings.claims.payload);
    const generation = soleGeneration(1, { mode: 'shadow', stamp: '1+abc.unsigned', active });
    const call = { message, deadlineMs: Infinity, nowMs: NOW_MS, decisionId: 'id' };
    const { record } = check(call, generation, settings);
    return decisionLine(record, {
      origin: originText({ workload: 'w', environment: undefined, cluster: undefined }),
      timestampMs: NOW_MS,
      durationUs: 1,
      firstSeen: false,
      sampledShare: 1,
      mask: {
        headers: new Set(allowed.headers ?? []),
        claims: new Set(allowed.claims ?? []),
        query: new Set(),
        claimNames: DEFAULT_CLAIM_NAMES,
      },
    });
  }

  function explainLine(text: string, active = small): Explanation {
    const line = parseLoggedDecision(text);
    if (!line.ok) throw new Error(JSON.stringify(line.problems));
    const result = explainLogged(line.value, active);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return result.value;
  }

  const POST = {
    method: 'POST',
    path: '/items/1',
    headers: [['x-one', 'yes']] as const,
    claims: { level: 3 },
  };

  it.each([
    ['allowed', {}],
    ['denied', { caller: 'anonymous' }],
    ['forbidden', { path: '/secret' }],
    ['failed', { caller: 'spiffe://example.org/ns/shop/sa/max', method: 'POST', path: '/' }],
    ['gRPC', { method: 'POST', path: '/a.B/Do' }],
  ])('explains what happened: %s', (_name, parts) => {
    const explanation = explainLine(lineOf(parts));
    expect(explanation.warnings).toEqual([]);
    expect(explanation).toEqual(ask(parts));
  });

  it('is explained whole when the log shows what policies read', () => {
    const explanation = explainLine(lineOf(POST, { headers: ['x-one'], claims: ['level'] }));
    expect(explanation).toMatchObject({ reason: 'policy_permit', warnings: [] });
  });

  it('warns of what was masked, and still says which attributes were there', () => {
    const explanation = explainLine(lineOf(POST));
    expect(explanation.warnings.join('\n')).toContain('`headers.x-one`, `claims.level`');
    expect(explanation.warnings.join('\n')).toContain('the log says allow, policy_permit by posts');
    const held = find(explanation, 'posts')?.conditions.filter(({ state }) => state === 'holds');
    expect(held?.map(({ text }) => text)).toContain('context.headers has "x-one"');
  });

  it('warns when another bundle decided, and when it decides otherwise', () => {
    const other = load({ 'bundle.yaml': 'name: small\nversion: "2"\nowner: a\n' });
    expect(explainLine(lineOf({}), other).warnings).toEqual([
      expect.stringContaining('1+abc.unsigned'),
    ]);
    const denies = load({
      'main.cedar': '@id("x") @owner("x") @description("x") forbid (principal, action, resource);',
    });
    const explanation = explainLine(lineOf({}), denies);
    expect(explanation.reason).toBe('policy_forbid');
    expect(explanation.warnings).toHaveLength(2);
  });

  it('of an exception is no difference while the policies deny it still', () => {
    const excepted = (parts: Sketch) =>
      lineOf(parts).replace(/"reason":"[a-z_]+"/, '"reason":"exception"');
    expect(explainLine(excepted({ caller: 'anonymous' })).warnings).toEqual([]);
    expect(explainLine(excepted({})).warnings).toHaveLength(1);
  });

  it.each([
    ['no_permit', []],
    ['policy_forbid', ['guards']],
  ])('of an exception says %s where its input was left out', (reason, policies) => {
    const excepted = { reason: 'exception', policies, input: null, replayable: false };
    const line = { ...JSON.parse(lineOf({ caller: 'anonymous' })), ...excepted };
    const explanation = explainLine(JSON.stringify(line));
    expect(explanation).toMatchObject({ decision: 'deny', reason, standing: null });
  });

  it('is explained by its own words when nothing was asked of the policies', () => {
    const explanation = explainLine(lineOf({ path: '/a//b' }));
    expect(explanation).toMatchObject({ reason: 'path_rejected', policies: [], warnings: [] });
    expect(explanation.errors).toMatchObject([{ code: 'path_empty_segment' }]);
  });

  it.each([
    ['nothing', '', 'got 0'],
    ['two lines', '{}\n{}', 'got 2'],
    ['no JSON', 'text', 'not JSON'],
    ['another line of the log', '{"type":"change"}', '`type`'],
    ['a later schema', '{"type":"decision","schema_version":2}', '`schema_version`'],
  ])('is refused when it is %s', (_name, text, message) => {
    const line = parseLoggedDecision(text);
    expect(line).toMatchObject({ ok: false, problems: [{ code: 'input_invalid' }] });
    expect(line.ok ? '' : line.problems[0].message).toContain(message);
  });
});

describe('what analysis repeats of other rooms', () => {
  it('is the same there', () => {
    expect(MASKED).toBe(logMask.MASKED);
    expect(DEFAULT_CLAIM_NAMES).toEqual(configSchema.parse({}).claims);
  });
});
