/** The JSON Schema of cedargate.yaml, for editors: docs/cedargate.schema.json. */
import type { AnyShape, JsonSchema } from '../shape/kinds.js';
import { fieldsOf } from './options.js';
import { descriptionOf, SETTINGS } from './schema.js';

const SCHEMA_ID = 'https://cedargate.dev/v1/cedargate.schema.json';

export function configJsonSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: SCHEMA_ID,
    title: 'cedargate.yaml',
    description: 'Configuration of the cedargate sidecar',
    ...groupSchema(SETTINGS, []),
  };
}

function groupSchema(fields: Readonly<Record<string, AnyShape>>, path: readonly string[]) {
  const properties = Object.entries(fields).map(
    ([name, schema]) => [name, schemaOf(schema, [...path, name])] as const,
  );
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}

function schemaOf(schema: AnyShape, path: readonly string[]): JsonSchema {
  const { description } = descriptionOf(schema) ?? {};
  const fields = fieldsOf(schema);
  // A group's default says nothing: its keys have their own.
  if (fields !== undefined) return { description, ...groupSchema(fields, path) };
  return { description, ...schema.json, title: path.join('.') };
}
