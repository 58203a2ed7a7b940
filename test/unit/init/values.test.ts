import { describe, expect, it } from 'vitest';
import { type Choices, readValues } from '../../../src/init/values.js';

function values(choices: Choices) {
  const result = readValues(choices);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const { service, ...rest } = result.value;
  return { ...rest, service: `${service.namespace}/${service.name}` };
}

describe('values', () => {
  it('are whole without any choice', () => {
    expect(values({})).toEqual({
      name: 'payments',
      owner: 'team-payments',
      service: 'shop/payments',
      trustDomain: 'example.org',
      ci: 'github',
    });
  });

  it.each<[Choices, object]>([
    [{ name: 'orders' }, { name: 'orders', service: 'shop/orders', owner: 'team-orders' }],
    [{ service: 'web/cart' }, { name: 'cart', service: 'web/cart', owner: 'team-cart' }],
    [
      { name: 'a', service: 'b/c' },
      { name: 'a', service: 'b/c', owner: 'team-a' },
    ],
    [{ owner: 'The "A" team: ünï' }, { owner: 'The "A" team: ünï' }],
    [{ trustDomain: '1_a.example' }, { trustDomain: '1_a.example' }],
    [{ ci: 'none' }, { ci: 'none' }],
  ])('follow from each other: %j', (choices, expected) => {
    expect(values(choices)).toMatchObject(expected);
  });

  it.each<[Choices, string]>([
    [{ name: 'Payments' }, '`--name` must be 1 to 63 lower-case'],
    [{ name: '' }, '`--name` must be'],
    [{ name: '../x' }, '`--name` must be'],
    [{ name: 'x\n', service: 'a/b' }, '`--name` must be'],
    [{ name: `a${'b'.repeat(63)}` }, '`--name` must be'],
    [{ service: 'payments' }, '`--service` must have the form'],
    [{ service: 'a/b/c' }, '`--service` must have the form'],
    [{ service: 'shop/Pay', name: 'pay' }, '`--service` must have the form'],
    [{ owner: '' }, '`--owner` must be text'],
    [{ owner: '  ' }, '`--owner` must not be blank'],
    [{ owner: 'a\nb' }, '`--owner` must be text without control characters'],
    [{ owner: 'x'.repeat(129) }, '`--owner` must be at most 128'],
    [{ trustDomain: 'Example.org' }, '`--trust-domain` must be a SPIFFE trust domain'],
    [{ trustDomain: '' }, '`--trust-domain` must be'],
    [{ trustDomain: 'a/ns/b' }, '`--trust-domain` must be'],
    [{ trustDomain: 'a"b' }, '`--trust-domain` must be'],
  ])('are refused: %j', (choices, message) => {
    const result = readValues(choices);
    if (result.ok) throw new Error('it was taken');
    expect(result.problems).toHaveLength(1);
    expect(result.problems[0].code).toBe('input_invalid');
    expect(result.problems[0].message).toContain(message);
  });

  it('are refused all at once, and shown without control characters', () => {
    const result = readValues({ name: '\u001b[31m', service: 'x', trustDomain: '?' });
    if (result.ok) throw new Error('it was taken');
    expect(result.problems).toHaveLength(3);
    expect(result.problems[1]?.message).toContain('not `\\u{1b}[31m`');
  });
});
