/** A partner is held while our own services are enforced, in each way that docs/rollouts.md shows. */
import { afterAll, describe, expect, it } from 'vitest';
import { compileBundle } from '../../../src/bundle/compile.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { check } from '../../../src/check/check.js';
import type { ActiveBundle } from '../../../src/check/types.js';
import { createRolloutGeneration } from '../../../src/reload/generation.js';
import { parseRolloutSource } from '../../../src/rollout/source.js';
import type { ApprovedState } from '../../../src/rollout/types.js';
import { approvedState } from '../../support/approved-states.js';
import { sourceFiles } from '../../support/bundle-files.js';
import { httpRequest, type RequestParts } from '../../support/check-request.js';
import { readText } from '../../support/repository.js';
import { resultValue } from '../../support/result.js';
import { sourceText } from '../../support/rollouts.js';
import { shippedPolicies } from '../../support/shipped-rollout.js';
import { block } from '../../support/traits.js';

const bundle = resultValue(
  compileBundle(sourceFiles(shippedPolicies()), { environment: 'production' }),
);
const evaluator = resultValue(createEvaluator(bundle.program));
afterAll(() => evaluator.release());
const active: ActiveBundle = { bundle, evaluator, loadedAtMs: 0 };

const shown = /## Hold a partner[\s\S]*?```yaml\n([\s\S]*?)```/.exec(readText('docs/rollouts.md'));
const { enforce, hold } = resultValue(
  parseRolloutSource(`${sourceText({ enforce: '' })}${shown?.[1]}`, 'rollouts.md'),
);
const holds = new Map(hold.map((each) => [each.name, each]));

const GATEWAY = 'spiffe://partner.example/ns/edge/sa/gateway';
const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';

interface Asked extends RequestParts {
  readonly state?: Partial<ApprovedState>;
  readonly without?: 'bundle';
}

/** A DELETE, which no policy permits, with one of the shown holds approved. */
function ask(name: string, principal: string, { state, without, ...parts }: Asked = {}) {
  const one = holds.get(name);
  if (one === undefined) throw new Error(`docs/rollouts.md shows no hold ${name}`);
  const generation = createRolloutGeneration({
    number: 1,
    clockFloorMs: 0,
    parts: [
      {
        state: approvedState({ enforce, hold: [one], ...state }),
        active: without === undefined ? active : undefined,
      },
    ],
  });
  const message = httpRequest({ principal, method: 'DELETE', path: '/payments/card-1', ...parts });
  return check({ message, deadlineMs: Infinity, nowMs: 1_500, decisionId: 'id' }, generation, {
    ...{ destinationFrom: 'service', service: 'shop/payments', environment: 'production' },
    ...{ strictIdentity: false, failResponse: 'error_response', helpUrl: undefined },
    claims: { payload: 'jwt_payload', taskId: 'i', taskKind: 'k', taskIntent: 'n' },
    headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: false },
  }).record;
}

const HELD = { decision: 'deny', mode: 'shadow', outcome: 'allow', wouldDeny: true };
const ENFORCED = { mode: 'enforce', outcome: 'deny', slice: 'everything' };

describe('a hold', () => {
  it.each<[who: string, principal: string, holding: string, parts?: RequestParts]>([
    ['the gateway of the partner', GATEWAY, 'by-trust-domain by-caller by-tenant'],
    [
      'a neighbour that we know nothing of',
      'spiffe://partner.example/ns/edge/sa/laptop',
      'by-trust-domain by-caller',
    ],
    ['the partner from elsewhere', 'spiffe://partner.example/ns/ops/sa/gateway', 'by-trust-domain'],
    ['the partner in another form', 'spiffe://partner.example/edge', 'by-trust-domain'],
    [
      'a domain that begins like it',
      'spiffe://partner.example.evil.example/ns/edge/sa/gateway',
      '',
    ],
    ['its name in our domain', 'spiffe://example.org/ns/partner.example/ns/edge/sa/gateway', ''],
    ['our own orders', ORDERS, ''],
    ['our own, with a token for the tenant', ORDERS, '', { claims: { tenant: 'acme' } }],
    ['a caller without a certificate', '', ''],
    ['a caller whose identity cannot be read', 'partner.example', ''],
  ])('takes %s by what names it, and nobody else', (_who, principal, holding, parts) => {
    for (const name of holds.keys()) {
      const record = ask(name, principal, parts);
      const isHeld = holding.split(' ').includes(name);
      expect(record, name).toMatchObject(isHeld ? { ...HELD, slice: name } : ENFORCED);
    }
  });

  it('shows three ways', () => {
    expect([...holds.keys()].sort()).toEqual(['by-caller', 'by-tenant', 'by-trust-domain']);
  });

  it.each([...holds.keys()])('%s holds whatever the request is', (name) => {
    const parts = [{ path: '/a//b' }, { method: 'PROPFIND' }, { method: 'POST', path: '/admin' }];
    for (const each of parts) {
      expect(ask(name, GATEWAY, each)).toMatchObject({ mode: 'shadow', outcome: 'allow' });
    }
  });

  it.each([...holds.keys()])('%s stops no block', (name) => {
    const state = { blocks: [block({ match: { trustDomains: ['partner.example'] } })] };
    expect(ask(name, GATEWAY, { state })).toMatchObject({
      ...{ reason: 'blocked', outcome: 'deny', slice: 'abuse' },
    });
  });

  it('by tenant knows nobody without a bundle; the others do', () => {
    const outcome = (name: string) => ask(name, GATEWAY, { without: 'bundle' }).outcome;
    expect(outcome('by-tenant')).toBe('fail');
    expect(outcome('by-trust-domain')).toBe('allow');
    expect(outcome('by-caller')).toBe('allow');
  });
});
