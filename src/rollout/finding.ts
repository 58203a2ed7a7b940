/** Something wrong in a YAML file, found beyond its shape; and the problem with its place. */
import { type YamlDocument, yamlPlace } from '../bundle/yaml.js';
import { PROBLEMS_MAX } from '../constants.js';
import { type ErrorCode, type Problem, problem } from '../errors.js';

export interface Finding {
  readonly message: string;
  readonly path: readonly PropertyKey[];
  /** The place is the key, not the value. */
  readonly onKey?: boolean;
  readonly help?: string;
}

export function locateFinding(
  code: ErrorCode,
  document: YamlDocument,
  { message, path, onKey, help }: Finding,
): Problem {
  const place = yamlPlace(document, path, { onKey: onKey ?? false });
  return problem(code, message, { ...place, ...(help === undefined ? {} : { help }) });
}

/** In the order of the file, and not more than people can use. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0)).slice(0, PROBLEMS_MAX);
}
