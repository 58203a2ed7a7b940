/** How the bundles of two documents differ, in short, where both are in the repository. */
import type { DocumentReport } from '../audit/report.js';
import { compileBundle } from '../bundle/compile.js';
import { diffEntities, diffStructure } from '../bundle/diff.js';
import { fileRole } from '../bundle/names.js';
import type { CompiledBundle, Digest } from '../bundle/types.js';
import { HISTORY_DIFFS_MAX } from '../constants.js';
import { findDigest } from '../repository/bundles.js';
import type { Repository } from '../repository/open.js';
import { failed, ok, type Result } from '../result.js';

export interface BundleComparison {
  /** Shows all of it; null when a bundle is not there. */
  readonly command: string | null;
  /** Null when they were not compared: `why` says why. */
  readonly counts: {
    readonly policies: {
      readonly added: number;
      readonly removed: number;
      readonly changed: number;
    };
    /** Types, attributes and actions of the schema. */
    readonly schema: number;
    readonly routes: number;
    readonly entities: number;
    /** Fields of bundle.yaml besides the version. */
    readonly manifest: number;
  } | null;
  readonly why: string | null;
}

interface Side {
  readonly file: string;
  readonly bundle: CompiledBundle;
}

/** By the number of the document. Bundles are found by digest; documents come newest first. */
export async function compareBundles(
  repository: Repository,
  environment: string,
  documents: readonly DocumentReport[],
): Promise<ReadonlyMap<number, BundleComparison>> {
  const sides = new Map<Digest, Result<Side>>();
  const side = async (digest: Digest) => {
    const known = sides.get(digest) ?? (await readSide(repository, environment, digest));
    sides.set(digest, known);
    return known;
  };
  const found = new Map<number, BundleComparison>();
  for (const { sequence, changed } of documents) {
    for (const change of changed?.changes ?? []) {
      if (change.what !== 'bundle' || change.from === null || change.to === null) continue;
      if (found.size >= HISTORY_DIFFS_MAX) return found;
      const { from, to } = change;
      found.set(sequence, compare(await side(from.digest), await side(to.digest), environment));
    }
  }
  return found;
}

function compare(a: Result<Side>, b: Result<Side>, environment: string): BundleComparison {
  if (!a.ok || !b.ok) {
    const message = [a, b].flatMap((side) => (side.ok ? [] : [side.problems[0].message]))[0];
    return { command: null, counts: null, why: message ?? null };
  }
  const { manifest, policies, schema, routes } = diffStructure(a.value.bundle, b.value.bundle);
  const { changes } = diffEntities(a.value.bundle, b.value.bundle, environment);
  const [added, removed, changed] = [policies.added, policies.removed, policies.changed];
  return {
    command: `cedargate bundle diff ${a.value.file} ${b.value.file} --environment ${environment}`,
    counts: {
      policies: { added: added.length, removed: removed.length, changed: changed.length },
      schema: schema.length,
      routes: routes.length,
      entities: changes.length,
      manifest: manifest.filter(({ field }) => field !== 'version').length,
    },
    why: null,
  };
}

async function readSide(
  repository: Repository,
  environment: string,
  digest: Digest,
): Promise<Result<Side>> {
  const found = await findDigest(repository, digest);
  if (!found.ok) return found;
  const { file, opened } = found.value;
  const sources = [...opened.files]
    .filter(([name]) => fileRole(name) === 'source')
    .map(([name, bytes]) => ({ name, bytes }));
  const compiled = compileBundle(sources, { environment });
  if (compiled.ok) return ok({ file, bundle: compiled.value });
  const [first, ...rest] = compiled.problems;
  return failed({ ...first, message: `${file}: ${first.message}` }, ...rest);
}

export function comparisonText({ counts, why }: BundleComparison): string {
  if (counts === null) return `not compared: ${why}`;
  const { added, removed, changed } = counts.policies;
  const parts: readonly (readonly [number, string])[] = [
    [added, 'added'],
    [removed, 'removed'],
    [changed, 'changed'],
  ];
  const policies = parts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  const rest = (['schema', 'routes', 'entities', 'manifest'] as const)
    .filter((part) => counts[part] > 0)
    .map((part) => `${part} ${counts[part]}`);
  const said = [...(policies.length > 0 ? [`policies ${policies.join(', ')}`] : []), ...rest];
  return said.length === 0 ? 'they say the same' : `differences: ${said.join('; ')}`;
}
