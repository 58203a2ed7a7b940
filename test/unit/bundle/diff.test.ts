import { describe, expect, it } from 'vitest';
import { compileBundle } from '../../../src/bundle/compile.js';
import { diffEntities, diffStructure, isEmptyStructure } from '../../../src/bundle/diff.js';
import { SMALL_FILES, smallFiles } from '../analysis/small-bundle.js';

const MAIN = SMALL_FILES['main.cedar'] as string;
const SCHEMA = SMALL_FILES['schema.cedarschema'] as string;

function bundle(changes: Readonly<Record<string, string>>) {
  const compiled = compileBundle(smallFiles(changes), { environment: 'production' });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 1));
  return compiled.value;
}

const structure = (changes: Readonly<Record<string, string>>) =>
  diffStructure(bundle({}), bundle(changes));

describe('a structural diff', () => {
  it.each<[string, Record<string, string>]>([
    ['nothing', {}],
    [
      'comments and layout',
      { 'main.cedar': `// new\n${MAIN.replaceAll(', action', ',\n    action')}` },
    ],
    ['a comment inside a policy', { 'main.cedar': MAIN.replace('permit (', 'permit // who\n (') }],
    ['comments in the schema', { 'schema.cedarschema': `// new\n${SCHEMA}` }],
  ])('of %s is empty', (_name, changes) => {
    expect(isEmptyStructure(structure(changes))).toBe(true);
  });

  it.each<[string, string, string, string[]]>([
    ['condition', 'level > 2', 'level > 3', ['text']],
    [
      'scope',
      '(principal is Workload, action == Action::"POST", resource == Route',
      '(principal, action == Action::"POST", resource == Route',
      ['text'],
    ],
    ['owner', '@id("posts") @owner("team-b")', '@id("posts") @owner("team-c")', ['owner']],
    ['description', 'Posts need a header and a level.', 'Posts.', ['description']],
    ['other annotation', '@id("posts")', '@id("posts") @ticket("CHG-1")', ['annotations']],
    [
      'effect',
      'permit (principal is Workload, action == Action::"POST", resource == Route',
      'forbid (principal is Workload, action == Action::"POST", resource == Route',
      ['effect', 'text'],
    ],
  ])('finds a changed %s', (_name, from, to, fields) => {
    expect(MAIN).toContain(from);
    const { policies } = structure({ 'main.cedar': MAIN.replace(from, to) });
    expect(policies.changed).toMatchObject([{ id: 'posts', fields }]);
    expect(policies).toMatchObject({ added: [], removed: [], unchanged: 4 });
  });

  it('finds policies that were added, removed, renamed and moved, with their places', () => {
    const at = MAIN.indexOf('@id("no-secrets")');
    const { policies } = structure({
      'main.cedar': MAIN.slice(0, at).replace('@id("calls")', '@id("called")'),
      'other.cedar': `\n${MAIN.slice(at)}`,
    });
    expect(policies.added).toMatchObject([{ id: 'called', file: 'main.cedar', line: 4 }]);
    expect(policies.removed).toMatchObject([{ id: 'calls', file: 'main.cedar', line: 4 }]);
    const moved = policies.changed.map(({ id, fields, after }) => [
      id,
      fields,
      after.file,
      after.line,
    ]);
    expect(moved).toEqual([
      ['no-secrets', ['file'], 'other.cedar', 2],
      ['tiered', ['file'], 'other.cedar', 6],
    ]);
  });

  it('finds fields of the manifest', () => {
    const manifest =
      'name: small\nversion: "2"\nowner: team-b\nscope: {destinations: [a/b, a/c]}\n';
    expect(structure({ 'bundle.yaml': manifest }).manifest).toEqual([
      { field: 'version', before: '1', after: '2' },
      { field: 'owner', before: 'team-a', after: 'team-b' },
      { field: 'scope.destinations', before: 'a/b', after: 'a/b, a/c' },
    ]);
  });

  it('finds actions, entity types, attributes and context fields', () => {
    const text = SCHEMA.replace('{ tier?: Long }', '{ tier?: Long, tenant?: String }')
      .replace('entity Anonymous;', 'entity Anonymous; entity Team;')
      .replace('level?: Long', 'level?: String, deep?: {a?: Set<Long>}')
      .replace('action GET, POST', 'action GET, POST, PUT');
    const main = MAIN.replace('level > 2', 'level == "2"');
    const { schema } = structure({ 'schema.cedarschema': text, 'main.cedar': main });
    const context = [
      { field: 'context.claims.level', before: 'Long?', after: 'String?' },
      { field: 'context.claims.deep', before: null, after: '{}?' },
      { field: 'context.claims.deep.a', before: null, after: 'Set<Long>?' },
    ];
    expect(schema).toEqual([
      { what: 'action GET', change: 'changed', fields: context },
      { what: 'action POST', change: 'changed', fields: context },
      { what: 'action PUT', change: 'added', fields: [] },
      { what: 'entity type Team', change: 'added', fields: [] },
      {
        what: 'entity type Workload',
        change: 'changed',
        fields: [{ field: 'attribute tenant', before: null, after: 'String?' }],
      },
    ]);
  });

  it('finds routes', () => {
    const routes =
      '- {name: item, path: "/things/{id}", methods: [POST]}\n- {name: new, path: /new}\n';
    expect(structure({ 'routes.yaml': routes }).routes).toEqual([
      { what: 'route call', change: 'removed', fields: [] },
      {
        what: 'route item',
        change: 'changed',
        fields: [
          { field: 'path', before: '/items/{id}', after: '/things/{id}' },
          { field: 'methods', before: 'all', after: 'POST' },
        ],
      },
      { what: 'route new', change: 'added', fields: [] },
    ]);
  });

  it('finds entities of the environment', () => {
    const orders = 'spiffe://example.org/ns/shop/sa/orders';
    const after = bundle({
      'entities.json': '[]',
      'entities.production.json': JSON.stringify([
        { uid: { type: 'Workload', id: orders }, attrs: { tier: 2 }, parents: [] },
      ]),
    });
    expect(diffEntities(bundle({}), after, 'production')).toEqual({
      environment: 'production',
      changes: [
        { what: 'Workload::"spiffe://example.org/ns/shop/sa/max"', change: 'removed', fields: [] },
        {
          what: `Workload::"${orders}"`,
          change: 'changed',
          fields: [{ field: 'tier', before: '1', after: '2' }],
        },
      ],
    });
  });
});
