/**
 * Entities of a Cedar test against the schema. The cedar CLI refuses what the schema does not
 * declare; our engine is only ever sent what it does, so that a misspelt parent would go unnoticed.
 */
import type { EntityData, RequestSchema } from '../cedar/types.js';
import { type Problem, problem } from '../errors.js';
import { formatEntityUid } from './entity-uid.js';
import type { CedarTest } from './test-case.js';

export function entityMisfits(test: CedarTest, schema: RequestSchema): Problem[] {
  const seen = new Set<string>();
  return test.entities.flatMap((entity) => {
    const name = formatEntityUid(entity.uid);
    const faults = faultsOf(entity, schema);
    if (seen.has(name)) faults.push('is there twice');
    seen.add(name);
    const place = { file: test.file, line: test.line };
    return faults.map((fault) => problem('test_invalid', `the entity \`${name}\` ${fault}`, place));
  });
}

function faultsOf({ uid, attrs, parents }: EntityData, schema: RequestSchema): string[] {
  const declared = schema.attributes.get(uid.type);
  const parentTypes = schema.parents.get(uid.type);
  if (declared === undefined || parentTypes === undefined) {
    return ['has a type that the schema does not declare'];
  }
  return [
    ...Object.keys(attrs)
      .filter((name) => !declared.has(name))
      .map((name) => `has the attribute \`${name}\`, which the schema does not declare`),
    ...parents
      .filter(({ type }) => !parentTypes.has(type))
      .map(({ type }) => `has a parent of type \`${type}\`, which the schema does not allow`),
  ];
}
