/**
 * The evaluator against the engine's plain isAuthorized with the full set, the schema and ALL
 * entities: same decision, same determining policies, same errors. Every question is asked twice, and
 * all programs share one memory, so that whatever is remembered wrongly is found. PROPERTY_RUNS
 * multiplies the runs.
 */
import cedar, { type AuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { EvaluationMemory } from '../../../src/cedar/evaluation-memory.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import type {
  CedarProgram,
  CedarRequest,
  EntityData,
  EntityUid,
} from '../../../src/cedar/types.js';
import { PROPERTY_FACTOR } from '../../support/properties.js';
import { compileSources, lines, policy } from './support.js';

const RUNS = 60 * PROPERTY_FACTOR;
/** Only against hanging: a busy machine needs half of it. */
const TIMEOUT_MS = 60_000 * PROPERTY_FACTOR;
const QUESTIONS_PER_SET = 10;

const SCHEMA = `entity TrustDomain; entity Team { size?: Long, lead?: Workload };
entity Namespace in [TrustDomain, Team] { team?: Team };
entity Workload in [Namespace, TrustDomain, Team] {
  namespace?: String, serviceAccount?: String, tier?: Long, peer?: Workload, since?: datetime, net?: ipaddr, langs?: Set<String>, info?: {color?: String}
} tags Set<String>;
entity Anonymous; entity Service in [Team] { critical?: Bool, owner?: Team }; entity Route in [Service] tags Long;
action read, write;
action GET, HEAD in [read] appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: Request };
action POST in [write] appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: Request };
type Request = { path: String, claims?: Claims, headers?: {"x-a"?: String}, sourceAddress?: ipaddr, time?: datetime };
type Claims = { sub?: String, level?: Long, aud?: Set<String>, org?: { unit?: String } };
`;

const NAMESPACES = ['td/a', 'td/b'];
const WORKLOADS = ['spiffe://td/ns/a/sa/x', 'spiffe://td/ns/b/sa/y', 'spiffe://td/z'];
const SERVICES = ['a/s', 'b/s'];
const ROUTES = ['a/s/r', 'a/s/q', 'b/s/r'];
const TEAMS = ['red', 'blue'];

const uid = (type: string, ids: readonly string[]) =>
  fc.constantFrom(...ids).map((id): EntityUid => ({ type, id }));
const written = ({ type, id }: EntityUid) => `${type}::${JSON.stringify(id)}`;

/** Conditions that pass strict validation. P stands for a principal known to be a Workload. */
const workloads = fc.constantFrom(
  'principal',
  ...WORKLOADS.map((id) => written({ type: 'Workload', id })),
);
const long = fc.constantFrom('-1', '0', '1', '3', '9223372036854775807');
const failing = fc.constantFrom(
  '9223372036854775807 + 1 == 0',
  '-(-9223372036854775807 - 1) > 0',
  'context.path like "/a*" && 3037000500 * 3037000500 == 1',
  '!(context has claims.level) || context.claims.level * 9223372036854775807 > 3',
);
const atom = fc.oneof(
  { weight: 2, arbitrary: failing },
  fc.constantFrom(
    'true',
    'false',
    'context.path == "/a"',
    'context.path like "/a*"',
    'context.path like "*\\*b"',
    'context.path != "/b" && context.path != "\u{1f600}"',
    'context.path like "*a*b*" || context.path like "*\u{1f600}"',
    'context has claims.org && context has headers',
    'context has claims.sub && context.claims.sub like "*u*" && context.claims.sub != "uu"',
    'context has claims.sub && context.claims.sub == context.path',
    'context has claims && context.claims == {sub: "u"}',
    'context has headers && context.headers has "x-a" && context.headers["x-a"] like "1*"',
    'context has claims',
    'context has claims.sub && context.claims.sub == "u"',
    'context has claims && context.claims has level && context.claims.level * 9223372036854775807 > 3',
    'context has claims.org.unit && ["u", "v"].contains(context.claims.org.unit)',
    'context has claims.aud && context.claims.aud.containsAny(["x", "y"])',
    'context has claims.aud && context.claims.aud.containsAll(["x"])',
    'context has claims.aud && context.claims.aud.isEmpty()',
    'context has headers && context.headers has "x-a" && context.headers["x-a"] != "1"',
    'context has sourceAddress && context.sourceAddress.isInRange(ip("10.0.0.0/8"))',
    'context has sourceAddress && context.sourceAddress.isIpv4()',
    'context has time && context.time < datetime("2026-01-01")',
    'context has time && context.time.offset(duration("1d")) >= datetime("2026-01-01T12:00:00Z")',
    'resource is Service && resource has critical && resource.critical',
    'resource is Service && resource has owner && resource.owner has size && resource.owner.size > 2',
    'resource is Service && resource has owner && resource.owner has lead && resource.owner.lead in Namespace::"td/a"',
    'resource is Route && resource.hasTag("cost") && resource.getTag("cost") > 1',
    'resource is Route in Service::"a/s"',
    'principal is Anonymous',
    'if context has claims then context.path == "/a" else context.path == "/b"',
  ),
  fc
    .tuple(
      workloads,
      fc.constantFrom(
        (w: string) => `${w} has tier && ${w}.tier > 1`,
        (w: string) => `${w} has tier && ${w}.tier + 9223372036854775806 > 1`,
        (w: string) => `${w} has peer && ${w}.peer has tier && ${w}.peer.tier == 3`,
        (w: string) => `${w} has peer && ${w}.peer in Team::"red"`,
        (w: string) => `${w} has peer.peer && ${w}.peer.peer == ${w}`,
        (w: string) => `${w} has namespace && ${w}.namespace == "a"`,
        (w: string) => `${w} has serviceAccount && ${w}.serviceAccount like "?"`,
        (w: string) => `${w}.hasTag("t") && ${w}.getTag("t").contains("x")`,
        (w: string) => `${w}.hasTag(context.path) && ${w}.getTag(context.path).isEmpty()`,
        (w: string) => `${w} has since && ${w}.since < datetime("2025-06-01")`,
        (w: string) => `${w} has net && ${w}.net.isInRange(ip("10.1.0.0/16"))`,
        (w: string) => `${w} has langs && ${w}.langs.contains("x")`,
        (w: string) => `${w} has info.color && ${w}.info.color == "red"`,
        (w: string) => `[${w}].contains(${w})`,
      ),
    )
    .map(([w, test]) => (w === 'principal' ? `principal is Workload && ${test(w)}` : test(w))),
  fc
    .tuple(
      fc.constantFrom(
        'principal is Workload && principal',
        ...WORKLOADS.map((id) => written({ type: 'Workload', id })),
      ),
      uid('Team', TEAMS),
    )
    .map(([left, right]) => `${left} in ${written(right)}`),
  uid('Namespace', NAMESPACES).map((u) => `principal is Workload in ${written(u)}`),
  uid('Namespace', NAMESPACES).map((u) => `${written(u)} in TrustDomain::"td"`),
  uid('Namespace', NAMESPACES).map((u) => `${written(u)} has team && ${written(u)}.team has size`),
  uid('Namespace', NAMESPACES).map((u) => `principal is Workload && principal in [${written(u)}]`),
  uid('Service', SERVICES).map((u) => `resource in [${written(u)}]`),
  fc
    .tuple(uid('Team', TEAMS), long)
    .map(([u, n]) => `${written(u)} has size && ${written(u)}.size + ${n} > 2`),
);
const condition = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'xsmall', withCrossShrink: true },
    atom.map((text) => `(${text})`),
    fc
      .tuple(tie('node'), fc.constantFrom('&&', '||'), tie('node'))
      .map(([l, o, r]) => `(${l} ${o} ${r})`),
    tie('node').map((text) => `!${text}`),
    fc
      .tuple(tie('node'), tie('node'), tie('node'))
      .map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
    fc.tuple(tie('node'), tie('node')).map(([l, r]) => `(${l} == ${r})`),
  ),
})).node;

// Most scopes are wide, so that most policies reach their conditions.
const wide = (...texts: string[]) => ({ weight: 8, arbitrary: fc.constantFrom(...texts) });
const principalScope = fc.oneof(
  wide('principal'),
  fc.constantFrom('principal', 'principal is Workload', 'principal is Anonymous'),
  uid('Workload', WORKLOADS).map((u) => `principal == ${written(u)}`),
  fc
    .oneof(uid('Namespace', NAMESPACES), uid('Team', TEAMS), uid('TrustDomain', ['td']))
    .map((u) => `principal in ${written(u)}`),
  uid('Namespace', NAMESPACES).map((u) => `principal is Workload in ${written(u)}`),
);
const actionScope = fc.constantFrom(
  'action',
  'action',
  'action',
  'action == Action::"GET"',
  'action in Action::"read"',
  'action in [Action::"write", Action::"HEAD"]',
);
const resourceScope = fc.oneof(
  wide('resource'),
  fc.constantFrom('resource', 'resource is Service', 'resource is Route'),
  uid('Service', SERVICES).map((u) => `resource in ${written(u)}`),
  uid('Team', TEAMS).map((u) => `resource in ${written(u)}`),
  uid('Route', ROUTES).map((u) => `resource == ${written(u)}`),
);
const statement = fc
  .record({
    effect: fc.constantFrom('permit', 'permit', 'forbid'),
    scope: fc.tuple(principalScope, actionScope, resourceScope),
    clauses: fc.array(fc.tuple(fc.constantFrom('when', 'unless'), condition), { maxLength: 2 }),
  })
  .map(({ effect, scope, clauses }) => {
    const tail = clauses.map(([kind, body]) => ` ${kind} { ${body} }`).join('');
    return `${effect} (${scope.join(', ')})${tail};`;
  });

const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
/** Own properties that are there; undefined means left out. */
function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const words = fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 2 });
const datetime = fc.constantFrom('2025-01-01', '2026-06-01T00:00:00Z');
const address = fc.constantFrom('10.1.2.3', '192.168.0.1', '::1');
const workloadEntity = fc
  .record({
    id: fc.constantFrom(...WORKLOADS),
    attrs: fc
      .record({
        tier: some(fc.constantFrom(0, 1, 3)),
        peer: some(uid('Workload', WORKLOADS)),
        since: some(datetime),
        net: some(address.map((arg) => ({ __extn: { fn: 'ip', arg } }))),
        langs: some(words),
        info: some(fc.record({ color: fc.constantFrom('red', 'blue') })),
      })
      .map(given),
    team: some(uid('Team', TEAMS)),
    tags: fc.dictionary(fc.constantFrom('t', '/a'), words, { noNullPrototype: true }),
  })
  .map(({ id, attrs, team, tags }) => ({
    uid: { type: 'Workload', id },
    attrs,
    parents: team === undefined ? [] : [team],
    ...(Object.keys(tags).length > 0 ? { tags } : {}),
  }));
const otherEntity = fc.oneof(
  fc
    .tuple(
      uid('Team', TEAMS),
      some(fc.constantFrom(1, 3, 9223372036854)),
      some(uid('Workload', WORKLOADS)),
    )
    .map(([u, size, lead]) => ({
      uid: u,
      attrs: given({ size, lead }),
      parents: [] as EntityUid[],
    })),
  fc
    .tuple(
      uid('Namespace', NAMESPACES),
      fc.subarray([
        { type: 'TrustDomain', id: 'td' },
        { type: 'Team', id: 'red' },
      ]),
      some(uid('Team', TEAMS)),
    )
    .map(([u, parents, team]) => ({ uid: u, attrs: given({ team }), parents })),
  fc
    .tuple(
      uid('Service', SERVICES),
      some(fc.boolean()),
      some(uid('Team', TEAMS)),
      fc.subarray([{ type: 'Team', id: 'blue' }]),
    )
    .map(([u, critical, owner, parents]) => ({
      uid: u,
      attrs: given({ critical, owner }),
      parents,
    })),
  fc
    .tuple(
      uid('Route', ROUTES),
      fc.dictionary(fc.constant('cost'), fc.nat(3), { noNullPrototype: true }),
    )
    .map(([u, tags]) => ({
      uid: u,
      attrs: {},
      parents: [] as EntityUid[],
      ...(Object.keys(tags).length > 0 ? { tags } : {}),
    })),
);
const store = fc.uniqueArray(fc.oneof(workloadEntity, otherEntity), {
  selector: (entity) => written(entity.uid),
  maxLength: 8,
});

const context = fc
  .record({
    path: fc.constantFrom('/a', '/ab', '/b', '*b', 't', '', 'u', '\u{1f600}'),
    claims: some(
      fc
        .record({
          sub: some(fc.constantFrom('u', 'v', 'uu', 'x', '')),
          level: some(fc.constantFrom(0, 1, 5)),
          aud: some(words),
          org: some(fc.record({ unit: some(fc.constantFrom('u', 'w')) }).map(given)),
        })
        .map(given),
    ),
    headers: some(fc.record({ 'x-a': some(fc.constantFrom('1', '2')) }).map(given)),
    sourceAddress: some(address.map((arg) => ({ __extn: { fn: 'ip', arg } }))),
    time: some(datetime.map((arg) => ({ __extn: { fn: 'datetime', arg } }))),
  })
  .map(given);

function entity(type: string, id: string, parents: EntityUid[] = [], attrs = {}): EntityData {
  return { uid: { type, id }, attrs, parents };
}

function callerOf(id: string): EntityData[] {
  const trustDomain = { type: 'TrustDomain', id: 'td' };
  const [, namespace, account] = /^spiffe:\/\/td\/ns\/(\w+)\/sa\/(\w+)$/.exec(id) ?? [];
  if (id === 'anonymous') return [entity('Anonymous', id)];
  if (namespace === undefined || account === undefined) {
    return [entity('Workload', id, [trustDomain]), entity('TrustDomain', 'td')];
  }
  const ns = { type: 'Namespace', id: `td/${namespace}` };
  return [
    entity('Workload', id, [ns, trustDomain], { namespace, serviceAccount: account }),
    entity('Namespace', ns.id, [trustDomain]),
    entity('TrustDomain', 'td'),
  ];
}

const question = fc
  .record({
    caller: fc.constantFrom('anonymous', ...WORKLOADS),
    action: fc.constantFrom('GET', 'HEAD', 'POST'),
    resource: fc.oneof(uid('Service', SERVICES), uid('Route', ROUTES)),
    context,
  })
  .map(({ caller, action, resource, context }): CedarRequest => {
    const [principal, ...ancestors] = callerOf(caller);
    const service = resource.id.split('/').slice(0, 2).join('/');
    const isRoute = resource.type === 'Route';
    return {
      principal: principal as EntityData,
      action,
      resource: entity(
        resource.type,
        resource.id,
        isRoute ? [{ type: 'Service', id: service }] : [],
      ),
      ancestors: [...ancestors, ...(isRoute ? [entity('Service', service)] : [])],
      context: context as CedarRequest['context'],
    };
  });

/** Every entity there is, merged in the plainest way. */
function allEntities(program: CedarProgram, asked: CedarRequest): EntityData[] {
  const merged = new Map<string, EntityData>();
  for (const next of [...program.entities, asked.principal, asked.resource, ...asked.ancestors]) {
    const known = merged.get(written(next.uid));
    merged.set(written(next.uid), {
      ...known,
      uid: next.uid,
      attrs: { ...known?.attrs, ...next.attrs },
      parents: [...(known?.parents ?? []), ...next.parents],
    });
    if (known === undefined && next.tags !== undefined) {
      merged.set(written(next.uid), next);
    }
  }
  return [...merged.values()];
}

function reference(program: CedarProgram, asked: CedarRequest) {
  const answer = cedar.isAuthorized({
    principal: asked.principal.uid,
    action: { type: 'Action', id: asked.action },
    resource: asked.resource.uid,
    context: asked.context,
    entities: allEntities(program, asked),
    schema: program.schemaText,
    policies: {
      staticPolicies: Object.fromEntries(program.policies.map(({ id, text }) => [id, text])),
    },
  } as unknown as AuthorizationCall);
  if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
  const { decision, diagnostics } = answer.response;
  return {
    decision,
    satisfied: [...diagnostics.reason].sort(),
    errored: diagnostics.errors.map(({ policyId }) => policyId).sort(),
  };
}

const seen = { allow: 0, deny: 0, errored: 0, refused: 0, answered: 0 };
const memory = new EvaluationMemory();
const lookups = { hit: 0, miss: 0, bypass: 0 };

describe('the evaluator and plain isAuthorized', () => {
  afterAll(() => {
    // The property means something only when it sees decisions of every kind.
    const { allow, deny, errored, answered } = seen;
    expect(Math.min(allow, deny, errored), JSON.stringify(seen)).toBeGreaterThan(RUNS / 10);
    expect(answered).toBeGreaterThan(RUNS);
    // Half of them are second questions; of the others many are like one before.
    const { hit, miss, bypass } = lookups;
    expect(Math.min(hit - (answered - bypass) / 2, miss), JSON.stringify(lookups)).toBeGreaterThan(
      RUNS / 10,
    );
  });

  it(
    'say the same',
    () => {
      const questions = fc.array(question, { minLength: 4, maxLength: QUESTIONS_PER_SET });
      const statements = fc.array(statement, { minLength: 1, maxLength: 6 });
      fc.assert(
        fc.property(statements, store, questions, (texts, entities, asked) => {
          const policies = texts.map((text, index) => policy(`p${index}`, text)).join('\n');
          const compiled = compileSources({ schema: SCHEMA, policies, entities });
          if (!compiled.ok) {
            // A random condition may be one that strict validation refuses; nothing else may happen.
            for (const line of lines(compiled))
              expect(line).toMatch(/policy_invalid|policy_too_deep/);
            seen.refused += 1;
            return;
          }
          const { program } = compiled.value;
          const loaded = createEvaluator(program, { memory, lookups });
          if (!loaded.ok) throw new Error(lines(loaded).join());
          for (const request of [...asked, ...asked]) {
            const answer = loaded.value.evaluate(request);
            if (answer.kind === 'failed') throw new Error(answer.message);
            const got = {
              decision: answer.engineDecision,
              satisfied: answer.satisfied,
              errored: answer.errored.map(({ policy }) => policy),
            };
            expect(got).toEqual(reference(program, request));
            seen[got.decision] += 1;
            seen.answered += 1;
            if (got.errored.length > 0) seen.errored += 1;
          }
          loaded.value.release();
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});
