/**
 * Random small changes and random requests: where production decides otherwise on the two sides, the
 * diff has a flip of that caller, method, destination and change, unless it says that it may miss
 * some. And what the filter leaves out never has a flip.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { RequestSketch } from '../../../../src/analysis/check-request.js';
import { askerOf, withBoth } from '../../../../src/analysis/meaning/ask.js';
import { diffMeaning } from '../../../../src/analysis/meaning/diff-meaning.js';
import type { Flip } from '../../../../src/analysis/meaning/types.js';
import { compileBundle } from '../../../../src/bundle/compile.js';
import { createEvaluator } from '../../../../src/cedar/evaluator.js';
import { PROPERTY_FACTOR } from '../../../support/properties.js';
import { filesOf } from '../small-bundle.js';

const RUNS = 6 * PROPERTY_FACTOR;
const TIMEOUT_MS = 120_000 * PROPERTY_FACTOR;
const REQUESTS = 60;

const SCHEMA = `entity TrustDomain; entity Team;
entity Namespace in [TrustDomain];
entity Workload in [Namespace, TrustDomain, Team] { namespace?: String, serviceAccount?: String, tier?: Long, tenant?: String };
entity Anonymous; entity Service; entity Route in [Service];
action read, write;
action GET in [read] appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: Request };
action POST in [write] appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: Request };
type Request = { path: String, params?: {id?: String}, query?: {q?: Set<String>}, headers?: {"x-a"?: String}, claims?: Claims, sourceAddress?: ipaddr, time?: datetime };
type Claims = { sub?: String, level?: Long, aud?: Set<String>, staff?: Bool, org?: { unit?: String } };
`;

const ROUTES = ['/items/{id}', '/items/all', '/{id}/x', '/'].map(
  (path, index) => `- {name: r${index}, path: "${path}"}`,
);
const WORKLOADS = ['spiffe://td/ns/a/sa/x', 'spiffe://td/ns/b/sa/y', 'spiffe://td/z'];

const w = (id: string) => `Workload::"${id}"`;
const atom = fc.constantFrom(
  'context.path == "/items/1"',
  'context.path like "/items/*"',
  'context.path like "*x"',
  'context has params && context.params has id && context.params.id like "a*"',
  'context has query && context.query has q && context.query.q.contains("1")',
  'context has headers && context.headers has "x-a" && context.headers["x-a"] like "1*"',
  'context has claims',
  'context has claims && context.claims has sub && ["u", "v"].contains(context.claims.sub)',
  'context has claims && context.claims has level && context.claims.level > 2',
  'context has claims && context.claims has level && 1 >= context.claims.level',
  'context has claims && context.claims has level && context.claims.level * 9223372036854775807 > 3',
  'context has claims && context.claims has staff && context.claims.staff',
  'context has claims && context.claims has aud && context.claims.aud.containsAny(["u", "v"])',
  'context has claims && context.claims has aud && context.claims.aud.isEmpty()',
  'context has claims && context.claims has org && context.claims.org has unit && context.claims.org.unit != "u"',
  'context has claims && context.claims has org',
  'context has sourceAddress && context.sourceAddress.isInRange(ip("10.0.0.0/8"))',
  'context has sourceAddress && context.sourceAddress.isIpv6()',
  'context has time && context.time < datetime("2026-01-01")',
  'principal is Workload && principal has tier && principal.tier > 1',
  'principal is Workload && principal has namespace && principal.namespace == "a"',
  'principal is Workload && principal has serviceAccount && principal.serviceAccount like "x*"',
  'principal is Workload && principal has tenant && context has claims && context.claims has sub && context.claims.sub == principal.tenant',
  'principal is Workload && principal in Team::"red"',
  'resource is Route && resource in Service::"a/s"',
  'action == Action::"GET"',
);
const condition = fc.oneof(
  { weight: 3, arbitrary: atom },
  fc.tuple(atom, fc.constantFrom('&&', '||'), atom).map(([l, o, r]) => `(${l}) ${o} (${r})`),
  atom.map((text) => `!(${text})`),
);
const statement = fc
  .record({
    effect: fc.constantFrom('permit', 'permit', 'forbid'),
    principal: fc.constantFrom(
      ...['principal', 'principal', 'principal is Workload', 'principal is Anonymous'],
      ...[
        'principal in Namespace::"td/a"',
        'principal in TrustDomain::"td"',
        'principal in Team::"red"',
      ],
      `principal == ${w('spiffe://td/ns/a/sa/x')}`,
    ),
    action: fc.constantFrom(
      'action',
      'action',
      'action == Action::"GET"',
      'action in Action::"write"',
    ),
    resource: fc.constantFrom(
      ...['resource', 'resource', 'resource is Route', 'resource in Service::"a/s"'],
      'resource == Route::"a/s/r0"',
    ),
    clauses: fc.array(fc.tuple(fc.constantFrom('when', 'when', 'unless'), condition), {
      maxLength: 2,
    }),
  })
  .map(({ effect, principal, action, resource, clauses }) => {
    const tail = clauses.map(([kind, body]) => ` ${kind} { ${body} }`).join('');
    return `${effect} (${principal}, ${action}, ${resource})${tail};`;
  });

const entities = fc
  .tuple(fc.subarray(WORKLOADS), fc.nat(3), fc.boolean(), fc.constantFrom('u', 'k'))
  .map(([ids, tier, red, tenant]) =>
    ids.map((id) => ({
      uid: { type: 'Workload', id },
      attrs: { tier, tenant },
      parents: red ? [{ type: 'Team', id: 'red' }] : [],
    })),
  );

const side = (policies: readonly string[], store: unknown, routes: readonly string[]) => {
  const named = policies.map(
    (text, index) => `@id("p${index}") @owner("a") @description("One.") ${text}`,
  );
  return compileBundle(
    filesOf({
      'bundle.yaml':
        'name: small\nversion: "1"\nowner: team-a\nscope: {destinations: [a/s, b/s]}\n',
      'schema.cedarschema': SCHEMA,
      'main.cedar': named.join('\n'),
      'routes.yaml': `${routes.join('\n') || '[]'}\n`,
      'entities.json': JSON.stringify(store),
    }),
    { environment: undefined },
  );
};

const change = fc.record({
  common: fc.array(statement, { maxLength: 3 }),
  before: fc.array(statement, { minLength: 1, maxLength: 2 }),
  after: fc.array(statement, { minLength: 1, maxLength: 2 }),
  stores: fc.oneof(
    entities.map((one) => [one, one]),
    fc.tuple(entities, entities),
  ),
  routes: fc.oneof(
    fc.subarray(ROUTES).map((one) => [one, one]),
    fc.tuple(fc.subarray(ROUTES), fc.subarray(ROUTES)),
  ),
});

const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const given = (fields: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
const claims = fc
  .record({
    sub: some(fc.constantFrom('u', 'v', 'k', 'z')),
    level: some(fc.constantFrom(0, 1, 2, 3, 9)),
    aud: some(fc.subarray(['u', 'v', 'z'])),
    staff: some(fc.boolean()),
    org: some(fc.record({ unit: some(fc.constantFrom('u', 'w')) }).map(given)),
  })
  .map(given);
const request = fc
  .record({
    caller: fc.constantFrom(
      'anonymous',
      ...WORKLOADS,
      'spiffe://td/ns/a/sa/q',
      'spiffe://else/ns/a/sa/xy',
      'spiffe://else/q',
    ),
    service: fc.constantFrom('a/s', 'b/s'),
    method: fc.constantFrom('GET', 'POST'),
    path: fc.constantFrom(
      '/',
      '/items/1',
      '/items/all',
      '/items/ax',
      '/a/x',
      '/q/x',
      '/items/x',
      '/other/',
      '/x',
    ),
    query: fc.constantFrom('', '?q=1', '?q=2', '?q=1&q=2'),
    header: some(fc.constantFrom('1', '12', '2')),
    claims: some(claims),
    sourceAddress: some(fc.constantFrom('10.1.1.1', '192.0.2.1', '::1')),
    nowMs: fc.constantFrom(Date.UTC(2025, 0, 1), Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)),
  })
  .map(({ caller, service, method, path, query, header, claims: token, sourceAddress, nowMs }) => {
    const headers = header === undefined ? [] : [['x-a', header] as const];
    const sketch: RequestSketch = {
      caller,
      http: { method, path: path + query, headers },
      claims: token as RequestSketch['claims'],
      sourceAddress,
    };
    return { service, asked: { sketch, nowMs } };
  });

const seen = { refused: 0, same: 0, flips: 0 };

/** `caller`: one that the bundles name, so that it stands in its class; undefined = any. */
function isTold(
  flips: readonly Flip[],
  { caller, method, service }: { caller: string | undefined; method: string; service: string },
  [from, to]: readonly [string, string],
) {
  return flips.some(
    (flip) =>
      flip.from === from &&
      flip.to === to &&
      flip.actions.includes(method) &&
      (caller === undefined || flip.caller.members.includes(caller)) &&
      flip.destination.members.includes(service),
  );
}

describe('a diff of meaning', () => {
  afterAll(() => {
    // It means something only when it saw both.
    expect(seen.flips, JSON.stringify(seen)).toBeGreaterThan(0);
    expect(seen.same, JSON.stringify(seen)).toBeGreaterThan(RUNS);
  });

  it(
    'has a flip for every request that production decides otherwise',
    () => {
      const requests = fc.array(request, { minLength: REQUESTS, maxLength: REQUESTS });
      fc.assert(
        fc.property(change, requests, ({ common, before, after, stores, routes }, asked) => {
          const a = side([...common, ...before], stores[0], routes[0] ?? []);
          const b = side([...common, ...after], stores[1], routes[1] ?? []);
          if (!a.ok || !b.ok) {
            seen.refused += 1;
            return;
          }
          const bundles = { a: a.value, b: b.value };
          const options = { environment: undefined, limit: 3_000, destinations: [] };
          const found = diffMeaning(bundles, options, createEvaluator);
          if (!found.ok) throw new Error(JSON.stringify(found.problems));
          const { flips, notExhaustive, sampledFields, asked: account } = found.value;
          const names = [...common, ...before, ...after, JSON.stringify(stores)].join();
          const mayMiss = account.unfinished.count > 0 || sampledFields.length > 0;
          const done = withBoth(bundles, createEvaluator, (evaluators) => {
            const ask = askerOf(bundles, evaluators, undefined);
            for (const { service, asked: question } of asked) {
              const answers = ask(question, service);
              const [from, to] = [answers.a.decision, answers.b.decision];
              seen[from === to ? 'same' : 'flips'] += 1;
              if (from === to || mayMiss || notExhaustive.length > 0) continue;
              const method = question.sketch.http?.method ?? '';
              const text = JSON.stringify({ question, from, to, flips });
              const { caller: who } = question.sketch;
              const isNamed = who === 'anonymous' || names.includes(who);
              const told = isTold(flips, { caller: isNamed ? who : undefined, method, service }, [
                from,
                to,
              ]);
              expect(told, text).toBe(true);
            }
            // And a request that it names does what it says.
            for (const { witness, from, to } of flips) {
              const sketch: RequestSketch = {
                caller: witness.caller,
                http: {
                  method: witness.method ?? '',
                  path: witness.path ?? undefined,
                  headers: witness.headers,
                },
                claims: (witness.claims ?? undefined) as RequestSketch['claims'],
                sourceAddress: witness.sourceAddress ?? undefined,
              };
              const nowMs = witness.time === null ? 0 : Date.parse(witness.time);
              const answers = ask({ sketch, nowMs }, witness.service);
              expect([answers.a.decision, answers.b.decision]).toEqual([from, to]);
            }
          });
          if (!done.ok) throw new Error(JSON.stringify(done.problems));
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'has the same flips when nothing is filtered',
    () => {
      fc.assert(
        fc.property(change, ({ common, before, after, stores, routes }) => {
          const a = side([...common, ...before], stores[0], routes[0] ?? []);
          const b = side([...common, ...after], stores[1], routes[1] ?? []);
          if (!a.ok || !b.ok) return;
          const options = { environment: undefined, limit: 1_000_000, destinations: [] };
          const bundles = { a: a.value, b: b.value };
          const cost = diffMeaning(
            bundles,
            { ...options, limit: 1, filter: false },
            createEvaluator,
          );
          // Only what is quick to ask whole.
          if (!cost.ok || cost.value.asked.combinations > 800) return;
          const filtered = diffMeaning(bundles, options, createEvaluator);
          const all = diffMeaning(bundles, { ...options, filter: false }, createEvaluator);
          expect(all.ok && all.value.flips).toEqual(filtered.ok && filtered.value.flips);
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});
