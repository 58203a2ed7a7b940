/** The settings as a flat list, derived from the schema: key, flag, variable, kind and default. */
import type { AnyShape, JsonSchema } from '../shape/kinds.js';
import { descriptionOf, SETTINGS } from './schema.js';

export type OptionKind = 'text' | 'boolean' | 'number' | 'list';

export interface Option {
  /** `headers.decisionId` */
  readonly key: string;
  readonly path: readonly string[];
  /** `--tls-cert`; undefined when only file and environment set it. */
  readonly flag: string | undefined;
  /** What the flag takes; '' for a switch. */
  readonly flagValue: string | undefined;
  /** `CEDARGATE_HEADERS_DECISION_ID` */
  readonly variable: string;
  readonly kind: OptionKind;
  readonly description: string;
  /** The form in words, completing "must be ...". */
  readonly form: string;
  /** As plain data; undefined when there is none. */
  readonly defaultValue: unknown;
  /** The default in words, when it is not a fixed value. */
  readonly defaultText: string | undefined;
  readonly schema: AnyShape;
}

/** Every variable that cedargate reads begins with this. */
export const VARIABLE_PREFIX = 'CEDARGATE_';

/** `headers.decisionId` -> `HEADERS_DECISION_ID` */
function variableOf(path: readonly string[]): string {
  return VARIABLE_PREFIX + path.map((part) => words(part).join('_').toUpperCase()).join('_');
}

/** `tlsClientCa` -> `--tls-client-ca` */
export function flagOf(key: string): string {
  return `--${words(key).join('-')}`;
}

/** The settings in the order of the schema, groups flattened. */
export const OPTIONS: readonly Option[] = optionsOf(SETTINGS, []);

function optionsOf(fields: Fields, parents: readonly string[]): Option[] {
  return Object.entries(fields).flatMap(([name, schema]) => {
    const path = [...parents, name];
    const inner = fieldsOf(schema);
    return inner === undefined ? [optionOf(schema, path)] : optionsOf(inner, path);
  });
}

function optionOf(schema: AnyShape, path: readonly string[]): Option {
  const setting = descriptionOf(schema);
  if (setting === undefined || 'fields' in setting) {
    throw new Error(`setting \`${path.join('.')}\` is not described`);
  }
  const { flag, description, form, defaultText } = setting;
  const parsed = schema.safeParse(undefined);
  return {
    key: path.join('.'),
    path,
    flag: flag === undefined ? undefined : flagOf(path.join('.')),
    flagValue: flag,
    variable: variableOf(path),
    kind: kindOf(schema.json),
    description,
    form,
    defaultValue: parsed.success ? parsed.data : undefined,
    defaultText,
    schema,
  };
}

type Fields = Readonly<Record<string, AnyShape>>;

/** What a group of settings holds; undefined for a setting. */
export function fieldsOf(schema: AnyShape): Fields | undefined {
  const described = descriptionOf(schema);
  return described !== undefined && 'fields' in described ? described.fields : undefined;
}

function kindOf({ type, anyOf }: JsonSchema): OptionKind {
  switch (type) {
    case 'boolean':
      return 'boolean';
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return 'list';
    default: {
      const kinds = Array.isArray(anyOf) ? anyOf.map(kindOf) : [];
      return kinds.includes('list') ? 'list' : 'text';
    }
  }
}

/** `tlsClientCa` -> `tls`, `client`, `ca` */
function words(name: string): string[] {
  return name.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}
