/**
 * Compiles a small bundle for nothing, in a thread that waits for its load: the engine is then there
 * and its code is compiled. The first hundred policies of a cold thread take ten times as long.
 */
import { compileBundle } from '../bundle/compile.js';
import { MANIFEST_FILE, SCHEMA_FILE } from '../bundle/names.js';

const POLICIES = 20;

const SCHEMA = `entity TrustDomain;
entity Namespace in [TrustDomain];
entity Workload in [Namespace, TrustDomain] { namespace?: String };
entity Anonymous;
entity Service;
entity Route in [Service];
action read;
action GET in [read] appliesTo {
  principal: [Workload, Anonymous], resource: [Service, Route], context: { path: String }
};
`;

function policy(id: number): string {
  return `@id("p${id}") @owner("o") @description("d")
permit(principal is Workload in Namespace::"a/${id}", action in Action::"read", resource)
when { context.path like "/${id}/*" && principal has namespace } unless { principal.namespace == "b" };
`;
}

export function warmUp(): void {
  const policies = Array.from({ length: POLICIES }, (_, id) => policy(id)).join('');
  const files = {
    [MANIFEST_FILE]: 'name: warm-up\nversion: "0"\nowner: cedargate\n',
    [SCHEMA_FILE]: SCHEMA,
    'main.cedar': policies,
  };
  const sources = Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
  const compiled = compileBundle(sources, { environment: undefined });
  if (!compiled.ok)
    throw new Error(`the warm-up bundle is refused: ${compiled.problems[0].message}`);
}
