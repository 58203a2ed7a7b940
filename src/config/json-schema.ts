/** The JSON Schema of cedargate.yaml, for editors: docs/cedargate.schema.json. */
import { z } from 'zod';
import { OPTIONS } from './options.js';
import { configSchema } from './schema.js';

const SCHEMA_ID = 'https://cedargate.dev/v1/cedargate.schema.json';

interface SchemaNode {
  title?: string;
  default?: unknown;
  properties?: Record<string, SchemaNode>;
}

export function configJsonSchema(): object {
  // The input side: what people write, before defaults and normal forms.
  const root = z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;
  for (const node of Object.values(root.properties ?? {})) {
    // A group's default says nothing: its keys have their own.
    if (node.properties !== undefined) delete node.default;
  }
  for (const { path, key } of OPTIONS) {
    const node = path.reduce<SchemaNode | undefined>(
      (inner, name) => inner?.properties?.[name],
      root,
    );
    if (node === undefined) throw new Error(`\`${key}\` is missing in the JSON Schema`);
    node.title = key;
  }
  const { $schema, ...rest } = root as SchemaNode & { $schema?: string };
  return {
    $schema,
    $id: SCHEMA_ID,
    title: 'cedargate.yaml',
    description: 'Configuration of the cedargate sidecar',
    ...rest,
  };
}
