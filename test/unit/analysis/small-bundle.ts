/** A bundle small enough to see at once, for tests of what runs on bundles. */
import type { SourceFile } from '../../../src/bundle/types.js';

export const SMALL_FILES: Readonly<Record<string, string>> = {
  'bundle.yaml': 'name: small\nversion: "1"\nowner: team-a\nscope: {destinations: [a/b]}\n',
  'schema.cedarschema': `
entity TrustDomain;
entity Namespace in [TrustDomain];
entity Workload in [Namespace, TrustDomain] { tier?: Long };
entity Anonymous;
entity Service;
entity Route in [Service];
type Web = {
  path: String, params?: {id?: String}, query?: {q?: Set<String>}, headers?: {"x-one"?: String, "x-all"?: Set<String>},
  claims?: {sub?: String, level?: Long}, task?: {kind?: String, expiresAt?: datetime}, environment?: String,
  sourceAddress?: ipaddr, time?: datetime,
};
action GET, POST appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: Web };
action rpc appliesTo {
  principal: [Workload, Anonymous], resource: [Service, Route],
  context: {path: String, grpc: {service: String, method: String}},
};
action connect, CONNECT appliesTo { principal: [Workload, Anonymous], resource: [Service, Route], context: {} };
`,
  'routes.yaml': `
- {name: item, path: "/items/{id}"}
- {name: call, grpc: {service: a.B, method: Do}}
`,
  'main.cedar': `@id("reads") @owner("team-a") @description("Workloads of shop read.")
permit (principal in Namespace::"example.org/shop", action == Action::"GET", resource in Service::"a/b");

@id("calls") @owner("team-a") @description("Everybody calls and connects.")
permit (principal, action in [Action::"rpc", Action::"connect", Action::"CONNECT"], resource);

@id("posts") @owner("team-b") @description("Posts need a header and a level.")
permit (principal is Workload, action == Action::"POST", resource == Route::"a/b/item")
when { context has headers && context.headers has "x-one" && context.headers["x-one"] == "yes" }
when { context has claims && context.claims has level && context.claims.level > 2 };

@id("no-secrets") @owner("team-b") @description("Nobody reads secrets.")
forbid (principal, action == Action::"GET", resource)
when { context.path like "/secret*" };

@id("tiered") @owner("team-b") @description("Squares of tiers, which may overflow.")
permit (principal is Workload, action == Action::"POST", resource == Service::"a/b")
when { principal has tier && principal.tier * principal.tier > 0 };
`,
  'entities.json': `[
  {"uid": {"type": "Workload", "id": "spiffe://example.org/ns/shop/sa/max"}, "attrs": {"tier": 9007199254740991}, "parents": []}
]`,
  'entities.production.json': `[
  {"uid": {"type": "Workload", "id": "spiffe://example.org/ns/shop/sa/orders"}, "attrs": {"tier": 1}, "parents": []}
]`,
};

export function filesOf(contents: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(contents).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
}

export const smallFiles = (changes: Readonly<Record<string, string>> = {}) =>
  filesOf({ ...SMALL_FILES, ...changes });
