/** A source bundle with everything that build looks at: scope, environments, routes, tests. */
import { runBundleTests } from '../../src/analysis/bundle-test.js';
import { type BuildInput, type Built, buildBundle, type RunTests } from '../../src/bundle/build.js';
import type { SourceFile } from '../../src/bundle/types.js';
import { createEvaluator } from '../../src/cedar/evaluator.js';
import { parsePolicies } from '../../src/cedar/policies.js';
import type { PolicySource } from '../../src/cedar/types.js';
import type { Result } from '../../src/result.js';
import { resultValue } from './result.js';

export type Sources = Readonly<Record<string, string>>;

export const SOURCES: Sources = {
  'bundle.yaml':
    'name: payments\nversion: "1.2"\nowner: team-a\nscope: {destinations: [shop/payments]}\n',
  'schema.cedarschema': `entity TrustDomain;
entity Namespace in [TrustDomain];
entity Group;
entity Workload in [Namespace, TrustDomain, Group] { tier?: Long };
entity Anonymous;
entity Service;
entity Route in [Service];
action read, write;
action GET in [read] appliesTo {
  principal: [Workload, Anonymous], resource: [Service, Route],
  context: { path: String, environment?: String, headers?: {"x-one"?: String} },
};
action POST in [write] appliesTo {
  principal: [Workload, Anonymous], resource: [Service, Route],
  context: { path: String, headers?: {"x-one"?: String} },
};
`,
  'routes.yaml': '- {name: item, path: "/items/{id}", methods: [GET, POST]}\n',
  'main.cedar': `// Who reads. permit(principal, action, resource);
@id("reads") @owner("team-a") @description("Workloads of shop réad.")
permit (principal in Namespace::"example.org/shop", action == Action::"GET", resource in Service::"shop/payments");

@id("no-secrets") @owner("team-b") @description("Nobody reads secrets.")
forbid (principal, action, resource in Service::"shop/payments")
when { context.path like "/secret*" }; // the end: €
`,
  'more.cedar': `@id("posts") @owner("team-b") @description("Gold groups post items.")
permit (principal in Group::"gold", action == Action::"POST", resource == Route::"shop/payments/item")
when { context has headers && context.headers has "x-one" && principal is Workload && principal has tier && principal.tier > 1 };
`,
  'entities.json':
    '[{"uid": {"type": "Workload", "id": "spiffe://example.org/ns/shop/sa/max"}, "attrs": {"tier": 3}, "parents": []}]',
  'entities.production.json':
    '[{"uid": {"type": "Workload", "id": "spiffe://example.org/ns/shop/sa/max"}, "attrs": {}, "parents": [{"type": "Group", "id": "gold"}]}]',
  'entities.staging.json': '[]',
  'tests/requests.yaml': `- {name: reads, caller: "spiffe://example.org/ns/shop/sa/a", method: GET, path: /x, decision: allow, policies: [reads]}
- {name: secret, caller: "spiffe://example.org/ns/shop/sa/a", method: GET, path: /secret, decision: deny, policies: [no-secrets]}
- {name: nobody, caller: anonymous, method: GET, path: /x, decision: deny}
`,
};

export const runTests: RunTests = (input) => runBundleTests(input, createEvaluator);

export function inputOf(sources: Sources = SOURCES, more: Partial<BuildInput> = {}): BuildInput {
  const files: SourceFile[] = [];
  const testFiles: SourceFile[] = [];
  for (const name of Object.keys(sources).sort()) {
    const file = { name, bytes: Buffer.from(sources[name] ?? '') };
    (name.startsWith('tests/') ? testFiles : files).push(file);
  }
  return {
    files,
    testFiles,
    createdAt: '2026-11-03T09:30:00.000Z',
    change: { ticket: 'CHG-1' },
    cedar: { sdk: '4.13.0', language: '4.5' },
    runTests,
    ...more,
  };
}

export const build = (sources?: Sources, more?: Partial<BuildInput>): Result<Built> =>
  buildBundle(inputOf(sources, more));

export const builtFrom = (sources?: Sources, more?: Partial<BuildInput>): Built =>
  resultValue(build(sources, more));

/** The policies of a text, without any schema. */
export function policiesOf(text: string): PolicySource[] {
  const parsed = resultValue(parsePolicies([{ file: 'p.cedar', text }]));
  return parsed.map(({ policy }) => policy);
}
