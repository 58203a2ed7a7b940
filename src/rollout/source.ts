/**
 * The source of a rollout, `rollouts/<environment>/<name>.yaml`: the few lines that people edit.
 * Which of it may be changed by whom is judged elsewhere; here a text becomes a rollout, or problems
 * with their lines.
 */
import { readYaml, type YamlDocument } from '../bundle/yaml.js';
import { checkShape } from '../bundle/yaml-shape.js';
import type { Problem } from '../errors.js';
import { type Failed, failed, ok, okUnless, type Result } from '../result.js';
import { locateFinding, sortProblems } from './finding.js';
import { checkSource } from './source-check.js';
import { type SourceFile, sourceSchema } from './source-schema.js';
import type { RolloutSource } from './types.js';

export { bundleRefText, CHANGE_TYPES, parseBundleRef } from './source-schema.js';

/** A source, and the document it was read from, for the places of what is found in it later. */
export interface ReadSource {
  readonly source: RolloutSource;
  readonly document: YamlDocument;
}

/** Every problem has code `rollout_invalid`, the file, a line and a column. */
export function parseRolloutSource(text: string, file: string): Result<RolloutSource> {
  const read = readRolloutSource(text, file);
  return read.ok ? ok(read.value.source) : read;
}

/** The same, with the document. */
export function readRolloutSource(text: string, file: string): Result<ReadSource> {
  const read = readYaml(file, text);
  if (!read.ok) return asRolloutProblems(read);
  const document = read.value;
  const shaped = checkShape(document, document.value, sourceSchema, { code: 'rollout_invalid' });
  if (!shaped.ok) return shaped;
  const source = assemble(shaped.value);
  const found = checkSource(source).map((f) => locateFinding('rollout_invalid', document, f));
  return okUnless(sortProblems(found), () => ({ source, document }));
}

/** Nothing of such a file can be approved, whatever is wrong with it: one code. */
function asRolloutProblems({ problems: [first, ...rest] }: Failed): Failed {
  const recoded = (p: Problem): Problem => ({ ...p, code: 'rollout_invalid' });
  return failed(recoded(first), ...rest.map(recoded));
}

function assemble({ apiVersion: _, kind: __, change, candidate, ...file }: SourceFile) {
  const { reviewBy, ...rest } = change;
  return { ...file, candidate, change: { ...rest, reviewByMs: reviewBy } } satisfies RolloutSource;
}
