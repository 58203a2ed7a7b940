/**
 * Random programs for differential.test.ts: every operator of Cedar, over a schema with everything that
 * a schema may have. All that is drawn here passes strict validation, but for what a random condition
 * makes impossible.
 */
import fc from 'fast-check';
import type { EntityUid } from '../../../src/cedar/types.js';

const REQUEST = `path: String, environment: String, claims?: Claims, headers?: {"x-a"?: String, sub?: String},
  params?: {sub?: String}, query?: {q?: Set<String>}, task?: {expiresAt?: datetime, chain?: Set<String>, kind?: String},
  sourceAddress?: ipaddr, time?: datetime`;

export const SCHEMA = `entity TrustDomain; entity Team in [Team] { size?: Long, lead?: Workload };
entity Namespace in [TrustDomain, Team] { team?: Team };
entity Workload in [Namespace, TrustDomain, Team] {
  namespace?: String, serviceAccount?: String, tier?: Long, peer?: Workload, since?: datetime, net?: ipaddr, langs?: Set<String>,
  info?: {color?: String, "a.b"?: Long}, score?: decimal, peers?: Set<Workload>
} tags Set<String>;
entity Anonymous; entity Service in [Team] { critical?: Bool, owner?: Team }; entity Route in [Service] tags Long;
action read, write; action any;
action GET in [read] appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: Request };
action POST in [write, any] appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: Request };
action rpc in [write] appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: Rpc };
type Grpc = { service: String, method: String };
type Request = { ${REQUEST}, grpc?: Grpc };
type Rpc = { ${REQUEST}, grpc: Grpc };
type Claims = { sub?: String, level?: Long, admin?: Bool, aud?: Set<String>, org?: { unit?: String }, "a.b"?: String, a?: { b?: String }, ""?: String, "__proto__"?: String };
`;

/**
 * The same with one more field that nobody reads, and one that need not be there: its answers are no
 * answers of the other's, and it wants less of the context.
 */
export const OTHER_SCHEMA = SCHEMA.replace('params?: {', 'params?: {id?: String, ').replace(
  'environment: String',
  'environment?: String',
);

export const NAMESPACES = ['td/a', 'td/b'];
export const WORKLOADS = ['spiffe://td/ns/a/sa/x', 'spiffe://td/ns/b/sa/y', 'spiffe://td/z'];
export const SERVICES = ['a/s', 'b/s'];
export const ROUTES = ['a/s/r', 'a/s/q', 'b/s/r'];
export const TEAMS = ['red', 'blue', 'top'];

export const uid = (type: string, ids: readonly string[]) =>
  fc.constantFrom(...ids).map((id): EntityUid => ({ type, id }));
export const written = ({ type, id }: EntityUid) => `${type}::${JSON.stringify(id)}`;

const WRITTEN_WORKLOADS = WORKLOADS.map((id) => written({ type: 'Workload', id }));
const long = fc.constantFrom('-1', '0', '1', '3', '9223372036854775807');
const failing = fc.constantFrom(
  '9223372036854775807 + 1 == 0',
  '-(-9223372036854775807 - 1) > 0',
  'context.path like "/a*" && 3037000500 * 3037000500 == 1',
  '!(context has claims.level) || context.claims.level * 9223372036854775807 > 3',
  'context has claims.level && -9223372036854775807 - context.claims.level < 0',
  'context has task.expiresAt && context.task.expiresAt.offset(duration("9223372036854775807ms")) == datetime("2025-01-01")',
  'context has time && context.time.offset(duration("9223372036854775807ms")) > context.time',
);

const ofContext = fc.constantFrom(
  'true',
  'false',
  ...['context.path == "/a"', '"/ab" == context.path', 'context.path like "/a*"'],
  ...['context.path like "/b*"', 'context.path like "*\\*b"', 'context.path like "*"'],
  'context.path != "/b" && context.path != "\u{1f600}"',
  'context.path like "*a*b*" || context.path like "*\u{1f600}"',
  'context.path like "\\u{e9}*" || context.path like "e\\u{301}*"',
  'context.path like "*\\\\*" || context.path like "*\\"b"',
  'context.path like "/a\\*" && context.path == "/a*"',
  ...['context.path like ""', 'context.path like "**"', 'context.path like "/**b"'],
  'context.path like "\\**" || context.path like "/a*\\*"',
  ...['[context.path, "x"].contains("/a")', '{p: context.path}.p like "*b"'],
  ...['context.environment == "prod"', 'context.environment like "*o*" && !(context has params)'],
  '["/a", "/b", "t"].containsAll([context.path])',
  ...['["/a", "x"].containsAny([context.path, "z"])', '!["/a", context.path].isEmpty()'],
  '{a: {b: context.path}}.a has b && {a: {b: context.path}}.a.b like "*b"',
  ...['{a: context.path} == {a: "/ab"}', '[[context.path], ["x", "/a"]].contains(["/a"])'],
  // The context by another name.
  ...[
    '(if context has claims then context else context) has headers',
    '{c: context}.c.path == "/a"',
  ],
  ...['context == context', '[context].contains(context)'],
  '(if context has headers then context.path else context.environment) == "/a"',
  // Claims.
  ...['context has claims.org && context has headers', 'context has claims'],
  ...[
    'context has claims && context.claims == {sub: "u"}',
    'context has claims && context.claims != {}',
  ],
  'context has claims.sub && context.claims.sub like "*u*" && context.claims.sub != "uu"',
  'context has claims.sub && context.claims.sub == context.path',
  'context has claims.sub && context.claims.sub == "u"',
  'context has claims.sub && context has headers.sub && context.claims.sub == context.headers.sub',
  'context has claims && context.claims has "a.b" && context.claims["a.b"] == "u"',
  'context has claims.a.b && context.claims.a.b == "u"',
  'context has claims && context.claims has ""',
  'context has claims && context.claims has "__proto__" && context.claims["__proto__"] like "u*"',
  'context has claims.admin && context.claims.admin',
  'context has claims.admin && context.claims.admin == (context.path == "/a")',
  'context has claims.level && context.claims.level * 9223372036854775807 > 3',
  'context has claims.level && context.claims.level - 1 <= 0 && -context.claims.level < 0',
  'context has claims.org.unit && ["u", "v"].contains(context.claims.org.unit)',
  'context has claims.org && context.claims.org == {unit: "u"}',
  'context has claims.aud && context.claims.aud.containsAny(["x", "y"])',
  'context has claims.aud && context.claims.aud.containsAll(["x"])',
  'context has claims.aud && (context.claims.aud.isEmpty() || context.claims.aud == ["x", "y"])',
  'context has claims.aud && context.claims.aud.contains(context.path)',
  // Headers, parameters, queries, tasks.
  'context has headers && context.headers has "x-a" && context.headers["x-a"] != "1"',
  'context has headers && context.headers has "x-a" && context.headers["x-a"] like "1*"',
  'context has headers.sub && context.headers.sub == "u"',
  ...['context has params.sub && context.params.sub == "u"', 'context has query'],
  'context has query.q && context.query.q.contains("x")',
  'context has query.q && (context.query.q.isEmpty() || [context.query.q].contains(["x", "y"]))',
  'context has query.q && context has task.chain && context.task.chain.containsAny(context.query.q)',
  ...['context has task.expiresAt', 'context has task && !(context.task has kind)'],
  'context has task.kind && context.task.kind like "a*"',
  ...['context has grpc', 'context has grpc && context.grpc.service == "s"'],
  'context has grpc.method && context.grpc.method like "m*"',
  'if context has claims then context.path == "/a" else context.path == "/b"',
);
const sinceThen = fc
  .tuple(
    fc.constantFrom('toDays() > 3', 'toHours() > 99', 'toMinutes() >= 1', 'toSeconds() != 0'),
    fc.constantFrom('2025-01-01', '2025-06-01'),
  )
  .map(([test, day]) => `durationSince(datetime("${day}")).${test}`);
/** Values of extension types: their functions would be rare among all else. */
const ofExtension = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'context has sourceAddress && context.sourceAddress.isInRange(ip("10.0.0.0/8"))',
      'context has sourceAddress && (context.sourceAddress.isIpv4() || context.sourceAddress.isLoopback())',
      'context has sourceAddress && context.sourceAddress.isIpv6() && !context.sourceAddress.isMulticast()',
      ...[
        'context has sourceAddress',
        'context has sourceAddress && context.sourceAddress == ip("::1")',
      ],
      'context has task.expiresAt && context.task.expiresAt > datetime("2026-01-01")',
      'context has task.expiresAt && context.task.expiresAt.toDate() <= datetime("2025-01-01")',
      'context has task.expiresAt && context.task.expiresAt.offset(duration("-1h")).toTime() >= duration("23h")',
    ),
  },
  {
    weight: 1,
    arbitrary: sinceThen.map(
      (test) => `context has task.expiresAt && context.task.expiresAt.${test}`,
    ),
  },
);
/** What reads the time: such answers are never remembered. */
const ofTime = fc.oneof(
  fc.constantFrom(
    'context has time && context.time < datetime("2026-01-01")',
    'context has time && context.time.offset(duration("1d")) >= datetime("2026-01-01T12:00:00Z")',
    'context has time && context.time.toDate() == context.time && context.time.toTime() < duration("1h")',
  ),
  sinceThen.map((test) => `context has time && context.time.${test}`),
);
const ofResource = fc.constantFrom(
  'resource is Service && resource has critical && resource.critical',
  'resource is Service && resource has owner && resource.owner has size && resource.owner.size > 2',
  'resource is Service && resource has owner && resource.owner has lead && resource.owner.lead in Namespace::"td/a"',
  'resource is Service && resource has owner && resource.owner == Team::"red"',
  'resource is Service && resource has owner && resource in [Team::"blue", resource.owner]',
  'resource is Service && resource has owner.lead.tier && resource.owner.lead.tier < 3',
  'resource is Service in Team::"top" || resource in [Team::"top", Team::"red"]',
  'resource is Route && resource.hasTag("cost") && resource.getTag("cost") > 1',
  ...[
    'resource is Route in Service::"a/s"',
    'resource == Route::"a/s/r"',
    'resource in Service::"b/s"',
  ],
  ...['principal is Anonymous', 'action in Action::"read"', 'action == Action::"POST"'],
  'action in [Action::"any", Action::"GET"]',
);
/** `w` is known to be a Workload. */
const ofWorkload = fc.constantFrom(
  (w: string) => `${w} has tier && ${w}.tier > 1`,
  (w: string) => `${w} has tier && ${w}.tier + 9223372036854775806 > 1`,
  (w: string) => `${w} has peer && ${w}.peer has tier && ${w}.peer.tier == 3`,
  (w: string) => `${w} has peer && ${w}.peer in Team::"red"`,
  (w: string) => `${w} has peer && principal in ${w}.peer`,
  (w: string) => `${w} has peer.peer && ${w}.peer.peer == ${w}`,
  (w: string) => `${w} has peers && ${w}.peers.contains(principal)`,
  (w: string) => `${w} has peers && ${w} in ${w}.peers`,
  (w: string) => `${w} has namespace && ${w}.namespace == "a"`,
  (w: string) => `${w} has serviceAccount && ${w}.serviceAccount like "?"`,
  (w: string) => `${w} has serviceAccount && ${w}.serviceAccount != context.path`,
  (w: string) => `${w}.hasTag("t") && ${w}.getTag("t").contains("x")`,
  (w: string) => `${w}.hasTag(context.path) && ${w}.getTag(context.path).isEmpty()`,
  (w: string) => `context has claims.sub && ${w}.hasTag(context.claims.sub)`,
  (w: string) => `${w} has since && ${w}.since < datetime("2025-06-01")`,
  (w: string) =>
    `${w} has since && ${w}.since.durationSince(datetime("2025-01-01")).toMilliseconds() > 0`,
  (w: string) =>
    `context has sourceAddress && ${w} has net && context.sourceAddress.isInRange(${w}.net)`,
  (w: string) => `${w} has net && ${w}.net.isInRange(ip("10.1.0.0/16"))`,
  (w: string) => `${w} has net && context has sourceAddress && ${w}.net == context.sourceAddress`,
  (w: string) => `${w} has score && ${w}.score.greaterThan(decimal("1.5"))`,
  (w: string) => `${w} has score && ${w}.score.lessThan(decimal("1.6"))`,
  (w: string) => `${w} has score && ${w}.score.greaterThanOrEqual(decimal("1.6"))`,
  (w: string) => `${w} has langs && ${w} has peer.langs && ${w}.langs.containsAll(${w}.peer.langs)`,
  (w: string) => `${w} has score && ${w}.score.lessThanOrEqual(decimal("1.5"))`,
  (w: string) => `${w} has langs && ${w}.langs.contains(context.path)`,
  (w: string) => `${w} has info.color && ${w}.info.color == "red"`,
  (w: string) => `${w} has info && ${w}.info has "a.b" && ${w}.info["a.b"] >= 1`,
  (w: string) => `${w} has info && ${w}.info == {color: "blue"}`,
  (w: string) => `[${w}, Workload::"spiffe://td/z"].contains(${w})`,
  (w: string) =>
    `(if context.path == "/a" then ${w} else Workload::"spiffe://td/z") in Team::"red"`,
  (w: string) => `{w: ${w}}.w has tier`,
);
const ofGroups = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('principal is Workload && principal', ...WRITTEN_WORKLOADS),
      uid('Team', TEAMS),
    )
    .map(([left, right]) => `${left} in ${written(right)}`),
  uid('Namespace', NAMESPACES)
    .map(written)
    .chain((ns) =>
      fc.constantFrom(
        `principal is Workload in ${ns}`,
        `principal is Workload in Team::"top" || ${ns} in Team::"top"`,
        `${ns} in TrustDomain::"td"`,
        `${ns} has team && ${ns}.team has size`,
        `principal is Workload && principal in [${ns}, Team::"red"]`,
      ),
    ),
  uid('Service', SERVICES).map((u) => `resource in [${written(u)}]`),
  fc
    .tuple(uid('Team', TEAMS).map(written), long)
    .map(([team, n]) => `${team} has size && ${team}.size + ${n} > 2`),
);
const atom = fc.oneof(
  { weight: 3, arbitrary: failing },
  { weight: 9, arbitrary: ofContext },
  { weight: 2, arbitrary: ofExtension },
  { weight: 1, arbitrary: ofTime },
  { weight: 2, arbitrary: ofResource },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('principal', ...WRITTEN_WORKLOADS), ofWorkload)
      .map(([w, test]) => (w === 'principal' ? `principal is Workload && ${test(w)}` : test(w))),
  },
  { weight: 2, arbitrary: ofGroups },
);
/** Texts that are compared with literals alone: of these the outcomes are told, and not the values. */
const comparison = fc
  .tuple(
    fc.constantFrom('context.path', 'context.headers["x-a"]', 'context.claims.sub'),
    fc.constantFrom('like "*"', 'like "/a*"', 'like "*b"', 'like "u*"', 'like "*1"', 'like "1*"'),
    fc.constantFrom('== "/a"', '!= "/ab"', '== "1"', '== "u"', '!= "uu"'),
    fc.boolean(),
  )
  .map(([place, like, equals, isLike]) => {
    const has = place.replace('headers["x-a"]', 'headers && context.headers has "x-a"');
    const there = place === 'context.path' ? '' : `context has ${has.slice('context.'.length)} && `;
    return `${there}${place} ${isLike ? like : equals}`;
  });
const conditionOf = (atom: fc.Arbitrary<string>) =>
  fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'xsmall', withCrossShrink: true },
      atom.map((text) => `(${text})`),
      fc
        .tuple(tie('node'), fc.constantFrom('&&', '||', '==', '!='), tie('node'))
        .map(([l, o, r]) => `(${l} ${o} ${r})`),
      tie('node').map((text) => `!${text}`),
      fc
        .tuple(tie('node'), tie('node'), tie('node'))
        .map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
    ),
  })).node;

// Most scopes are wide, so that most policies reach their conditions.
const wide = (text: string) => ({ weight: 8, arbitrary: fc.constant(text) });
const principalScope = fc.oneof(
  wide('principal'),
  fc.constantFrom(
    'principal is Workload',
    'principal is Anonymous',
    'principal in TrustDomain::"td"',
  ),
  fc.constantFrom(...WRITTEN_WORKLOADS).map((w) => `principal == ${w}`),
  fc
    .oneof(uid('Namespace', NAMESPACES), uid('Team', TEAMS))
    .map((u) => `principal in ${written(u)}`),
  uid('Namespace', NAMESPACES).map((u) => `principal is Workload in ${written(u)}`),
);
const actionScope = fc.constantFrom(
  ...['action', 'action', 'action', 'action == Action::"GET"', 'action in Action::"read"'],
  'action in [Action::"any", Action::"rpc"]',
);
const resourceScope = fc.oneof(
  wide('resource'),
  fc.constantFrom(
    'resource is Service',
    'resource is Route',
    'resource is Route in Service::"a/s"',
  ),
  uid('Service', SERVICES).map((u) => `resource in ${written(u)}`),
  uid('Team', TEAMS).map((u) => `resource in ${written(u)}`),
  uid('Route', ROUTES).map((u) => `resource == ${written(u)}`),
);
const clause = (body: fc.Arbitrary<string>) =>
  fc.tuple(fc.constantFrom('when', 'unless'), body).map(([kind, text]) => ` ${kind} { ${text} }`);
const effect = fc.constantFrom('permit', 'permit', 'forbid');

const statementOf = (atom: fc.Arbitrary<string>) => {
  const clauses = fc.array(clause(conditionOf(atom)), { maxLength: 2 });
  return fc
    .record({ effect, scope: fc.tuple(principalScope, actionScope, resourceScope), clauses })
    .map(({ effect, scope, clauses }) => `${effect} (${scope.join(', ')})${clauses.join('')};`);
};
/** What every request of a kind has needs no `has`. */
const ofRpc = fc
  .tuple(
    effect,
    clause(fc.constantFrom('context.grpc.service == "s"', 'context.grpc.method like "*m"')),
  )
  .map(([effect, when]) => `${effect} (principal, action == Action::"rpc", resource)${when};`);

const manyOf = (statement: fc.Arbitrary<string>) =>
  fc.array(fc.oneof({ weight: 12, arbitrary: statement }, { weight: 1, arbitrary: ofRpc }), {
    minLength: 2,
    maxLength: 6,
  });
/** As people write them: one test, whoever asks for what. */
const rule = fc
  .tuple(effect, fc.constantFrom('like "/a*"', 'like "*b"', 'like "u*"', 'like "*"', '== "/ab"'))
  .map(
    ([effect, test]) => `${effect} (principal, action, resource) when { context.path ${test} };`,
  );
/** Of the latter kinds none uses a value, so that only outcomes of tests are told. */
export const statements = fc.oneof(
  { weight: 4, arbitrary: manyOf(statementOf(atom)) },
  { weight: 2, arbitrary: manyOf(statementOf(comparison)) },
  { weight: 3, arbitrary: manyOf(rule) },
);

const OVERFLOW = '3037000500 * 3037000500 == 1';
/** Of each kind that is remembered apart: four that apply or fail by the path, then many that never do. */
export const KINDS: readonly string[] = [
  (path: string) => `context.path == "${path}"`,
  (path: string) => `["${path}", "x"].contains(context.path)`,
  (path: string) =>
    `context has time && context.time > datetime("2025-06-01") && context.path == "${path}"`,
].flatMap((is, kind) => [
  `permit (principal, action, resource) when { ${is('/a')} };`,
  `forbid (principal, action, resource) when { ${is(['/ab', '/b', 't'][kind] ?? '')} };`,
  `permit (principal, action, resource) when { ${is('u')} && ${OVERFLOW} };`,
  `forbid (principal, action, resource) when { ${is(['', '*b', '/a*'][kind] ?? '')} && ${OVERFLOW} };`,
  ...Array.from({ length: 14 }, (_, n) => {
    return `permit (principal, action, resource) when { ${is(`/never/${n}`)} };`;
  }),
]);

/** What may stand before a statement: nothing of it is given to the engine, and no answer depends on it. */
const BEFORE = [
  '',
  '@mode("shadow")\n',
  '@note("permit (principal, action, resource); // \\" @x(") // "\n',
  '@if @in\n(\n"\\\\"\r) // @owner("x")\r\n',
];

export function annotated(statement: string, n: number): string {
  return `${BEFORE[n % BEFORE.length]}${statement}`;
}

/** There or not, each in half of the cases: all that is there costs the engine time. */
const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined, freq: 2 });
/** Own properties that are there, whatever their names; undefined means left out. */
function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

export const words = fc.uniqueArray(fc.constantFrom('x', 'y', 'z', '/a'), { maxLength: 2 });
const datetime = fc.constantFrom('2025-01-01', '2026-06-01T00:00:00Z');
const address = fc.constantFrom('10.1.2.3', '192.168.0.1', '::1');
const extension = (fn: string, args: fc.Arbitrary<string>) =>
  args.map((arg) => ({ __extn: { fn, arg } }));

const workloadEntity = fc
  .record({
    id: fc.constantFrom(...WORKLOADS),
    attrs: fc
      .record({
        tier: some(fc.constantFrom(0, 1, 3)),
        peer: some(uid('Workload', WORKLOADS)),
        peers: some(fc.subarray(WORKLOADS.map((id) => ({ type: 'Workload', id })))),
        since: some(datetime),
        net: some(extension('ip', address)),
        langs: some(words),
        info: some(
          fc
            .record({ color: some(fc.constantFrom('red', 'blue')), 'a.b': some(fc.nat(2)) })
            .map(given),
        ),
        score: some(extension('decimal', fc.constantFrom('1.5', '1.6'))),
      })
      .map(given),
    team: some(uid('Team', TEAMS)),
    tags: fc.dictionary(fc.constantFrom('t', '/a', 'u'), words, { noNullPrototype: true }),
  })
  .map(({ id, attrs, team, tags }) => ({
    uid: { type: 'Workload', id },
    attrs,
    parents: team === undefined ? [] : [team],
    ...(Object.keys(tags).length > 0 ? { tags } : {}),
  }));
const otherEntity = fc.oneof(
  fc
    .record({
      uid: uid('Team', TEAMS),
      size: some(fc.constantFrom(1, 3, 9223372036854)),
      lead: some(uid('Workload', WORKLOADS)),
      inTop: fc.boolean(),
    })
    .map(({ uid, size, lead, inTop }) => ({
      uid,
      attrs: given({ size, lead }),
      parents: inTop && uid.id !== 'top' ? [{ type: 'Team', id: 'top' }] : [],
    })),
  fc
    .record({
      uid: uid('Namespace', NAMESPACES),
      parents: fc.subarray([
        { type: 'TrustDomain', id: 'td' },
        { type: 'Team', id: 'red' },
      ]),
      team: some(uid('Team', TEAMS)),
    })
    .map(({ uid, parents, team }) => ({ uid, attrs: given({ team }), parents })),
  fc
    .record({
      uid: uid('Service', SERVICES),
      critical: some(fc.boolean()),
      owner: some(uid('Team', TEAMS)),
      parents: fc.subarray([{ type: 'Team', id: 'blue' }]),
    })
    .map(({ uid, critical, owner, parents }) => ({
      uid,
      attrs: given({ critical, owner }),
      parents,
    })),
  fc.record({ uid: uid('Route', ROUTES), cost: some(fc.nat(3)) }).map(({ uid, cost }) => ({
    ...{ uid, attrs: {}, parents: [] as EntityUid[] },
    ...(cost === undefined ? {} : { tags: { cost } }),
  })),
);
export const store = fc.uniqueArray(fc.oneof(workloadEntity, otherEntity), {
  selector: (entity) => written(entity.uid),
  maxLength: 5,
});

const text = fc.constantFrom('u', 'v', 'uu', 'x', '');
const claims = fc
  .record({
    sub: some(text),
    level: some(fc.constantFrom(0, -0, 1, 5, 9007199254740991)),
    admin: some(fc.boolean()),
    aud: some(words),
    org: some(fc.record({ unit: some(fc.constantFrom('u', 'w')) }).map(given)),
    odd: some(
      fc.constantFrom({ 'a.b': 'u' }, { a: {} }, { a: { b: 'u' } }, { '': 'u' }, '__proto__'),
    ),
  })
  .map(({ odd, ...plain }) => {
    const fields = Object.entries(given(plain));
    const more = odd === '__proto__' ? [['__proto__', 'u']] : Object.entries(odd ?? {});
    return Object.fromEntries([...fields, ...more]);
  });

const PARTS = {
  path: fc.constantFrom(
    '/a',
    '/ab',
    '/b',
    '*b',
    '/a*',
    'a\\b',
    'a"b',
    't',
    '',
    'u',
    '\u{1f600}',
    '\u00e9',
    'e\u0301',
  ),
  environment: fc.constantFrom('prod', 'test'),
  claims: some(claims),
  headers: some(
    fc.record({ 'x-a': some(fc.constantFrom('1', '2', '11')), sub: some(text) }).map(given),
  ),
  params: some(fc.record({ sub: some(text) }).map(given)),
  query: some(fc.record({ q: some(words) }).map(given)),
  task: some(
    fc
      .record({
        expiresAt: some(extension('datetime', datetime)),
        chain: some(words),
        kind: some(fc.constantFrom('a', 'ab', 'b')),
      })
      .map(given),
  ),
  grpc: fc.record({ service: fc.constantFrom('s', 't'), method: fc.constantFrom('m', 'mm', 'n') }),
  sourceAddress: some(extension('ip', address)),
  time: some(extension('datetime', datetime)),
};

/** What no schema here takes: the engine refuses it, if it is given it. */
const fault = fc.constantFrom<Record<string, unknown>>(
  ...[
    { path: undefined },
    { path: 5 },
    { path: '/a\ud800' },
    { path: { __extn: { fn: 'ip', arg: '::1' } } },
  ],
  ...[{ undeclared: 1 }, { claims: 'u' }, { claims: { sub: 3 } }, { claims: { level: 1.5 } }],
  ...[
    { claims: { level: 2 ** 63 } },
    { claims: { sub: { __entity: { type: 'Team', id: 'red' } } } },
  ],
  ...[
    { claims: { aud: ['x', 1] } },
    { claims: { org: 'u' } },
    { headers: { sub: ['u'] } },
    { headers: [] },
  ],
  ...[
    { grpc: { service: 's' } },
    { grpc: { service: 's', method: 'm\ud800' } },
    { environment: true },
  ],
  ...[{ sourceAddress: { __extn: { fn: 'ip', arg: 'here' } } }, { task: { expiresAt: {} } }],
  { task: { expiresAt: { __extn: { fn: 'datetime', arg: 'soon' } } } },
);

const rarely = <T>(values: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: values });

type Context = Record<string, unknown>;

/** Contexts, each like one before but for a part or two: what differs little is mistaken first. */
export const contextsOf = (count: { readonly minLength: number; readonly maxLength: number }) =>
  fc
    .tuple(
      fc.record(PARTS),
      fc.array(
        fc.tuple(fc.nat(40), fc.record(PARTS, { requiredKeys: ['path'] }), rarely(fault)),
        count,
      ),
    )
    .map(([first, changes]) => {
      const taken: Context[] = [given(first)];
      const refused: Context[] = [];
      for (const [from, change, fault] of changes) {
        const parts = Object.entries(change);
        const few = Object.fromEntries(parts.slice(from % parts.length).slice(0, 1 + (from % 3)));
        const path = from % 2 === 0 ? {} : { path: change.path };
        const next = { ...taken[from % taken.length], ...few, ...path };
        taken.push(given(next));
        if (fault !== null) refused.push(given({ ...next, ...fault }));
      }
      return [...taken, ...refused];
    });
