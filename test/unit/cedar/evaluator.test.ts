import { afterEach, describe, expect, it } from 'vitest';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import type { CedarRequest, Evaluator } from '../../../src/cedar/types.js';
import { lines, policy, programOf, request, SCHEMA, type Sources, workloadId } from './support.js';

const loaded: Evaluator[] = [];
afterEach(() => {
  for (const evaluator of loaded.splice(0)) evaluator.release();
});

function load(sources: Sources): Evaluator {
  const result = createEvaluator(programOf(sources));
  if (!result.ok) throw new Error(lines(result).join());
  loaded.push(result.value);
  return result.value;
}

function satisfied(sources: Sources, asked: CedarRequest = request()): readonly string[] {
  const answer = load(sources).evaluate(asked);
  if (answer.kind === 'failed') throw new Error(answer.message);
  return answer.satisfied;
}

const permit = (id: string, condition: string, scope = 'principal, action, resource') =>
  policy(id, `permit (${scope}) when { ${condition} };`);

describe('asking the engine', () => {
  it('sorts what the engine gives in any order', () => {
    const ids = Array.from({ length: 30 }, (_, index) => `p${index}`);
    const policies = ids.map((id) => policy(id, 'permit (principal, action, resource);')).join('');
    expect(satisfied({ policies })).toEqual([...ids].sort());
  });

  it('names the policies that failed to evaluate and says how', () => {
    const overflow = '9223372036854775807 + 1 == 2';
    const policies = `${permit('b', overflow)}${permit('a', overflow)}${permit('c', 'true')}`;
    expect(load({ policies }).evaluate(request())).toEqual({
      kind: 'answered',
      engineDecision: 'allow',
      satisfied: ['c'],
      errored: ['a', 'b'].map((id) => ({
        policy: id,
        effect: 'permit',
        message:
          'integer overflow while attempting to add the values `9223372036854775807` and `1`',
      })),
    });
  });

  it('applies policies for a group of actions', () => {
    const policies = `${permit('all', 'true')}${policy('w', 'forbid (principal, action in Action::"write", resource);')}`;
    expect(satisfied({ policies })).toEqual(['all']);
    expect(satisfied({ policies }, request({ action: 'POST' }))).toEqual(['w']);
  });

  it('knows the parents and attributes that the request brings', () => {
    const policies = [
      permit('ns', 'true', 'principal in Namespace::"example.org/shop", action, resource'),
      permit('td', 'true', 'principal in TrustDomain::"example.org", action, resource'),
      permit('service', 'true', 'principal, action, resource in Service::"shop/payments"'),
      permit(
        'attr',
        'principal has serviceAccount && principal.serviceAccount == "orders"',
        'principal is Workload, action, resource',
      ),
      permit('other', 'true', 'principal in Namespace::"example.org/ops", action, resource'),
    ].join('');
    const asked = request({ route: 'refund' });
    expect(satisfied({ policies }, asked)).toEqual(['attr', 'ns', 'service', 'td']);
  });

  // What no policy reads is not sent to the engine, so each way of reading has a bundle of its own.
  it.each([
    ['principal has tier', 'principal, action, resource'],
    ['principal.hasTag("team")', 'principal, action, resource'],
    ['principal.hasTag("team") && principal.getTag("team") == "a"', 'principal, action, resource'],
    ['principal has peer && principal.peer has tier', 'principal is Workload, action, resource'],
    ['principal has peer.tier', 'principal is Workload, action, resource'],
    [
      'principal has peer && principal in principal.peer',
      'principal is Workload, action, resource',
    ],
    ['principal in Namespace::"example.org/shop"', 'principal, action, resource'],
    [
      'principal in [TrustDomain::"x.example", TrustDomain::"example.org"]',
      'principal, action, resource',
    ],
    ['principal is Workload in TrustDomain::"example.org"', 'principal, action, resource'],
    ['true', 'principal in Namespace::"example.org/shop", action, resource'],
    ['true', 'principal is Workload in TrustDomain::"example.org", action, resource'],
    ['true', 'principal, action, resource in Service::"shop/payments"'],
    ['true', 'principal, action, resource is Route in Service::"shop/payments"'],
  ])('sends what a policy reads: %s (%s)', (condition, scope) => {
    const id = workloadId('shop', 'orders');
    const schema = SCHEMA.replace(
      'in [Namespace, TrustDomain]',
      'in [Namespace, TrustDomain, Workload]',
    );
    const entities = [
      {
        uid: { type: 'Workload', id },
        attrs: {
          tier: 1,
          peer: { __entity: { type: 'Workload', id: workloadId('shop', 'peer') } },
        },
        parents: [{ type: 'Workload', id: workloadId('shop', 'peer') }],
        tags: { team: 'a' },
      },
      {
        uid: { type: 'Workload', id: workloadId('shop', 'peer') },
        attrs: { tier: 2 },
        parents: [],
      },
    ];
    const policies = permit('only', condition, scope);
    expect(satisfied({ schema, policies, entities }, request({ route: 'refund' }))).toEqual([
      'only',
    ]);
  });

  it('leaves out parents and attributes that the schema does not declare', () => {
    const schema =
      'entity Workload; entity Service; action GET appliesTo {principal: Workload, resource: Service, context: {path: String}};';
    expect(satisfied({ schema }, request())).toEqual(['all']);
  });

  it('merges what entities.json says of the caller, its namespace and the service', () => {
    const schema = `${SCHEMA.replace('entity Namespace in [TrustDomain]', 'entity Team { size?: Long };\nentity Namespace in [TrustDomain, Team]')}`;
    const entities = [
      {
        uid: { type: 'Workload', id: workloadId('shop', 'orders') },
        attrs: { tier: 1 },
        tags: { a: 'b' },
      },
      {
        uid: { type: 'Namespace', id: 'example.org/shop' },
        parents: [{ type: 'Team', id: 'red' }],
      },
      { uid: { type: 'Team', id: 'red' }, attrs: { size: 3 } },
      { uid: { type: 'Service', id: 'shop/payments' }, attrs: { critical: true } },
    ];
    const policies = [
      permit('team', 'true', 'principal in Team::"red", action, resource'),
      permit(
        'tier',
        'principal has tier && principal.tier == 1 && principal has namespace && principal.namespace == "shop"',
        'principal is Workload, action, resource',
      ),
      permit(
        'tag',
        'principal.hasTag("a") && principal.getTag("a") == "b"',
        'principal is Workload, action, resource',
      ),
      permit(
        'critical',
        'resource has critical && resource.critical',
        'principal, action, resource is Service',
      ),
      permit('named', 'Team::"red" has size && Team::"red".size == 3'),
      permit('compared', 'principal in [Team::"red", Team::"blue"]'),
    ].join('');
    expect(satisfied({ schema, entities, policies })).toEqual([
      'compared',
      'critical',
      'named',
      'tag',
      'team',
      'tier',
    ]);
  });

  it('follows references in attributes to entities and their ancestors', () => {
    const peer = { type: 'Workload', id: workloadId('ops', 'root') };
    const entities = [
      { uid: { type: 'Workload', id: workloadId('shop', 'orders') }, attrs: { peer } },
      { uid: peer, attrs: { tier: 7 }, parents: [{ type: 'Namespace', id: 'example.org/ops' }] },
      {
        uid: { type: 'Namespace', id: 'example.org/ops' },
        parents: [{ type: 'TrustDomain', id: 'example.org' }],
      },
    ];
    const scope = 'principal is Workload, action, resource';
    const policies = [
      permit(
        'tier',
        'principal has peer && principal.peer has tier && principal.peer.tier == 7',
        scope,
      ),
      permit('in', 'principal has peer && principal.peer in TrustDomain::"example.org"', scope),
    ].join('');
    expect(satisfied({ entities, policies })).toEqual(['in', 'tier']);
  });
});

describe('what the engine does not take', () => {
  const REFUSED: [name: string, asked: CedarRequest][] = [
    ['a missing required attribute', request({ context: {} })],
    ['an undeclared attribute', request({ context: { path: '/', x: 1 } })],
    ['a value of another type', request({ context: { path: 1 } })],
    [
      'an entity in place of text',
      request({ context: { path: '/', claims: { sub: { type: 'Workload', id: 'root' } } } }),
    ],
    [
      'an escaped entity in place of text',
      request({
        context: { path: '/', claims: { sub: { __entity: { type: 'Workload', id: 'root' } } } },
      }),
    ],
    [
      'an extension value in place of text',
      request({ context: { path: { __extn: { fn: 'ip', arg: '::1' } } } }),
    ],
    ['an action that is not declared', request({ action: 'PATCH' })],
    ['a group as action', request({ action: 'read' })],
    ['half a surrogate pair', request({ context: { path: 'a\ud800' } })],
    [
      'a caller type that the action does not apply to',
      {
        ...request({ action: 'POST' }),
        principal: { uid: { type: 'Anonymous', id: 'anonymous' }, attrs: {}, parents: [] },
      },
    ],
    [
      'values within each other without end',
      request({
        context: { path: '/', claims: JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`) },
      }),
    ],
  ];
  it.each(REFUSED)('fails on %s, without repeating the values', (_name, asked) => {
    // What no policy reads is not sent, so this one reads everything.
    const whole = 'permit (principal, action, resource) when { context == context };';
    const evaluator = load({ policies: policy('whole', whole) });
    const answer = evaluator.evaluate(asked);
    expect(answer.kind).toBe('failed');
    expect(JSON.stringify(answer)).not.toContain('root');
    expect(evaluator.evaluate(request()).kind).toBe('answered');
  });
});
