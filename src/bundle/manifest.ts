/**
 * bundle.yaml: what the bundle is called, who owns it and what it may be used for. manifest.json of
 * a built bundle says the same under the same rules.
 */
import type { TextFile } from '../cedar/position.js';
import { REASON_CHARS_MAX } from '../constants.js';
import type { Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { MANIFEST_FILE, NAME_PATTERN, NAME_RULE } from './names.js';
import type { BundleManifest } from './types.js';
import { readYaml } from './yaml.js';
import { checkShape } from './yaml-shape.js';

/** It goes into response headers: nothing but these characters may be in it. */
const VERSION_PATTERN = /^[0-9A-Za-z.-]{1,64}$/;
const OWNER_CHARS_MAX = 128;
const OWNER_PATTERN = /^[^\p{C}]+$/u;

export function isDestination(text: string): boolean {
  const parts = text.split('/');
  return parts.length === 2 && parts.every((part) => NAME_PATTERN.test(part));
}

const unique = (values: readonly string[]) => new Set(values).size === values.length;

export const destinationSchema = shape
  .string()
  .refine(isDestination, { error: 'must have the form `<namespace>/<name>`' });

export const nameSchema = shape.string().regex(NAME_PATTERN, NAME_RULE);
export const versionSchema = shape
  .string()
  .regex(VERSION_PATTERN, 'must be 1 to 64 letters, digits, `.` and `-`');
export const ownerSchema = shape
  .string()
  .max(OWNER_CHARS_MAX, `must be at most ${OWNER_CHARS_MAX} characters long`)
  .regex(OWNER_PATTERN, 'must be text without control characters, and not empty')
  .refine((owner) => owner.trim() !== '', { error: 'must not be blank' });
export const scopeSchema = shape.strictObject({
  destinations: shape
    .array(destinationSchema)
    .min(1, 'must not be empty: leave `scope` out for any destination')
    .refine(unique, { error: 'names a destination twice' }),
});

const manifestSchema = shape.strictObject({
  name: nameSchema,
  version: versionSchema,
  owner: ownerSchema,
  scope: scopeSchema.optional(),
  protocol: shape.oneOf(['http', 'grpc', 'tcp']).default('http'),
  path: shape
    .strictObject({
      allow: shape
        .array(shape.oneOf(['semicolon']))
        .refine(unique, { error: 'names a character twice' }),
    })
    .default({ allow: [] }),
  environments: shape
    .record(
      nameSchema,
      shape
        .string()
        .max(REASON_CHARS_MAX, `must be at most ${REASON_CHARS_MAX} characters long`)
        .regex(OWNER_PATTERN, 'must be one line that says why, and not empty')
        .refine((text) => text.trim() !== '', { error: 'must not be blank' }),
    )
    .default({}),
});

export function parseManifest(source: TextFile): Result<BundleManifest> {
  const document = readYaml(MANIFEST_FILE, source.text);
  if (!document.ok) return document;
  const { value } = document;
  const shaped = checkShape(value, value.value, manifestSchema, { code: 'manifest_invalid' });
  if (!shaped.ok) return shaped;
  return { ok: true, value: { ...shaped.value, scope: shaped.value.scope } };
}
