import { describe, expect, it } from 'vitest';
import { parseSchema } from '../../../src/cedar/schema.js';
import { lines, problemsOf, SCHEMA } from './support.js';

const ENTITIES = `entity Workload;
entity Anonymous;
entity Service;
entity Route in [Service];
`;

function parse(text: string, environment?: string) {
  return parseSchema({ file: 'schema.cedarschema', text }, { environment });
}

/** One action with this context, in line 5 of the schema. */
function withContext(context: string, action = 'GET'): string {
  return `${ENTITIES}action ${action} appliesTo { principal: [Workload, Anonymous], resource: Service, context: ${context} };\n`;
}

/** Without the file, which is always the same. */
function told(text: string, environment?: string): string[] {
  return lines(parse(text, environment)).map((line) => line.replace('schema.cedarschema:', ''));
}

describe('reading a schema', () => {
  it('tells what each action takes from a request', () => {
    const context = `{
      path: String,
      params?: {"id"?: String},
      query?: {page?: Set<String>},
      headers?: {"x-tenant"?: String, "x-roles"?: Set<String>},
      claims?: {sub?: String, level?: Long, admin?: Bool, aud?: Set<String>, org?: {unit?: String}},
      task?: {id?: String, kind?: String, intent?: String, chain?: Set<String>, expiresAt?: datetime, credentialSeconds?: Long},
      environment: String,
      sourceAddress?: ipaddr,
      time?: __cedar::datetime,
    }`;
    const parsed = parse(withContext(context), 'test');
    if (!parsed.ok) throw new Error(lines(parsed).join('\n'));
    const { actions, parents } = parsed.value.request;
    expect(actions.get('GET')).toEqual({
      principalTypes: new Set(['Workload', 'Anonymous']),
      resourceTypes: new Set(['Service']),
      groups: new Set(),
      context: {
        path: true,
        params: new Set(['id']),
        query: new Set(['page']),
        headers: new Map([
          ['x-tenant', 'string'],
          ['x-roles', 'set'],
        ]),
        claims: new Map<string, unknown>([
          ['sub', { kind: 'string' }],
          ['level', { kind: 'long' }],
          ['admin', { kind: 'boolean' }],
          ['aud', { kind: 'set', element: { kind: 'string' } }],
          ['org', { kind: 'record', fields: new Map([['unit', { kind: 'string' }]]) }],
        ]),
        task: new Set(['id', 'kind', 'intent', 'chain', 'expiresAt', 'credentialSeconds']),
        environment: true,
        grpc: undefined,
        sourceAddress: true,
        time: true,
        required: new Set(['path', 'environment']),
      },
    });
    expect(parents.get('Route')).toEqual(new Set(['Service']));
  });

  it('follows common types, also those that hide a built-in name', () => {
    const text = `type Name = String;
type Headers = {"x-a"?: Name};
type ipaddr = String;
type Context = {path: String, headers?: Headers, claims?: {ip?: ipaddr}, sourceAddress?: __cedar::ipaddr};
${withContext('Context')}`;
    const parsed = parse(text);
    if (!parsed.ok) throw new Error(lines(parsed).join('\n'));
    const context = parsed.value.request.actions.get('GET')?.context;
    expect(context?.headers).toEqual(new Map([['x-a', 'string']]));
    expect(context?.claims).toEqual(new Map([['ip', { kind: 'string' }]]));
    expect(context?.sourceAddress).toBe(true);
  });

  it('leaves the groups out of the actions and tells which attributes a SPIFFE ID fills', () => {
    const parsed = parse(SCHEMA);
    if (!parsed.ok) throw new Error(lines(parsed).join('\n'));
    const { actions, workloadAttributes, attributes } = parsed.value.request;
    expect([...actions.keys()].sort()).toEqual(['GET', 'HEAD', 'POST']);
    expect(workloadAttributes).toEqual(new Set(['namespace', 'serviceAccount']));
    expect(attributes.get('Service')).toEqual(new Set(['critical']));
  });

  it('keeps names such as __proto__ as plain names', () => {
    const parsed = parse(withContext('{path: String, headers?: {"__proto__"?: String}}'));
    if (!parsed.ok) throw new Error(lines(parsed).join('\n'));
    const headers = parsed.value.request.actions.get('GET')?.context.headers;
    expect([...(headers ?? [])]).toEqual([['__proto__', 'string']]);
  });

  it('gives the result as plain data', () => {
    const parsed = parse(SCHEMA);
    expect(structuredClone(parsed)).toEqual(parsed);
  });
});

const COLUMN = 86;

describe('what a request cannot safely fill', () => {
  const cases: [context: string, expected: string][] = [
    ['{claims?: {org?: Workload}}', 'has the entity type `Workload`'],
    ['{claims?: {orgs?: Set<Service>}}', 'has the entity type `Service`'],
    ['{claims?: {a?: {b?: Set<{c?: Route}>}}}', '`context.claims.a.b.c` has the entity type'],
    ['{claims?: {ip?: ipaddr}}', 'has the extension type `ipaddr`'],
    ['{claims?: {at?: datetime}}', 'has the extension type `datetime`'],
    ['{claims?: {amount?: Set<decimal>}}', 'has the extension type `decimal`'],
    ['{claims?: {age?: duration}}', 'has the extension type `duration`'],
    ['{claims?: {sub: String}}', '`context.claims.sub` must be optional: a client decides'],
    ['{claims?: {a?: {b: String}}}', '`context.claims.a.b` must be optional: a client decides'],
    ['{claims?: {a?: Set<{b: Long}>}}', '`context.claims.a.b` must be optional: a client'],
    ['{claims: {sub?: String}}', '`context.claims` must be optional: not every request has it'],
    ['{claims?: String}', '`context.claims` must be a record, not String'],
    ['{headers?: {"x-a": String}}', '`context.headers.x-a` must be optional: a client decides'],
    ['{headers: {"x-a"?: String}}', '`context.headers` must be optional: not every request'],
    ['{headers?: {"X-A"?: String}}', '`X-A` is no header name'],
    ['{headers?: {":path"?: String}}', '`:path` is no header name'],
    ['{headers?: {""?: String}}', '`` is no header name'],
    ['{headers?: {"x-a"?: Long}}', '`context.headers.x-a` must be of type String or Set<String>'],
    ['{headers?: {"x-a"?: Service}}', 'must be of type String or Set<String>, not Service'],
    ['{query?: {a?: String}}', '`context.query.a` must be of type Set<String>, not String'],
    ['{query?: {a: Set<String>}}', '`context.query.a` must be optional'],
    [
      '{params?: {id?: Set<String>}}',
      '`context.params.id` must be of type String, not Set<String>',
    ],
    ['{params?: {id?: Workload}}', '`context.params.id` must be of type String, not Workload'],
    ['{params?: {id: String}}', '`context.params.id` must be optional'],
    ['{params: {id?: String}}', '`context.params` must be optional'],
    ['{task?: {id: String}}', '`context.task.id` must be optional'],
    ['{task?: {id?: Long}}', '`context.task.id` must be of type String, not Long'],
    ['{task?: {expiresAt?: Long}}', '`context.task.expiresAt` must be of type datetime, not Long'],
    ['{task?: {expiresAt: datetime}}', '`context.task.expiresAt` must be optional'],
    ['{task?: {owner?: String}}', 'no request can fill `context.task.owner`'],
    ['{task?: {chain?: Set<Workload>}}', 'must be of type Set<String>, not Set<Workload>'],
    ['{task: {id?: String}}', '`context.task` must be optional'],
    ['{time: datetime}', '`context.time` must be optional: not every request has it'],
    ['{time?: String}', '`context.time` must be of type datetime, not String'],
    ['{sourceAddress: ipaddr}', '`context.sourceAddress` must be optional'],
    ['{sourceAddress?: String}', '`context.sourceAddress` must be of type ipaddr, not String'],
    [
      '{environment: String}',
      '`context.environment` is required, but no environment is configured',
    ],
    ['{environment?: Long}', '`context.environment` must be of type String, not Long'],
    ['{path?: Set<String>}', '`context.path` must be of type String, not Set<String>'],
    ['{grpc: {service: String}}', '`context.grpc` must be optional: not every request has it'],
    ['{grpc?: {service: Long}}', '`context.grpc.service` must be of type String, not Long'],
    ['{grpc?: {package?: String}}', 'no request can fill `context.grpc.package`'],
    ['{method?: String}', 'no request can fill `context.method`'],
    ['{peer?: Workload}', 'no request can fill `context.peer`'],
  ];

  it.each(cases)('refuses %s with its place', (context, expected) => {
    const [first, ...rest] = problemsOf(parse(withContext(context)));
    expect(first?.message).toContain(expected);
    const attribute = /(?<=\{|, )"?[\w:-]*"?\??:(?=[^{}]*\}+$)/.exec(context);
    expect([first?.code, first?.file, first?.line]).toEqual([
      'schema_rule',
      'schema.cedarschema',
      5,
    ]);
    expect(first?.column).toBeGreaterThanOrEqual(COLUMN);
    expect(first?.column).toBeLessThanOrEqual(COLUMN + (attribute?.index ?? context.length));
    expect(rest).toEqual([]);
  });

  it('names the column of the attribute itself', () => {
    expect(told(withContext('{path: String, claims?: {sub?: String, org?: Workload}}'))).toEqual([
      `5:${COLUMN + 39} schema_rule \`context.claims.org\` has the entity type \`Workload\`, which data of a client must never become`,
    ]);
  });

  it('finds it in a common type, and tells it once for all actions', () => {
    const text = `type Claims = {
  sub?: String,
  manager?: Workload,
};
${withContext('{claims?: Claims}', 'GET, HEAD')}`;
    expect(told(text)).toEqual([
      '3:3 schema_rule `context.claims.manager` has the entity type `Workload`, which data of a client must never become',
    ]);
  });

  it.each(['CONNECT', 'connect'])('wants the path to be optional for %s', (action) => {
    const message = `\`context.path\` must be optional: a request with action \`${action}\` has no path`;
    expect(problemsOf(parse(withContext('{path: String}', action)))[0]?.message).toBe(message);
    expect(parse(withContext('{path?: String}', action)).ok).toBe(true);
  });

  it('lets `grpc` be required of rpc alone, and `environment` when one is configured', () => {
    const grpc = '{path: String, grpc: {service: String, method: String}}';
    expect(parse(withContext(grpc, 'rpc')).ok).toBe(true);
    expect(parse(withContext(grpc, 'POST')).ok).toBe(false);
    expect(parse(withContext('{environment: String}'), 'test').ok).toBe(true);
    expect(parse(withContext('{environment?: String}')).ok).toBe(true);
  });
});

describe('entity types', () => {
  const ACTION = 'action GET appliesTo {principal: Workload, resource: Service};';
  const cases: [name: string, schema: string, expected: string[]][] = [
    [
      'a schema without Service',
      'entity Workload; entity Route; action GET appliesTo {principal: Workload, resource: Route};',
      ['schema.cedarschema schema_rule the schema declares no entity type `Service`'],
    ],
    [
      'a schema without callers',
      'entity Service;',
      [
        'schema.cedarschema schema_rule the schema declares no entity type `Workload` or `Anonymous`',
      ],
    ],
    [
      'a namespace',
      `namespace Shop { entity Person; }\nentity Workload, Service; ${ACTION}`,
      ['1:11 schema_rule the schema declares the namespace `Shop`; requests have no namespace'],
    ],
    [
      'a required attribute',
      `entity Workload {\n  tier: Long,\n};\nentity Service; ${ACTION}`,
      ['2:3 schema_rule `Workload.tier` must be optional: a request does not bring it'],
    ],
    [
      'a namespace attribute that is no text',
      `entity Workload { namespace?: Long };\nentity Service; ${ACTION}`,
      ['1:19 schema_rule `Workload.namespace` must be of type String, not Long'],
    ],
    [
      'callers that only a namespace would put into their trust domain',
      `entity TrustDomain; entity Namespace in [TrustDomain];\nentity Workload in [Namespace]; entity Service; ${ACTION}`,
      [
        '2:8 schema_rule `Workload` must be in `TrustDomain`, which the schema declares: else a policy on it would miss requests',
      ],
    ],
    [
      'routes outside their service',
      'entity Workload, Service;\nentity Route; action GET appliesTo {principal: Workload, resource: [Service, Route]};',
      [
        '2:8 schema_rule `Route` must be in `Service`, which the schema declares: else a policy on it would miss requests',
      ],
    ],
    [
      'an entity type named like a built-in type',
      `entity Workload, Service;\nentity ipaddr; ${ACTION}`,
      ['2:8 schema_rule the entity type `ipaddr` hides the built-in type of that name'],
    ],
    [
      'an enumerated Service',
      `entity Workload;\nentity Service enum ["a/b"]; ${ACTION}`,
      ['2:8 schema_rule `Service` cannot be an enumerated type: requests bring its ids'],
    ],
    [
      'a principal type that no request has',
      'entity Workload, Service, Person;\naction GET appliesTo {principal: [Workload, Person], resource: Service};',
      [
        '2:8 schema_rule no request has a principal of type `Person`: the action `GET` applies to it',
      ],
    ],
    [
      'a resource type that no request has',
      'entity Workload, Service;\naction GET appliesTo {principal: Workload, resource: Workload};',
      [
        '2:8 schema_rule no request has a resource of type `Workload`: the action `GET` applies to it',
      ],
    ],
  ];
  it.each(cases)('refuses %s', (_name, schema, expected) => {
    expect(told(schema)).toEqual(expected);
  });

  it('takes types of its own, which entities.json fills', () => {
    const text = `entity Team enum ["red", "blue"]; entity Group in [Team] {size?: Long, since?: datetime};
entity Workload in [Group] {owner?: Team, limit?: decimal} tags Set<String>; entity Service in [Group]; ${ACTION}`;
    expect(told(text)).toEqual([]);
  });
});

describe('the groups read and write', () => {
  const applies = 'appliesTo {principal: Workload, resource: Service}';
  const build = (...actions: string[]) => `entity Workload, Service;\n${actions.join('\n')}\n`;
  const READ = 'the action `GET` must be in the group `read`, which the schema declares';

  const cases: [name: string, schema: string, expected: string[]][] = [
    [
      'GET outside of read',
      build('action read;', `action GET ${applies};`),
      [`3:8 schema_rule ${READ}`],
    ],
    [
      'GET outside of read, in another group',
      build('action read, other;', `action GET in [other] ${applies};`),
      [`3:8 schema_rule ${READ}`],
    ],
    [
      'POST in read',
      build('action read;', `action POST in [read] ${applies};`),
      ['3:8 schema_rule the action `POST` must not be in the group `read`'],
    ],
    [
      'POST in read by way of a group of its own',
      build('action read;', 'action mine in [read];', `action POST in [mine] ${applies};`),
      ['4:8 schema_rule the action `POST` must not be in the group `read`'],
    ],
    [
      'DELETE outside of write',
      build('action write;', `action POST in [write] ${applies};`, `action DELETE ${applies};`),
      [
        '4:8 schema_rule the action `DELETE` must be in the group `write`, which the schema declares',
      ],
    ],
    [
      'rpc outside of write',
      build('action read, write;', `action rpc ${applies};`),
      ['3:8 schema_rule the action `rpc` must be in the group `write`, which the schema declares'],
    ],
    [
      'an action in both',
      build('action read, write;', `action HEAD in [read, write] ${applies};`),
      ['3:8 schema_rule the action `HEAD` must not be in the group `write`'],
    ],
    [
      'read as an action',
      build(`action read ${applies};`),
      ['2:8 schema_rule `read` is a group of actions and cannot have appliesTo'],
    ],
    [
      'write as an action',
      build('action read;', `action GET in [read] ${applies};`, `action "write" ${applies};`),
      ['4:8 schema_rule `write` is a group of actions and cannot have appliesTo'],
    ],
  ];
  it.each(cases)('refuses %s', (_name, schema, expected) => {
    expect(told(schema)).toEqual(expected);
  });

  it.each([
    ['no groups at all', build(`action GET, POST ${applies};`)],
    [
      'only read',
      build('action read;', `action GET in read ${applies};`, `action POST ${applies};`),
    ],
    [
      'only write',
      build('action write;', `action POST in [write] ${applies};`, `action GET ${applies};`),
    ],
    [
      'nested groups',
      build(
        'action read, write;',
        'action safe in [read];',
        `action GET, OPTIONS in [safe] ${applies};`,
        `action connect, DELETE in [write] ${applies};`,
      ),
    ],
  ])('takes %s', (_name, schema) => {
    expect(told(schema)).toEqual([]);
  });
});

describe('a schema that does not parse', () => {
  it('names line and column, after characters of several bytes', () => {
    expect(told('// é😀\nentity Workload;\r\nentity Service\naction GET;')).toEqual([
      '4:1 schema_syntax unexpected token `action`: expected `,`, `;`, `=`, `{`, `enum`, `in`, or `tags`',
    ]);
  });

  it.each([
    ['cycles of common types', 'type A = {b?: B}; type B = {a?: A};', 'cycle in common type'],
    ['cycles of actions', 'action a in [b]; action b in [a];', 'cycle in action hierarchy'],
    ['unknown types', 'entity X {a?: Nope};', 'failed to resolve type: Nope'],
    ['unknown groups', 'action b in ["nope"];', 'undeclared action'],
  ])('refuses %s', (_name, text, expected) => {
    const [first] = problemsOf(parse(`entity Workload, Service; ${text}`));
    expect(first?.code).toBe('schema_syntax');
    expect(first?.message).toContain(expected);
  });

  it.each([
    ['sets', (n: number) => `${'Set<'.repeat(n)}String${'>'.repeat(n)}`],
    ['records', (n: number) => `${'{a?: '.repeat(n)}String${'}'.repeat(n)}`],
  ])('refuses %s within each other before they break the engine', (_name, type) => {
    for (const count of [40, 1_000, 20_000]) {
      const [first] = problemsOf(parse(withContext(`{claims?: {a?: ${type(count)}}}`)));
      expect(first?.code).toBe('policy_too_deep');
    }
  });

  it.each([
    ['a long chain', (n: number) => `type T${n} = {a?: T${n - 1}};`],
    ['a tree', (n: number) => `type T${n} = {a?: T${n - 1}, b?: T${n - 1}};`],
  ])('refuses common types that grow into %s', (_name, step) => {
    const types = Array.from({ length: 60 }, (_, index) => step(index + 1)).join('\n');
    const text = `type T0 = {x?: String};\n${types}\n${withContext('{claims?: T60}')}`;
    expect(problemsOf(parse(text))[0]?.code).toBe('policy_too_deep');
  });
});
