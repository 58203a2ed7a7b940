/** Writes the bundle that the sidecar of a measurement decides with. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchPolicy, policyText } from './policies.js';
import { CALLERS, callerAt } from './traffic.js';

const POLICIES_PER_FILE = 50;

/** What an application of this size declares; the requests of the bench bring all of it but claims. */
const SCHEMA = `entity TrustDomain;
entity Namespace in [TrustDomain];
entity Workload in [Namespace, TrustDomain] {
  namespace?: String,
  serviceAccount?: String,
  tenant?: String,
};
entity Anonymous;
entity Service;
entity Route in [Service];

type Request = {
  path: String,
  headers?: {"x-tenant"?: String},
  claims?: {tenant?: String},
  environment?: String,
};
action read, write;
action GET, HEAD, OPTIONS in [read] appliesTo {
  principal: [Workload, Anonymous],
  resource: [Service, Route],
  context: Request,
};
action POST, PUT, PATCH, DELETE in [write] appliesTo {
  principal: [Workload, Anonymous],
  resource: [Service, Route],
  context: Request,
};
`;

export type BundleFiles = Readonly<Record<string, string>>;

/** The files by name. `version` makes it another bundle. */
export function bundleFiles(policies: readonly BenchPolicy[], version: string): BundleFiles {
  const files: Record<string, string> = {
    'bundle.yaml': `name: bench\nversion: "${version}"\nowner: team-bench\n`,
    'schema.cedarschema': SCHEMA,
    'entities.json': `${JSON.stringify(entities(), undefined, 2)}\n`,
  };
  for (let from = 0; from < policies.length; from += POLICIES_PER_FILE) {
    const texts = policies.slice(from, from + POLICIES_PER_FILE).map(policyText);
    files[`policies-${String(from).padStart(5, '0')}.cedar`] = texts.join('\n');
  }
  return files;
}

/** Makes the directory. */
export function writeBundle(
  directory: string,
  policies: readonly BenchPolicy[],
  more: BundleFiles = {},
): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries({ ...bundleFiles(policies, '1.0.0'), ...more })) {
    writeFileSync(join(directory, name), text);
  }
}

function entities(): object[] {
  return Array.from({ length: CALLERS }, (_, index) => {
    const { id, tenant } = callerAt(index);
    return { uid: { type: 'Workload', id }, attrs: { tenant }, parents: [] };
  });
}
