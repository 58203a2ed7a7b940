import { describe, expect, it } from 'vitest';
import { scopeProblems } from '../../../src/bundle/scope.js';
import type { PolicySource } from '../../../src/cedar/types.js';
import { policiesOf } from '../../support/source-bundle.js';

const DESTINATIONS = ['shop/payments', 'shop/orders'];

/** Compiled against no schema: the rule looks at the resource clause and nothing else. */
function judged(resource: string, effect = 'permit'): string | undefined {
  const policies: PolicySource[] = policiesOf(
    `\n@id("p") @owner("o") @description("d") ${effect} (principal, action, ${resource});`,
  );
  const [found] = scopeProblems(policies, DESTINATIONS);
  if (found === undefined) return undefined;
  expect(found).toMatchObject({ code: 'scope_exceeded', file: 'p.cedar', line: 2 });
  return found.message.replace(/^.*: (?=its|`)/, '');
}

describe('the scope of a bundle', () => {
  it.each([
    'resource == Service::"shop/payments"',
    'resource in Service::"shop/orders"',
    'resource is Service in Service::"shop/payments"',
    'resource is Route in Service::"shop/payments"',
    'resource == Route::"shop/payments/refund"',
    'resource in Route::"shop/orders/refund"',
  ])('holds `%s`', (resource) => {
    expect(judged(resource)).toBeUndefined();
  });

  it.each([
    ['resource', 'its `resource` is any'],
    ['resource is Service', 'its `resource is Service` is any of them'],
    ['resource is Route', 'its `resource is Route` is any of them'],
    ['resource == Service::"shop/other"', '`Service::"shop/other"` is not in it'],
    ['resource == Service::"shop/payments2"', '`Service::"shop/payments2"` is not in it'],
    ['resource == Service::"shop"', '`Service::"shop"` is not in it'],
    ['resource in Service::"shop/other"', '`Service::"shop/other"` is not in it'],
    ['resource is Service in Service::"a/b"', '`Service::"a/b"` is not in it'],
    ['resource is Route in Service::"a/b"', '`Service::"a/b"` is not in it'],
    ['resource == Route::"a/b/refund"', '`Route::"a/b/refund"` is not in it'],
    ['resource == Route::"shop/payments"', '`Route::"shop/payments"` is not in it'],
    ['resource == Route::"shop/payments/a/b"', '`Route::"shop/payments/a/b"` is not in it'],
    ['resource == Route::"shop/payments2/a"', '`Route::"shop/payments2/a"` is not in it'],
    ['resource in Group::"all"', '`Group::"all"` can hold anything'],
    ['resource is Service in Group::"all"', '`Group::"all"` can hold anything'],
  ])('does not hold `%s`', (resource, why) => {
    expect(judged(resource)).toBe(why);
    expect(judged(resource, 'forbid')).toBe(why);
  });
});
