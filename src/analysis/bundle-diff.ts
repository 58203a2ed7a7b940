/**
 * Everything that `cedargate bundle diff` says: structure, and for each environment the entities, the
 * meaning, and the traffic of a log.
 */
import { compileBundle } from '../bundle/compile.js';
import {
  diffEntities,
  diffStructure,
  type EntityChanges,
  type FieldChange,
  isEmptyStructure,
  type StructuralDiff,
} from '../bundle/diff.js';
import { environmentOfFile } from '../bundle/names.js';
import type { CompiledBundle, Digest, SourceFile } from '../bundle/types.js';
import { policyConditions } from '../cedar/policy-parts.js';
import type { CreateEvaluator, Evaluator } from '../cedar/types.js';
import { TRAFFIC_ENVIRONMENTS_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { readsOfConditions } from './meaning/atoms.js';
import { diffMeaning } from './meaning/diff-meaning.js';
import type { MeaningDiff } from './meaning/types.js';
import { type TrafficDiff, TrafficReplay } from './traffic.js';

/** One side as it was read. */
export interface DiffInput {
  /** The path it was given by. */
  readonly path: string;
  /** Source files alone. */
  readonly files: readonly SourceFile[];
  /** Of a built bundle; undefined for a directory. */
  readonly built: BuiltFacts | undefined;
}

export interface BuiltFacts {
  readonly digest: Digest;
  readonly createdAt: string;
  readonly ticket: string | undefined;
  readonly url: string | undefined;
  readonly summary: string | undefined;
}

export interface BundleDiffOptions {
  /** Empty = every one that either side has entities for, else none. */
  readonly environments: readonly string[];
  readonly limit: number;
  readonly destinations: readonly string[];
  /** Lines of decision logs, read once; undefined = no traffic. */
  readonly traffic: AsyncIterable<string> | undefined;
  /** Told what is being worked on, for people who wait. */
  readonly progress: (text: string) => void;
}

/** Documented in docs/bundle-diff.md; fields are only added without a new schemaVersion. */
export interface BundleDiff {
  readonly schemaVersion: 1;
  readonly before: DiffSide;
  readonly after: DiffSide;
  /** Whether anything differs: exit code 5. */
  readonly differs: boolean;
  /** Ticket, url and summary of built bundles. */
  readonly change: readonly FieldChange[];
  readonly structure: StructuralDiff;
  readonly entities: readonly EntityChanges[];
  readonly meaning: readonly MeaningDiff[];
  /** Environments that conditions name and that were not compared. */
  readonly environmentsNotCompared: readonly string[];
  readonly traffic: readonly TrafficDiff[] | null;
}

export interface DiffSide {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
  readonly createdAt: string | null;
  readonly ticket: string | null;
  readonly url: string | null;
  readonly summary: string | null;
}

type Environment = string | undefined;

interface Compiled {
  readonly environment: Environment;
  readonly a: CompiledBundle;
  readonly b: CompiledBundle;
}

export async function diffBundles(
  a: DiffInput,
  b: DiffInput,
  options: BundleDiffOptions,
  createEvaluator: CreateEvaluator,
): Promise<Result<BundleDiff>> {
  const compiled = compileAll(a, b, environmentsOf(a, b, options.environments));
  if (!compiled.ok) return compiled;
  const [first] = compiled.value;
  if (first === undefined) throw new Error('there is at least one environment');
  const structure = diffStructure(first.a, first.b);
  const entities = compiled.value.map((each) => diffEntities(each.a, each.b, each.environment));
  const meaning: MeaningDiff[] = [];
  for (const bundles of compiled.value) {
    const { environment } = bundles;
    options.progress(`comparing what the policies mean${inEnvironment(environment)}`);
    const { limit, destinations } = options;
    const diff = diffMeaning(bundles, { environment, limit, destinations }, createEvaluator);
    if (!diff.ok) return diff;
    meaning.push(diff.value);
  }
  const { traffic: lines } = options;
  const traffic =
    lines === undefined ? ok(null) : await replay(compiled.value, lines, createEvaluator);
  if (!traffic.ok) return traffic;
  const before = sideOf(a, first.a);
  const after = sideOf(b, first.b);
  const differs =
    !isEmptyStructure(structure) ||
    entities.some(({ changes }) => changes.length > 0) ||
    meaning.some(({ flips }) => flips.length > 0) ||
    (traffic.value?.some(({ flips }) => flips.length > 0) ?? false);
  const change = changeFields(before, after);
  return ok({
    schemaVersion: 1,
    before,
    after,
    differs,
    change,
    structure,
    entities,
    meaning,
    environmentsNotCompared: notCompared(compiled.value),
    traffic: traffic.value,
  });
}

function inEnvironment(environment: Environment): string {
  return environment === undefined ? '' : ` in ${environment}`;
}

/** Values that conditions compare `context.environment` with. */
function notCompared(compiled: readonly Compiled[]): string[] {
  const named = new Set<string>();
  for (const { program } of compiled.slice(0, 1).flatMap(({ a, b }) => [a, b])) {
    for (const { reads, text } of program.policies) {
      if (!reads.context.includes('environment')) continue;
      const { fields } = readsOfConditions(policyConditions(text), () => []);
      for (const atom of fields.get('environment')?.values() ?? []) {
        if (atom.kind === 'equals' && typeof atom.value === 'string') named.add(atom.value);
      }
    }
  }
  const done = new Set(compiled.map(({ environment }) => environment));
  return [...named].filter((name) => !done.has(name)).sort();
}

function environmentsOf(a: DiffInput, b: DiffInput, wanted: readonly string[]): Environment[] {
  if (wanted.length > 0) return [...new Set(wanted)];
  const named = [...a.files, ...b.files].flatMap(({ name }) => environmentOfFile(name) ?? []);
  return named.length > 0 ? [...new Set(named)].sort() : [undefined];
}

function compileAll(
  a: DiffInput,
  b: DiffInput,
  environments: readonly Environment[],
): Result<Compiled[]> {
  const all: Compiled[] = [];
  for (const environment of environments) {
    const left = inPath(a, compileBundle(a.files, { environment }));
    if (!left.ok) return left;
    const right = inPath(b, compileBundle(b.files, { environment }));
    if (!right.ok) return right;
    all.push({ environment, a: left.value, b: right.value });
  }
  return ok(all);
}

/** Two bundles have files of the same names: say whose it is. */
function inPath({ path }: DiffInput, result: Result<CompiledBundle>): Result<CompiledBundle> {
  if (result.ok) return result;
  const [first, ...rest] = result.problems.map(({ file, ...problem }) => {
    return { ...problem, file: file === undefined ? path : `${path}/${file}` };
  });
  if (first === undefined) return result;
  return { ok: false, problems: [first, ...rest] };
}

/** The log is read once, whatever the number of environments: all of them are loaded. */
async function replay(
  compiled: readonly Compiled[],
  lines: AsyncIterable<string>,
  createEvaluator: CreateEvaluator,
): Promise<Result<TrafficDiff[]>> {
  if (compiled.length > TRAFFIC_ENVIRONMENTS_MAX) {
    const message = `traffic can be replayed in ${TRAFFIC_ENVIRONMENTS_MAX} environments at once, not in ${compiled.length}`;
    return failed(problem('input_invalid', message, { help: 'choose with --environment' }));
  }
  const loaded: Evaluator[] = [];
  const load = (bundle: CompiledBundle) => {
    const evaluator = createEvaluator(bundle.program);
    if (evaluator.ok) loaded.push(evaluator.value);
    return evaluator;
  };
  try {
    const replays: TrafficReplay[] = [];
    for (const { a, b, environment } of compiled) {
      const left = load(a);
      if (!left.ok) return left;
      const right = load(b);
      if (!right.ok) return right;
      const sides = {
        a: { bundle: a, evaluator: left.value },
        b: { bundle: b, evaluator: right.value },
      };
      replays.push(new TrafficReplay(sides, environment));
    }
    for await (const line of lines) for (const each of replays) each.line(line);
    return ok(replays.map((each) => each.result()));
  } finally {
    for (const evaluator of loaded) evaluator.release();
  }
}

function sideOf({ path, built }: DiffInput, { manifest, digest }: CompiledBundle): DiffSide {
  return {
    path,
    name: manifest.name,
    version: manifest.version,
    digest: built?.digest ?? digest,
    createdAt: built?.createdAt ?? null,
    ticket: built?.ticket ?? null,
    url: built?.url ?? null,
    summary: built?.summary ?? null,
  };
}

/** Two directories say nothing of a change, and of one side alone there is nothing to compare. */
function changeFields(before: DiffSide, after: DiffSide): FieldChange[] {
  return (['ticket', 'url', 'summary'] as const).flatMap((field) => {
    const change = { field, before: before[field], after: after[field] };
    return change.before === change.after ? [] : [change];
  });
}
