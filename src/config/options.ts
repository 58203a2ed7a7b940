/** The settings as a flat list, derived from the schema: key, flag, variable, kind and default. */
import type { z } from 'zod';
import { configSchema, settingOf } from './schema.js';

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
  readonly schema: z.ZodType;
}

/** Every variable that cedargate reads begins with this. */
export const VARIABLE_PREFIX = 'CEDARGATE_';

/** `headers.decisionId` -> `HEADERS_DECISION_ID` */
export function variableOf(path: readonly string[]): string {
  return VARIABLE_PREFIX + path.map((part) => words(part).join('_').toUpperCase()).join('_');
}

/** `tlsClientCa` -> `--tls-client-ca` */
export function flagOf(key: string): string {
  return `--${words(key).join('-')}`;
}

/** The settings in the order of the schema, groups flattened. */
export const OPTIONS: readonly Option[] = optionsOf(configSchema.shape, []);

function optionsOf(shape: z.core.$ZodLooseShape, parents: readonly string[]): Option[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const path = [...parents, name];
    const group = shapeOf(schema as z.ZodType);
    return group === undefined ? [optionOf(schema as z.ZodType, path)] : optionsOf(group, path);
  });
}

function optionOf(schema: z.ZodType, path: readonly string[]): Option {
  const setting = settingOf(schema);
  if (setting === undefined) throw new Error(`setting \`${path.join('.')}\` is not described`);
  return {
    key: path.join('.'),
    path,
    flag: setting.flag === undefined ? undefined : flagOf(path.join('.')),
    flagValue: setting.flag,
    variable: variableOf(path),
    kind: kindOf(schema),
    description: schema.description ?? '',
    form: setting.form,
    defaultValue: schema.safeParse(undefined).data,
    defaultText: setting.defaultText,
    schema,
  };
}

/** The shape of a group of settings; undefined for a setting. */
export function shapeOf(schema: z.ZodType): z.core.$ZodLooseShape | undefined {
  const inner = unwrap(schema);
  return inner.def.type === 'object' ? (inner as z.ZodObject).shape : undefined;
}

function kindOf(schema: z.ZodType): OptionKind {
  const inner = unwrap(schema);
  switch (inner.def.type) {
    case 'boolean':
      return 'boolean';
    case 'number':
      return 'number';
    case 'array':
      return 'list';
    case 'union':
      return (inner as z.ZodUnion).options.some((o) => kindOf(o as z.ZodType) === 'list')
        ? 'list'
        : 'text';
    default:
      return 'text';
  }
}

/** What is inside defaults, optionals and transforms. */
function unwrap(schema: z.ZodType): z.ZodType {
  const def = schema.def as { innerType?: z.ZodType; in?: z.ZodType };
  const inner = def.innerType ?? def.in;
  return inner === undefined || schema.def.type === 'array' ? schema : unwrap(inner);
}

/** `tlsClientCa` -> `tls`, `client`, `ca` */
function words(name: string): string[] {
  return name.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}
