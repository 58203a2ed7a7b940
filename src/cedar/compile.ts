/**
 * Schema, policies and entities to a checked program, all or nothing. Pure, and its result is plain
 * data: bundles are compiled in a worker, so that one that crashes the engine costs the worker only.
 */
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { EngineFault } from './engine.js';
import { parseEntities } from './entities.js';
import { parsePolicies } from './policies.js';
import type { TextFile } from './position.js';
import { parseSchema } from './schema.js';
import { createTriedEvaluator } from './trial.js';
import type { CedarProgram } from './types.js';
import { validatePolicies } from './validate.js';

export interface ProgramFiles {
  readonly schemaFile: TextFile;
  readonly policyFiles: readonly TextFile[];
  /** entities.json, then entities.<environment>.json, as far as they exist. */
  readonly entityFiles: readonly TextFile[];
  /** The configured environment, which a schema may require. */
  readonly environment: string | undefined;
}

export interface CompiledProgram {
  readonly program: CedarProgram;
  /** Worth saying, but refusing nothing: conditions that never hold, confusing names. */
  readonly warnings: readonly Problem[];
}

export function compileProgram(files: ProgramFiles): Result<CompiledProgram> {
  try {
    return compile(files);
  } catch (thrown) {
    if (!(thrown instanceof EngineFault)) throw thrown;
    return failed(problem('engine_failure', thrown.message));
  }
}

function compile(files: ProgramFiles): Result<CompiledProgram> {
  const { schemaFile, policyFiles, entityFiles, environment } = files;
  const problems: Problem[] = [];
  const keep = <T>(result: Result<T>): T | undefined => {
    if (result.ok) return result.value;
    problems.push(...result.problems);
    return undefined;
  };
  const schemaText = schemaFile.text;
  const schema = keep(parseSchema(schemaFile, { environment }));
  const policies = keep(parsePolicies(policyFiles));
  const entities = schema && keep(parseEntities({ files: entityFiles, schema, schemaText }));
  const warnings = schema && policies && keep(validatePolicies(schemaText, policies));
  const [first, ...rest] = problems.slice(0, PROBLEMS_MAX);
  if (first !== undefined) return failed(first, ...rest);
  if (!schema || !policies || !entities || !warnings) {
    throw new Error('a part is missing without a problem');
  }
  const program: CedarProgram = {
    schemaFile: schemaFile.file,
    schemaText,
    schema: schema.request,
    policies: policies.map(({ policy }) => policy),
    entities,
  };
  const tried = createTriedEvaluator(program);
  if (!tried.ok) return tried;
  tried.value.release();
  return ok({ program, warnings });
}
