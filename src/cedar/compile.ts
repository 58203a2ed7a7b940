/**
 * Schema, policies and entities to a checked program, all or nothing. Pure, and its result is plain
 * data: bundles are compiled in a worker, so that one that crashes the engine costs the worker only.
 */
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { EngineFault } from './engine.js';
import { parseEntities } from './entities.js';
import { Known } from './known.js';
import { parsePolicies } from './policies.js';
import type { TextFile } from './position.js';
import { parseSchema } from './schema.js';
import { createTriedEvaluator } from './trial.js';
import type { CedarProgram, KnownProgram, ProgramFrame } from './types.js';
import { validatePolicies } from './validate.js';

export interface ProgramFiles extends ProgramFrame {
  readonly policyFiles: readonly TextFile[];
}

export interface CompiledProgram {
  readonly program: CedarProgram;
  /** Worth saying, but refusing nothing: conditions that never hold, confusing names. */
  readonly warnings: readonly Problem[];
  /** For the next compilation. */
  readonly known: KnownProgram;
}

/** `before` is a program of this process: what did not change since is not looked at again. */
export function compileProgram(
  files: ProgramFiles,
  before?: KnownProgram,
): Result<CompiledProgram> {
  try {
    return compile(files, new Known(before));
  } catch (thrown) {
    if (!(thrown instanceof EngineFault)) throw thrown;
    return failed(problem('engine_failure', thrown.message));
  }
}

function compile(files: ProgramFiles, known: Known): Result<CompiledProgram> {
  const { schemaFile, policyFiles, entityFiles, environment } = files;
  const frame: ProgramFrame = { schemaFile, entityFiles, environment };
  const problems: Problem[] = [];
  const keep = <T>(result: Result<T>): T | undefined => {
    if (result.ok) return result.value;
    problems.push(...result.problems);
    return undefined;
  };
  const schemaText = schemaFile.text;
  const before = known.programOf(frame);
  const parsed = before === undefined ? keep(parseSchema(schemaFile, { environment })) : undefined;
  const policies = keep(parsePolicies(policyFiles, known));
  const entities =
    before?.entities ??
    (parsed && keep(parseEntities({ files: entityFiles, schema: parsed, schemaText })));
  const schema = before?.schema ?? parsed?.request;
  const fresh = policies?.filter(({ policy }) => !known.isValid(policy, schemaText));
  const validated = schema && fresh && keep(validatePolicies(schemaText, fresh));
  const [first, ...rest] = problems.slice(0, PROBLEMS_MAX);
  if (first !== undefined) return failed(first, ...rest);
  if (!schema || !policies || !entities || !fresh || !validated) {
    throw new Error('a part is missing without a problem');
  }
  const program: CedarProgram = {
    schemaFile: schemaFile.file,
    schemaText,
    schema,
    policies: policies.map(({ policy }) => policy),
    entities,
  };
  // The others answer with this very schema and these entities already.
  const untried = before === undefined ? program.policies : fresh.map(({ policy }) => policy);
  const tried = createTriedEvaluator({ ...program, policies: untried });
  if (!tried.ok) return tried;
  tried.value.release();
  const { warnings, warned } = validated;
  return ok({ program, warnings, known: { program, frame, warned } });
}
