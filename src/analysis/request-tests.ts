/** Reads tests/*.yaml: requests with what must come out of them. Strict: a typo is not a test. */
import { isIP } from 'node:net';
import { isDestination } from '../bundle/manifest.js';
import { NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import { readYaml, type YamlDocument, yamlPlace } from '../bundle/yaml.js';
import { checkShape } from '../bundle/yaml-shape.js';
import type { TextFile } from '../cedar/position.js';
import type { JsonObject } from '../check/claims.js';
import { REASONS, type Reason } from '../check/reasons.js';
import { TEST_NAME_CHARS_MAX } from '../constants.js';
import type { Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { grpcSketch, type HttpSketch, type RequestSketch } from './check-request.js';
import type { RequestTest } from './test-case.js';

/** `time` of a test that does not say: fixed, so that a test never begins to fail by itself. */
const TEST_TIME = '2026-01-01T00:00:00Z';

const text = shape.string().min(1, 'must not be empty');
/** RFC 9110 token. */
const token = shape
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be a token, such as `GET`');
const headerName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const reasons = Object.keys(REASONS) as [Reason, ...Reason[]];

const testSchema = shape
  .strictObject({
    name: text.max(TEST_NAME_CHARS_MAX, `must be at most ${TEST_NAME_CHARS_MAX} characters long`),
    caller: text,
    method: token.optional(),
    path: text.optional(),
    grpc: shape.strictObject({ service: text, method: text }).optional(),
    tcp: shape.literal(true).optional(),
    headers: shape
      .record(shape.string(), shape.union([shape.string(), shape.array(shape.string())]))
      .optional(),
    claims: shape.record(shape.string(), shape.json()).optional(),
    destination: shape
      .string()
      .refine(isDestination, { error: 'must have the form `<namespace>/<name>`' })
      .optional(),
    environment: shape.string().regex(NAME_PATTERN, NAME_RULE).optional(),
    sourceAddress: shape
      .string()
      .refine((address) => isIP(address) !== 0, { error: 'must be an IP address' })
      .optional(),
    time: shape.datetime({ offset: true, error: `must be a time such as ${TEST_TIME}` }).optional(),
    decision: shape.oneOf(['allow', 'deny', 'error']),
    reason: shape.oneOf(reasons).optional(),
    policies: shape.array(shape.string()).optional(),
  })
  .superRefine((test, context) => {
    for (const [path, message] of contradictions(test)) {
      context.addIssue({ path, message });
    }
  });

type TestForm = shape.Output<typeof testSchema>;

const fileSchema = shape.array(testSchema).min(1, 'holds no tests');

export function parseRequestTests(source: TextFile): Result<RequestTest[]> {
  const document = readYaml(source.file, source.text);
  if (!document.ok) return document;
  const { value } = document;
  const shaped = checkShape(value, value.value, fileSchema, { code: 'test_invalid' });
  if (!shaped.ok) return shaped;
  return { ok: true, value: shaped.value.map((form, index) => toTest(value, form, index)) };
}

/** What each field alone cannot tell. Every message completes the field's name. */
function contradictions(test: TestForm): [path: string[], message: string][] {
  const found: [string[], string][] = [];
  const forms = [test.method, test.grpc, test.tcp].filter((form) => form !== undefined);
  if (forms.length !== 1) found.push([[], 'must have exactly one of `method`, `grpc` and `tcp`']);
  if (test.method === undefined && test.path !== undefined) {
    found.push([['path'], 'belongs to `method`: for `grpc` and `tcp` leave it out']);
  }
  if (test.method !== undefined && test.method !== 'CONNECT' && test.path === undefined) {
    found.push([['path'], 'is missing']);
  }
  if (test.tcp && test.headers !== undefined) found.push([['headers'], 'do not exist with `tcp`']);
  for (const name of Object.keys(test.headers ?? {})) {
    if (!headerName.test(name)) {
      found.push([['headers', name], 'must be a lower-case header name']);
    }
  }
  if (test.reason !== undefined && REASONS[test.reason].decision !== test.decision) {
    const { decision } = REASONS[test.reason];
    found.push([['reason'], `goes with decision \`${decision}\`, not \`${test.decision}\``]);
  }
  return found;
}

function toTest(document: YamlDocument, form: TestForm, index: number): RequestTest {
  return {
    kind: 'request',
    name: form.name,
    file: document.file,
    line: yamlPlace(document, [index]).line ?? 1,
    request: toSketch(form),
    destination: form.destination,
    environment: form.environment,
    nowMs: Date.parse(form.time ?? TEST_TIME),
    expect: {
      decision: form.decision,
      reason: form.reason,
      policies: form.policies === undefined ? undefined : [...form.policies].sort(),
    },
  };
}

function toSketch(form: TestForm): RequestSketch {
  const headers = Object.entries(form.headers ?? {}).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((copy) => [name, copy] as const),
  );
  return {
    caller: form.caller,
    http: httpOf(form, headers),
    claims: form.claims as JsonObject | undefined,
    sourceAddress: form.sourceAddress,
  };
}

function httpOf(form: TestForm, headers: HttpSketch['headers']): HttpSketch | undefined {
  if (form.grpc !== undefined) return grpcSketch(form.grpc.service, form.grpc.method, headers);
  if (form.method === undefined) return undefined;
  return { method: form.method, path: form.path, headers };
}
