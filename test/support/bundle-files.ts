/** Small bundles for tests: the files of a directory, by name. */
import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceFile } from '../../src/bundle/types.js';

export type BundleFiles = Readonly<Record<string, string>>;

export const SCHEMA = `entity TrustDomain;
entity Namespace in [TrustDomain];
entity Workload in [Namespace, TrustDomain];
entity Anonymous;
entity Service;
entity Route in [Service];
action read, write;
action GET in [read] appliesTo {
  principal: [Workload, Anonymous],
  resource: [Service, Route],
  context: { path: String }
};
`;

export function policy(id: string, condition = 'true'): string {
  return `@id("${id}")
@owner("team-test")
@description("a policy of a test")
permit(principal, action == Action::"GET", resource) when { ${condition} };
`;
}

/** A valid bundle; `version` makes it another one. */
export function bundleFiles(version: string, more: BundleFiles = {}): BundleFiles {
  return {
    'bundle.yaml': `name: test\nversion: "${version}"\nowner: team-test\n`,
    'schema.cedarschema': SCHEMA,
    'main.cedar': policy('main', `context.path == "/${version}"`),
    ...more,
  };
}

export function sourceFiles(files: BundleFiles): SourceFile[] {
  return Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text, 'utf8') }));
}

/** A fresh directory without symlinks in its path; vitest's process removes nothing: tmp is tmp. */
export async function temporaryDirectory(): Promise<string> {
  return realpath(await mkdtemp(join(await realpath(tmpdir()), 'cedargate-')));
}

export async function writeFiles(directory: string, files: BundleFiles): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
}
