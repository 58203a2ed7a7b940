/** What is known of a policy beside its text: its scope, and what it can read. */
import { describe, expect, it } from 'vitest';
import type { PolicySource } from '../../../src/cedar/types.js';
import { policy, programOf } from './support.js';

function only(statement: string): PolicySource {
  const [first] = programOf({ policies: policy('p', statement) }).policies;
  if (first === undefined) throw new Error('no policy');
  return first;
}

const ANY = { kind: 'any' };
const uid = (type: string, id: string) => ({ type, id });

describe('the scope of a policy', () => {
  it.each([
    ['principal', ANY],
    ['principal == Workload::"w"', { kind: 'equals', uid: uid('Workload', 'w') }],
    ['principal in Namespace::"n"', { kind: 'in', uid: uid('Namespace', 'n') }],
    ['principal is Workload', { kind: 'is', type: 'Workload' }],
    [
      'principal is Workload in Namespace::"n"',
      { kind: 'is', type: 'Workload', in: uid('Namespace', 'n') },
    ],
  ])('tells `%s` apart', (text, expected) => {
    expect(only(`permit (${text}, action, resource);`).scope.principal).toEqual(expected);
  });

  it.each([
    ['action', ANY],
    ['action == Action::"GET"', { kind: 'equals', action: 'GET' }],
    ['action in Action::"read"', { kind: 'in', actions: ['read'] }],
    ['action in [Action::"write", Action::"HEAD"]', { kind: 'in', actions: ['write', 'HEAD'] }],
  ])('tells `%s` apart', (text, expected) => {
    const statement = `permit (principal is Workload, ${text}, resource);`;
    expect(only(statement).scope.action).toEqual(expected);
  });

  it('tells of the resource what it tells of the principal', () => {
    const { scope } = only('forbid (principal, action, resource in Service::"a/b");');
    expect(scope).toEqual({
      principal: ANY,
      action: ANY,
      resource: { kind: 'in', uid: uid('Service', 'a/b') },
    });
  });
});

describe('what a policy reads', () => {
  const readsOf = (when: string) =>
    only(`permit (principal, action == Action::"GET", resource)
    when { ${when} };`).reads;

  it('is nothing when it has no conditions', () => {
    expect(only('permit (principal, action, resource);').reads).toEqual({
      context: [],
      uses: [],
      attributes: [],
      ancestors: [],
      tags: false,
      entities: [],
    });
  });

  it.each([
    ['context.path == "/a"', ['path']],
    [
      'context has headers && context.headers has "x-tenant" && context.headers["x-tenant"] == "a"',
      ['headers.x-tenant'],
    ],
    ['context has claims.sub', ['claims.sub']],
    ['context has claims', ['claims']],
    ['context == context', ['*']],
    [
      'context.path like "/a*" || (context has claims && context.claims has sub)',
      ['claims.sub', 'path'],
    ],
  ])('of the context in `%s` are its longest paths', (when, expected) => {
    expect(readsOf(when).context).toEqual(expected);
  });

  it('are attributes by name, whoever has them', () => {
    const when = 'principal is Workload && principal has peer.tier && principal.peer.tier > 1';
    expect(readsOf(when).attributes).toEqual(['peer', 'tier']);
  });

  it('are groups that `in` names, in the scope and in conditions', () => {
    const { reads } = only(`permit (principal in Namespace::"n", action, resource)
      when { principal in [Namespace::"m"] || principal in TrustDomain::"t" || resource in Service::"s" };`);
    expect(reads.ancestors).toEqual([
      uid('Namespace', 'm'),
      uid('Namespace', 'n'),
      uid('Service', 's'),
      uid('TrustDomain', 't'),
    ]);
  });

  it('are any groups once the right side of an `in` is no literal', () => {
    const when = 'principal is Workload && principal has peer && principal in principal.peer';
    expect(readsOf(when).ancestors).toBeNull();
  });

  it('are tags, and entities that conditions look into', () => {
    const when = 'Workload::"w".hasTag("t") && Workload::"v" != principal';
    expect(readsOf(when)).toMatchObject({ tags: true, entities: [uid('Workload', 'w')] });
  });
});
