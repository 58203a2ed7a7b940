/** A built bundle as Kubernetes ConfigMaps: one a namespace, for one slot of a pod's shelf. */
import { CONFIGMAP_BYTES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import type { OpenedBundle } from './open.js';

/** Fixed and without a role: a document says which slot's bundle is active, not the slot. */
export const SLOTS = ['a', 'b', 'c', 'd'] as const;
export type Slot = (typeof SLOTS)[number];

/** RFC 1123: a subdomain for the name (253 characters with `-a`), a label for the namespace. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_CHARS_MAX = 251;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export interface ConfigMapOptions {
  readonly name: string;
  readonly slot: Slot;
  readonly namespaces: readonly string[];
}

/** YAML. Problem codes: `input_invalid`, `configmap_too_large`. */
export function configMaps(
  { manifest, digest }: Pick<OpenedBundle, 'manifest' | 'digest'>,
  archive: Uint8Array,
  { name, slot, namespaces }: ConfigMapOptions,
): Result<string> {
  const key = `${manifest.name}-${manifest.version}.tar.gz`;
  const data = Buffer.from(archive).toString('base64');
  return okUnless(faults(key, archive, { name, slot, namespaces }), () =>
    namespaces
      .map(
        (namespace) => `apiVersion: v1
kind: ConfigMap
metadata:
  name: "${name}-${slot}"
  namespace: "${namespace}"
  labels:
    app.kubernetes.io/managed-by: cedargate
    app.kubernetes.io/component: policy-bundle
    cedargate.dev/slot: ${slot}
  annotations:
    cedargate.dev/bundle-name: "${manifest.name}"
    cedargate.dev/bundle-version: "${manifest.version}"
    cedargate.dev/bundle-digest: "${digest}"
binaryData:
  "${key}": "${data}"
`,
      )
      .join('---\n'),
  );
}

function faults(
  key: string,
  archive: Uint8Array,
  { name, namespaces }: ConfigMapOptions,
): Problem[] {
  const problems: Problem[] = [];
  if (!NAME.test(name) || name.length > NAME_CHARS_MAX) {
    problems.push(problem('input_invalid', `\`${name}\` cannot be the name of a ConfigMap`));
  }
  for (const namespace of namespaces) {
    if (NAMESPACE.test(namespace)) continue;
    problems.push(problem('input_invalid', `\`${namespace}\` cannot be the name of a namespace`));
  }
  const twice = namespaces.find((namespace, index) => namespaces.indexOf(namespace) < index);
  if (twice !== undefined) {
    problems.push(problem('input_invalid', `the namespace \`${twice}\` is given twice`));
  }
  const bytes = archive.length + key.length;
  if (bytes > CONFIGMAP_BYTES_MAX) {
    const message = `the bundle takes ${bytes} bytes, a ConfigMap holds ${CONFIGMAP_BYTES_MAX}`;
    problems.push(problem('configmap_too_large', message));
  }
  return problems;
}
