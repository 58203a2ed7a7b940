/**
 * A program from policies that were compiled before, when their bundle was built: schema and entities
 * are read anew, policies are neither parsed nor validated again (a plain directory of 10,000 takes 18 s of
 * CPU).
 */
import { messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { EngineFault } from './engine.js';
import { parseEntities } from './entities.js';
import { parseSchema } from './schema.js';
import type { CedarProgram, PolicySource, ProgramFrame } from './types.js';

export function assembleProgram(
  frame: ProgramFrame,
  policies: readonly PolicySource[],
): Result<CedarProgram> {
  const { schemaFile, entityFiles, environment } = frame;
  const schemaText = schemaFile.text;
  try {
    const schema = parseSchema(schemaFile, { environment });
    if (!schema.ok) return schema;
    const entities = parseEntities({ files: entityFiles, schema: schema.value, schemaText });
    if (!entities.ok) return entities;
    const { request } = schema.value;
    const program = { schemaFile: schemaFile.file, schemaText, schema: request, policies };
    return ok({ ...program, entities: entities.value });
  } catch (thrown) {
    if (!(thrown instanceof EngineFault)) throw thrown;
    return failed(problem('engine_failure', messageOf(thrown)));
  }
}
