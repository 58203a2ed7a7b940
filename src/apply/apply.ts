/**
 * `--apply`: hands a sealed document to a cluster and watches until every sidecar runs it. Patch,
 * annotate, look, until all have it or the time is up; each step is told as an event at once.
 */
import { NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import { APPLY_PODS_MAX, APPLY_TIMEOUT_MS, CONFIGMAP_BYTES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { annotatePods, type ConfigMapKey, putDocument } from './hand-over.js';
import { createKubectl, type KubectlOptions } from './kubectl.js';
import type { Expected } from './observe.js';
import type { ApplyEvent, ApplyReport } from './timeline.js';
import { watchArrival } from './watch-arrival.js';

export interface DocumentToApply extends Expected {
  /** The sealed file, approvals included. */
  readonly bytes: Uint8Array;
}

export interface ApplyOptions extends KubectlOptions {
  /** Default `cedargate-rollout-<name>`. */
  readonly configMap?: string | undefined;
  /** Labels of the pods; default `app.kubernetes.io/name=<name>`. */
  readonly selector?: string | undefined;
  /** URLs of /status to watch instead of the pods; default none. */
  readonly statusUrls?: readonly string[] | undefined;
  /** How long to watch, milliseconds; default APPLY_TIMEOUT_MS. */
  readonly timeoutMs?: number | undefined;
}

export interface ApplyHooks {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onEvent: (event: ApplyEvent) => void;
}

/** A name of an object in Kubernetes: a DNS subdomain. */
const OBJECT_NAME =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/**
 * Fails when the document could not be handed over, codes `input_invalid`, `configmap_too_large`,
 * `kubectl_failed`, `file_unwritable`: then the cluster has the former one. What happened after that
 * is in the report: see `incompleteProblem`.
 */
export async function applyDocument(
  document: DocumentToApply,
  options: ApplyOptions,
  hooks: ApplyHooks,
): Promise<Result<ApplyReport>> {
  const { name, sequence, digest, bytes } = document;
  const { configMap = `cedargate-rollout-${name}`, statusUrls = [] } = options;
  const { selector = `app.kubernetes.io/name=${name}`, timeoutMs = APPLY_TIMEOUT_MS } = options;
  const place: ConfigMapKey = { configMap, key: `${name}.json` };
  const wrong = checkInput(document, place, statusUrls);
  if (wrong !== undefined) return failed(wrong);

  const kubectl = createKubectl(options);
  const startMs = hooks.now();
  const sinceStart = () => hooks.now() - startMs;
  const tell = (what: ApplyEvent['what']) => hooks.onEvent({ afterMs: sinceStart(), what });

  const put = await putDocument(kubectl, Buffer.from(bytes).toString('utf8'), place);
  if (!put.ok) return put;
  tell({ kind: 'handed-over', how: put.value, configMap });

  // Another value each time, also when the same document is applied again.
  const value = `${sequence}-${new Date(startMs).toISOString()}`;
  const annotated = await annotatePods(kubectl, selector, value);
  if (annotated.ok) tell({ kind: 'annotated', pods: annotated.value });
  else tell({ kind: 'not-annotated', why: annotated.problems[0].message });

  const expected: Expected = { name, sequence, digest };
  const watched = { kubectl, selector, statusUrls, expected, timeoutMs };
  const targets = await watchArrival(watched, { sinceStart, tell });
  return ok({ expected, targets, durationMs: sinceStart() });
}

function checkInput(
  { name, bytes }: DocumentToApply,
  { configMap }: ConfigMapKey,
  statusUrls: readonly string[],
): Problem | undefined {
  const refuse = (message: string) => problem('input_invalid', message);
  if (!NAME_PATTERN.test(name)) return refuse(`the rollout name \`${name}\` ${NAME_RULE}`);
  if (!OBJECT_NAME.test(configMap)) {
    return refuse(`\`${configMap}\` cannot be the name of a ConfigMap`);
  }
  if (statusUrls.length > APPLY_PODS_MAX) {
    return refuse(`more than ${APPLY_PODS_MAX} sidecars cannot be watched at once`);
  }
  const url = statusUrls.find((text) => !isHttpUrl(text));
  if (url !== undefined) return refuse(`\`${url}\` is no http or https URL`);
  if (bytes.length <= CONFIGMAP_BYTES_MAX) return undefined;
  const message = `the document has more than ${CONFIGMAP_BYTES_MAX} bytes`;
  return problem('configmap_too_large', message);
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
