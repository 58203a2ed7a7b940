import { describe, expect, it } from 'vitest';
import { compileSources, lines, programOf, SCHEMA, type Sources, workloadId } from './support.js';

const ORDERS = { type: 'Workload', id: workloadId('shop', 'orders') };
const SHOP = { type: 'Namespace', id: 'example.org/shop' };

function told(sources: Sources): string[] {
  return lines(compileSources(sources));
}

function entry(fields: Record<string, unknown>): unknown[] {
  return [{ uid: ORDERS, attrs: {}, parents: [], ...fields }];
}

describe('reading entities', () => {
  it('takes both forms of references, and leaves out what is not there', () => {
    const { entities } = programOf({
      entities: [
        {
          uid: { __entity: ORDERS },
          attrs: { tier: 1, peer: { __entity: ORDERS } },
          parents: [SHOP],
        },
        { uid: SHOP, parents: [{ __entity: { type: 'TrustDomain', id: 'example.org' } }] },
        { uid: { type: 'Service', id: 'shop/payments' }, attrs: { critical: true } },
      ],
    });
    expect(entities).toEqual([
      { uid: ORDERS, attrs: { tier: 1, peer: { __entity: ORDERS } }, parents: [SHOP] },
      { uid: SHOP, attrs: {}, parents: [{ type: 'TrustDomain', id: 'example.org' }] },
      { uid: { type: 'Service', id: 'shop/payments' }, attrs: { critical: true }, parents: [] },
    ]);
  });

  it('unites the entry of the environment with that of the base', () => {
    const { entities } = programOf({
      entities: [{ uid: ORDERS, attrs: {}, parents: [SHOP], tags: { a: 'x' } }],
      environmentEntities: [
        {
          uid: ORDERS,
          attrs: { tier: 2 },
          parents: [SHOP, { type: 'TrustDomain', id: 'example.org' }],
          tags: { b: 'y' },
        },
        { uid: { type: 'Service', id: 'shop/new' } },
      ],
    });
    expect(entities).toEqual([
      {
        uid: ORDERS,
        attrs: { tier: 2 },
        parents: [SHOP, { type: 'TrustDomain', id: 'example.org' }],
        tags: { a: 'x', b: 'y' },
      },
      { uid: { type: 'Service', id: 'shop/new' }, attrs: {}, parents: [] },
    ]);
  });
});

/** Types that could put a whole namespace or trust domain into another. */
const NESTED = SCHEMA.replace('entity TrustDomain;', 'entity TrustDomain in [TrustDomain];')
  .replace('Namespace in [TrustDomain]', 'Namespace in [TrustDomain, Namespace, Group]')
  .replace('entity Anonymous;', 'entity Anonymous in [Namespace];\nentity Group in [Namespace];');

describe('refusing entities', () => {
  const cases: [name: string, sources: Sources, expected: string[]][] = [
    [
      'a duplicate key, with its line',
      {
        entities:
          '[\n {"uid": {"type": "Service", "id": "a/b"},\n  "attrs": {},\n  "attrs": {}}\n]',
      },
      ['entities.json:4:3 json_invalid the key `attrs` appears twice'],
    ],
    [
      'broken JSON',
      { entities: '[\n {"uid": }\n]' },
      ['entities.json:2:10 json_invalid `}` is no JSON'],
    ],
    [
      'a file that ends',
      { entities: '[\n' },
      ['entities.json:1:2 json_invalid the JSON ends too early'],
    ],
    [
      'an object',
      { entities: '{}' },
      ['entities.json:1:1 entities_invalid expected a list of entities'],
    ],
    [
      'an unknown field',
      { entities: '[{"uid": {"type": "Service", "id": "a/b"}, "attributes": {}}]' },
      ['entities.json:1:58 entities_invalid an entity has no field `attributes`'],
    ],
    [
      'a uid that is text',
      { entities: '[{"uid": "Service::\\"a\\""}]' },
      ['entities.json:1:10 entities_invalid `uid` must be `{"type": ..., "id": ...}`, both text'],
    ],
    [
      'a type that the schema does not declare',
      { entities: '[{"uid": {"type": "Person", "id": "a"}}]' },
      ['entities.json:1:10 entities_invalid the schema declares no entity type `Person`'],
    ],
    [
      'an action',
      { entities: '[{"uid": {"type": "Action", "id": "GET"}}]' },
      [
        'entities.json:1:10 entities_invalid actions are declared in the schema, not in entities.json',
      ],
    ],
    [
      'a parent type that the schema does not declare',
      {
        entities:
          '[{"uid": {"type": "Service", "id": "a/b"}, "parents": [{"type": "Anonymous", "id": "anonymous"}]}]',
      },
      [
        'entities.json:1:56 entities_invalid the schema declares no parents of type `Anonymous` for `Service`',
      ],
    ],
    [
      'an attribute that the schema does not declare',
      { entities: '[{"uid": {"type": "Service", "id": "a/b"}, "attrs": {"size": 1}}]' },
      ['entities.json:1:62 entities_invalid the schema declares no attribute `size` of `Service`'],
    ],
    [
      'tags that the schema does not declare',
      { entities: '[{"uid": {"type": "Service", "id": "a/b"}, "tags": {"a": "x"}}]' },
      ['entities.json:1:10 entities_invalid the schema declares no tags of `Service`'],
    ],
    [
      'an attribute of another type',
      {
        entities:
          '[{"uid": {"type": "Anonymous", "id": "anonymous"}},\n{"uid": {"type": "Service", "id": "a/b"}, "attrs": {"critical": 1}}]',
      },
      [
        'entities.json:2:9 entities_invalid entity does not conform to the schema: in attribute `critical` on `Service::"a/b"`, type mismatch: value was expected to have type bool, but it actually has type long: `1`',
      ],
    ],
    [
      'a fraction',
      { entities: '[{"uid": {"type": "Workload", "id": "spiffe://a/b"}, "attrs": {"tier": 1.5}}]' },
      ['entities.json:1:72 json_invalid `1.5` is no integer, and Cedar has no other numbers'],
    ],
    [
      'a number that loses digits',
      {
        entities:
          '[{"uid": {"type": "Workload", "id": "spiffe://a/b"}, "attrs": {"tier": 9007199254740993}}]',
      },
      ['entities.json:1:72 json_invalid `9007199254740993` is too large: numbers go to 2^53'],
    ],
    [
      'half a surrogate pair',
      { entities: '[{"uid": {"type": "TrustDomain", "id": "\\ud800"}}]' },
      ['entities.json:1:40 json_invalid a string is not valid Unicode'],
    ],
    [
      'a namespace attribute, whatever it says',
      { entities: entry({ attrs: { namespace: 'shop' } }) },
      ['entities.json:8:17 entities_invalid `namespace` follows from the id and cannot be set'],
    ],
    [
      'a service account attribute',
      { entities: entry({ attrs: { serviceAccount: 'root' } }) },
      [
        'entities.json:8:22 entities_invalid `serviceAccount` follows from the id and cannot be set',
      ],
    ],
    [
      'another namespace than the id says',
      { entities: entry({ parents: [{ type: 'Namespace', id: 'example.org/ops' }] }) },
      [
        `entities.json:9:4 entities_invalid the parent \`Namespace::"example.org/ops"\` contradicts the id \`${ORDERS.id}\``,
      ],
    ],
    [
      'another trust domain than the id says',
      { entities: entry({ parents: [{ type: 'TrustDomain', id: 'evil.example' }] }) },
      [
        `entities.json:9:4 entities_invalid the parent \`TrustDomain::"evil.example"\` contradicts the id \`${ORDERS.id}\``,
      ],
    ],
    [
      'a namespace for a workload that has none',
      { entities: [{ uid: { type: 'Workload', id: 'spiffe://example.org/db' }, parents: [SHOP] }] },
      [
        'entities.json:8:4 entities_invalid the parent `Namespace::"example.org/shop"` contradicts the id `spiffe://example.org/db`',
      ],
    ],
    [
      'a namespace in another trust domain',
      { entities: [{ uid: SHOP, parents: [{ type: 'TrustDomain', id: 'other.example' }] }] },
      [
        'entities.json:8:4 entities_invalid the parent `TrustDomain::"other.example"` contradicts the id `example.org/shop`',
      ],
    ],
    [
      'a namespace in a namespace, which would hand its workloads over',
      {
        schema: NESTED,
        entities: [{ uid: SHOP, parents: [{ type: 'Namespace', id: 'example.org/ops' }] }],
      },
      [
        'entities.json:8:4 entities_invalid the parent `Namespace::"example.org/ops"` contradicts the id `example.org/shop`',
      ],
    ],
    [
      'a namespace in another by way of a group',
      {
        schema: NESTED,
        entities: [
          { uid: SHOP, parents: [{ type: 'Group', id: 'a' }] },
          {
            uid: { type: 'Group', id: 'a' },
            parents: [{ type: 'Namespace', id: 'example.org/ops' }],
          },
        ],
      },
      [
        'entities.json:3:10 entities_invalid `Namespace::"example.org/shop"` is in `Namespace::"example.org/ops"` by way of `Group::"a"`, which contradicts its id',
      ],
    ],
    [
      'a trust domain in another',
      {
        schema: NESTED,
        entities: [
          {
            uid: { type: 'TrustDomain', id: 'example.org' },
            parents: [{ type: 'TrustDomain', id: 'root.example' }],
          },
        ],
      },
      [
        'entities.json:8:4 entities_invalid the parent `TrustDomain::"root.example"` contradicts the id `example.org`',
      ],
    ],
    [
      'anonymous callers in a namespace',
      {
        schema: NESTED,
        entities: [{ uid: { type: 'Anonymous', id: 'anonymous' }, parents: [SHOP] }],
      },
      [
        'entities.json:8:4 entities_invalid the parent `Namespace::"example.org/shop"` contradicts the id `anonymous`',
      ],
    ],
    [
      'a route in another service',
      {
        entities: [
          {
            uid: { type: 'Route', id: 'shop/payments/refund' },
            parents: [{ type: 'Service', id: 'shop/orders' }],
          },
        ],
      },
      [
        'entities.json:8:4 entities_invalid the parent `Service::"shop/orders"` contradicts the id `shop/payments/refund`',
      ],
    ],
    [
      'a workload id that is no SPIFFE ID',
      { entities: [{ uid: { type: 'Workload', id: 'orders' } }] },
      ['entities.json:3:10 entities_invalid `Workload::"orders"` is the id of no request'],
    ],
    [
      'a service id without a namespace',
      { entities: [{ uid: { type: 'Service', id: 'payments' } }] },
      ['entities.json:3:10 entities_invalid `Service::"payments"` is the id of no request'],
    ],
    [
      'duplicate uids in one file',
      {
        entities:
          '[{"uid": {"type": "Service", "id": "a/b"}},\n{"uid": {"__entity": {"id": "a/b", "type": "Service"}}}]',
      },
      ['entities.json:2:9 entities_invalid `Service::"a/b"` appears twice, first in line 1'],
    ],
    [
      'an attribute in both files',
      {
        entities: entry({ attrs: { tier: 1 } }),
        environmentEntities: entry({ attrs: { tier: 1 } }),
      },
      [
        `entities.test.json:8:12 entities_invalid the attribute \`tier\` of \`Workload::"${ORDERS.id}"\` is in entities.json too`,
      ],
    ],
    [
      'a tag in both files',
      { entities: entry({ tags: { a: 'x' } }), environmentEntities: entry({ tags: { a: 'y' } }) },
      [
        `entities.test.json:10:9 entities_invalid the tag \`a\` of \`Workload::"${ORDERS.id}"\` is in entities.json too`,
      ],
    ],
  ];
  it.each(cases)('refuses %s', (_name, sources, expected) => {
    expect(told(sources)).toEqual(expected);
  });

  const GROUPS = `entity Group in [Group]; entity Color enum ["red"]; entity Workload {color?: Color}; entity Service;
action GET appliesTo {principal: Workload, resource: Service};`;
  const group = (id: string, parent: string) => ({
    uid: { type: 'Group', id },
    parents: [{ type: 'Group', id: parent }],
  });

  it('refuses cycles, of one entity and of three, within a file and across both', () => {
    const message = 'is its own ancestor, or below one that is';
    const files: Sources[] = [
      { entities: [group('a', 'a')] },
      { entities: [group('a', 'b'), group('b', 'c'), group('c', 'a'), group('d', 'e')] },
      { entities: [group('a', 'b')], environmentEntities: [group('b', 'a')] },
    ];
    for (const sources of files) {
      expect(told({ schema: GROUPS, ...sources })).toEqual([
        `entities.json:3:10 entities_invalid \`Group::"a"\` ${message}`,
      ]);
    }
    expect(told({ schema: GROUPS, entities: [group('a', 'b'), group('b', 'c')] })).toEqual([]);
  });

  it('refuses a namespace that contradicts the id by way of groups', () => {
    const schema = `entity TrustDomain; entity Namespace in [TrustDomain]; entity Group in [Group, Namespace];
entity Workload in [Group, Namespace, TrustDomain]; entity Service; action GET appliesTo {principal: Workload, resource: Service};`;
    const entities = (namespace: string) => [
      { uid: ORDERS, parents: [{ type: 'Group', id: 'a' }] },
      group('a', 'b'),
      { uid: { type: 'Group', id: 'b' }, parents: [{ type: 'Namespace', id: namespace }] },
    ];
    expect(told({ schema, entities: entities('example.org/shop') })).toEqual([]);
    expect(told({ schema, entities: entities('example.org/ops') })).toEqual([
      `entities.json:3:10 entities_invalid \`Workload::"${ORDERS.id}"\` is in \`Namespace::"example.org/ops"\` by way of \`Group::"b"\`, which contradicts its id`,
    ]);
  });

  it('refuses ids and references outside an enumerated type', () => {
    expect(told({ schema: GROUPS, entities: [{ uid: { type: 'Color', id: 'green' } }] })).toEqual([
      'entities.json:3:10 entities_invalid `Color::"green"` is none of the ids that the schema lists',
    ]);
    const painted = (id: string) => [
      {
        uid: { type: 'Workload', id: 'spiffe://a/b' },
        attrs: { color: { type: 'Color', id } },
      },
    ];
    expect(told({ schema: GROUPS, entities: painted('red') })).toEqual([]);
    expect(told({ schema: GROUPS, entities: painted('green') })[0]).toContain('entities_invalid');
  });

  it('refuses values within each other without end', () => {
    const text = `[{"uid": {"type": "Service", "id": "a/b"}, "attrs": {"critical": ${'['.repeat(100_000)}`;
    expect(told({ entities: text })[0]).toContain('json_invalid values are nested more than');
  });
});
