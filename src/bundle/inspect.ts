/** All that a bundle says of itself, for people and programs that look into it. Judges nothing. */
import type { PolicySource } from '../cedar/types.js';
import { failed, ok, type Result } from '../result.js';
import type { BuiltManifest } from './built-manifest.js';
import { compileBundle } from './compile.js';
import { bytesDigest } from './digest.js';
import {
  type EntityDifference,
  type EnvironmentPolicy,
  type EnvironmentReason,
  entityDifferences,
  environmentPolicies,
  environmentReasons,
} from './environments.js';
import { loadOpened } from './load-opened.js';
import { environmentOfFile } from './names.js';
import type { OpenedBundle } from './open.js';
import type { CompiledBundle, Digest, SourceFile } from './types.js';

export interface Inspection {
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
  readonly owner: string;
  /** null = any destination. */
  readonly scope: { readonly destinations: readonly string[] } | null;
  readonly protocol: string;
  /** What only a built bundle says; null for a directory. */
  readonly built:
    | (Pick<BuiltManifest, 'createdAt' | 'change' | 'tests' | 'cedar' | 'minReader'> & {
        /** Key ids as the file has them: hints that nobody has verified. */
        readonly signatures: readonly { readonly keyid: string }[];
      })
    | null;
  readonly files: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly digest: Digest;
  }[];
  readonly routes: readonly string[];
  readonly policies: readonly PolicySource[];
  readonly environments: readonly {
    /** null = without one. */
    readonly environment: string | null;
    readonly entities: number;
  }[];
  /** What is not the same in all of them; values in their order. */
  readonly differences: readonly EntityDifference[];
  readonly reasons: readonly EnvironmentReason[];
  readonly environmentPolicies: readonly EnvironmentPolicy[];
}

type Wanted = readonly string[];

/** `wanted` environments; empty = those that the bundle has files for, and none. */
export function inspectOpened(opened: OpenedBundle, wanted: Wanted): Result<Inspection> {
  const { manifest, digest, signatures, files } = opened;
  const { createdAt, change, tests, cedar, minReader } = manifest;
  const keyids = signatures.signatures.map(({ keyid }) => ({ keyid }));
  const built = { createdAt, change, tests, cedar, minReader, signatures: keyids };
  const sources = [...files].map(([name, bytes]) => ({ name, bytes }));
  return inspect(sources, wanted, (environment) => loadOpened(opened, { environment }), {
    digest,
    built,
  });
}

export function inspectDirectory(files: readonly SourceFile[], wanted: Wanted): Result<Inspection> {
  const load = (environment: string | undefined) => compileBundle(files, { environment });
  return inspect(files, wanted, load, { built: null });
}

function inspect(
  files: readonly SourceFile[],
  wanted: Wanted,
  load: (environment: string | undefined) => Result<CompiledBundle>,
  facts: { readonly built: Inspection['built']; readonly digest?: Digest },
): Result<Inspection> {
  const loaded = loadAll(files, wanted, load);
  if (!loaded.ok) return loaded;
  const [first] = loaded.value;
  if (first === undefined) throw new Error('a bundle is loaded at least once');
  const { manifest, program, routes, digest } = first.bundle;
  const environments = loaded.value.map(({ environment, bundle }) => {
    return { environment, entities: bundle.program.entities };
  });
  return ok({
    name: manifest.name,
    version: manifest.version,
    digest,
    owner: manifest.owner,
    scope: manifest.scope ?? null,
    protocol: manifest.protocol,
    ...facts,
    files: files.map(({ name, bytes }) => {
      return { name, bytes: bytes.length, digest: bytesDigest(bytes) };
    }),
    routes: routes.map(({ name }) => name),
    policies: program.policies,
    environments: environments.map(({ environment = null, entities }) => {
      return { environment, entities: entities.length };
    }),
    differences: entityDifferences(environments),
    reasons: environmentReasons(environmentsOf(files), manifest),
    environmentPolicies: environmentPolicies(program.policies),
  });
}

/** Those that have a file of entities. */
function environmentsOf(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ name }) => environmentOfFile(name) ?? []);
}

interface Loaded {
  readonly environment: string | undefined;
  readonly bundle: CompiledBundle;
}

function loadAll(
  files: readonly SourceFile[],
  wanted: Wanted,
  load: (environment: string | undefined) => Result<CompiledBundle>,
): Result<Loaded[]> {
  const named = environmentsOf(files);
  const all: Loaded[] = [];
  for (const environment of wanted.length > 0 ? wanted : [undefined, ...named]) {
    const bundle = load(environment);
    if (bundle.ok) all.push({ environment, bundle: bundle.value });
    // Its schema may want an environment; with one of its own it must load.
    else if (environment !== undefined || named.length === 0) return failed(...bundle.problems);
  }
  return ok(all);
}
