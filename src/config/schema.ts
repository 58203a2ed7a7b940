/**
 * Every setting of cedargate.yaml: its form, default, description and, where it has one, its flag.
 * Flags, variables, the JSON Schema and docs/configuration.md are all derived from this file.
 */
import {
  DRAIN_MS_MAX,
  FILE_PATH_CHARS_MAX,
  HELP_URL_CHARS_MAX,
  LISTENERS_MAX,
  LOG_LINES_PER_SECOND_MAX,
  LOG_NAMES_MAX,
  NAME_CHARS_MAX,
  TRUST_DIGESTS_MAX,
} from '../constants.js';
import * as shape from '../shape/kinds.js';
import { parseAddress, parseTcp } from './address.js';

/** What a shape does not know of a setting. */
export interface Setting {
  /** The form in words, completing "must be ...". */
  readonly form: string;
  /** What the flag takes, such as `ns/name`; no flag without it. Booleans take nothing: ''. */
  readonly flag?: string;
  /** The default in words, where it is found at run time or means that something is off. */
  readonly defaultText?: string;
}

/** A setting, or a group of them. */
export type Described =
  | ({ readonly description: string } & Setting)
  | { readonly description: string; readonly fields: Fields };

type Fields = Readonly<Record<string, shape.AnyShape>>;

const descriptions = new WeakMap<shape.AnyShape, Described>();

/** What is known of a setting, or a group, beside its shape. */
export function descriptionOf(schema: shape.AnyShape): Described | undefined {
  return descriptions.get(schema);
}

function setting<T extends shape.AnyShape>(schema: T, description: string, more: Setting): T {
  descriptions.set(schema, { description, ...more });
  return schema;
}

function group<F extends Fields>(description: string, fields: F) {
  const schema = shape.strictObject(fields).prefault({} as never);
  descriptions.set(schema, { description, fields });
  return schema;
}

/** Header names that carry credentials: their values are never logged. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
]);

const path = shape
  .string()
  .min(1)
  .max(FILE_PATH_CHARS_MAX)
  .refine((text) => !text.includes('\0'));
const digest = shape.string().regex(/^sha256:[0-9a-f]{64}$/);
const listenAddress = shape.string().refine((text) => parseAddress(text) !== undefined);
const tcpAddress = shape.string().refine((text) => parseTcp(text) !== undefined);
// Printable ASCII only: these values are written into headers or compared with what others write.
const label = shape
  .string()
  .max(NAME_CHARS_MAX)
  .regex(/^[\x21-\x7e]+$/);
const claimName = shape.string().min(1).max(NAME_CHARS_MAX);
const headerName = shape
  .string()
  .max(NAME_CHARS_MAX)
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/)
  .refine((name) => !SECRET_HEADERS.has(name));
const linesPerSecond = () => shape.int().min(0).max(LOG_LINES_PER_SECOND_MAX).default(0);
const lineRate = { form: `a whole number from 0 (no limit) to ${LOG_LINES_PER_SECOND_MAX}` };
const yesOrNo = { form: 'true or false' };
const claim = { form: 'the name of a claim' };

/** Every setting by its name, groups within. */
export const SETTINGS = {
  listen: setting(
    shape
      .union([listenAddress, shape.array(listenAddress).min(1).max(LISTENERS_MAX)])
      .transform((value) => (typeof value === 'string' ? [value] : value))
      .prefault('127.0.0.1:9191'),
    'Where Envoy reaches the gRPC service: one address or a list. `unix:PATH` for a Unix socket.',
    { form: '`host:port` (IPv6 in brackets) or `unix:PATH`, or a list of them', flag: 'address' },
  ),
  admin: setting(
    tcpAddress.default('127.0.0.1:9292'),
    'The admin listener: /metrics, /livez, /readyz and /status. Keep it on loopback.',
    { form: '`host:port` (IPv6 in brackets)', flag: 'host:port' },
  ),
  probes: setting(
    shape.union([shape.literal('off'), tcpAddress]).default('off'),
    'A second HTTP listener for the outside with /livez, /readyz and /metrics only; `0.0.0.0:9293` in a pod.',
    { form: '`off` or `host:port` (IPv6 in brackets)', flag: 'host:port' },
  ),
  service: setting(
    shape
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9][a-z0-9-]{0,62}$/)
      .optional(),
    'The destination of every request, `namespace/name`. Required when destinationFrom is `service`.',
    { form: '`namespace/name` in lower-case letters, digits and `-`', flag: 'ns/name' },
  ),
  destinationFrom: setting(
    shape.oneOf(['service', 'route', 'spiffe']).default('service'),
    'Where the destination of a request comes from: `service` (this configuration), `route` (the context extension `cedargate.destination` of the Envoy route) or `spiffe` (the SPIFFE ID of the destination).',
    { form: '`service`, `route` or `spiffe`', flag: 'service|route|spiffe' },
  ),
  environment: setting(
    shape
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
      .optional(),
    'The environment this runs in: chooses `entities.<environment>.json` and fills `context.environment`.',
    { form: 'a name in lower-case letters, digits and `-`', flag: 'name' },
  ),
  bundle: setting(
    path.optional(),
    'A plain directory with the policies, which nobody signed. It is watched; it may appear later. `serve` requires it or `bundles`.',
    { form: 'a path', flag: 'directory' },
  ),
  bundles: setting(
    path.optional(),
    'A shelf: a directory with built bundles (`*.tar.gz`, at any depth). It is watched; it may appear later. Needs `trust` and `trustDigest`, and `rollout` or `digest`.',
    { form: 'a path', flag: 'directory' },
  ),
  digest: setting(digest.optional(), 'Which bundle of the shelf decides, without a rollout.', {
    form: '`sha256:` and 64 lower-case hexadecimal digits',
    flag: 'sha256:...',
  }),
  rollout: setting(
    path.optional(),
    'The approved state: a sealed rollout document, or a directory with many. It is watched; it may appear later. Needs `bundles`, `trust`, `trustDigest`, `state` and `environment`.',
    { form: 'a path', flag: 'path' },
  ),
  state: setting(
    path.optional(),
    'A directory that outlives the container: the last verified documents and bundles are kept there, and the highest sequence. It is made when it is missing.',
    { form: 'a path', flag: 'directory' },
  ),
  minSequence: setting(
    shape.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
    'Rollout documents below this sequence are refused. For new pods, which remember nothing.',
    { form: 'a whole number from 0', flag: 'number' },
  ),
  beforeFirstRollout: setting(
    shape.oneOf(['fail', 'allow']).default('fail'),
    'What is answered as long as no rollout document was ever verified: `fail` (and not ready), or `allow`.',
    { form: '`fail` or `allow`', flag: 'fail|allow' },
  ),
  trust: setting(
    path.optional(),
    'The trust file: people, their keys, who may sign bundles, and the rules of change. It is watched.',
    { form: 'a path', flag: 'file' },
  ),
  trustDigest: setting(
    shape.array(digest).min(1).max(TRUST_DIGESTS_MAX).optional(),
    'The digest that the trust file must have, as `verify` prints it; any of several while the file is being replaced.',
    { form: 'a list of digests: `sha256:` and 64 hexadecimal digits', flag: 'sha256:...' },
  ),
  mode: setting(
    shape.oneOf(['shadow', 'enforce']).default('shadow'),
    'Whether decisions are enforced. In `shadow` every request passes and the log says what would have been denied. With `rollout` the documents say it instead.',
    { form: '`shadow` or `enforce`', flag: 'shadow|enforce' },
  ),
  allowUnsigned: setting(
    shape.boolean().default(false),
    'Accept that an unsigned directory is enforced. Required for mode `enforce` with a plain directory.',
    { ...yesOrNo, flag: '' },
  ),
  tlsCert: setting(
    path.optional(),
    'Certificate chain (PEM) of the gRPC listeners on TCP; needs tlsKey.',
    { form: 'a path', flag: 'file' },
  ),
  tlsKey: setting(path.optional(), 'Private key (PEM) that belongs to tlsCert.', {
    form: 'a path',
    flag: 'file',
  }),
  tlsClientCa: setting(
    path.optional(),
    'CA certificates (PEM): clients must present a certificate that one of them signed. Needs tlsCert and tlsKey.',
    { form: 'a path', flag: 'file' },
  ),
  failResponse: setting(
    shape.oneOf(['error_response', 'grpc_error']).default('error_response'),
    'How Envoy is told that cedargate cannot decide: `error_response` needs Envoy 1.37 or later, `grpc_error` suits older ones.',
    { form: '`error_response` or `grpc_error`' },
  ),
  strictIdentity: setting(
    shape.boolean().default(false),
    'Read the certificate of the caller too and want exactly one URI SAN, equal to the principal. Needs `include_peer_certificate` in Envoy.',
    yesOrNo,
  ),
  workload: setting(label.optional(), 'Who decided: field `workload` of every log line.', {
    form: `up to ${NAME_CHARS_MAX} printable ASCII characters without spaces`,
    defaultText: 'the host name',
  }),
  cluster: setting(label.optional(), 'Where: field `cluster` of every log line.', {
    form: `up to ${NAME_CHARS_MAX} printable ASCII characters without spaces`,
  }),
  headers: group('The stamps on every response. Dynamic metadata carries them always.', {
    prefix: setting(
      shape
        .string()
        .regex(/^[a-z][a-z0-9-]{0,61}[a-z0-9]$/)
        .default('x-cedargate'),
      'What the stamps sent as response headers begin with: `<prefix>-policy-version`.',
      { form: 'a header name in lower-case letters, digits and `-`' },
    ),
    version: setting(shape.boolean().default(true), 'Send `<prefix>-policy-version`.', yesOrNo),
    decisionId: setting(shape.boolean().default(true), 'Send `<prefix>-decision-id`.', yesOrNo),
    mode: setting(
      shape.boolean().default(false),
      'Send `<prefix>-mode`. A client need not learn where nothing is enforced.',
      yesOrNo,
    ),
  }),
  helpUrl: setting(
    shape
      .string()
      .max(HELP_URL_CHARS_MAX)
      .regex(/^https?:\/\/[\x21-\x7e]+$/)
      .refine((text) => URL.canParse(text))
      .optional(),
    'A page for people who were denied: its address is in the body of every denial.',
    { form: 'an http or https URL in printable ASCII' },
  ),
  claims: group('Where token claims are found. Envoy has verified the token before.', {
    payload: setting(
      claimName.default('jwt_payload'),
      'The `payload_in_metadata` of the jwt_authn filter: where Envoy puts the claims.',
      { form: 'a metadata key' },
    ),
    taskId: setting(claimName.default('task_id'), 'The claim that fills `context.task.id`.', claim),
    taskKind: setting(
      claimName.default('task_kind'),
      'The claim that fills `context.task.kind`.',
      claim,
    ),
    taskIntent: setting(
      claimName.default('task_intent'),
      'The claim that fills `context.task.intent`.',
      claim,
    ),
  }),
  log: group(
    'The decision log. Values are masked unless an allow-list names them; every decision has a line unless a share or a limit is set.',
    {
      headers: setting(
        shape.array(headerName).max(LOG_NAMES_MAX).default([]),
        'Request headers whose values may appear in the decision log.',
        { form: 'a list of lower-case header names, none that carries credentials' },
      ),
      claims: setting(
        shape.array(claimName).max(LOG_NAMES_MAX).default([]),
        'Claims whose values may appear in the decision log.',
        { form: 'a list of names' },
      ),
      query: setting(
        shape.array(shape.string().min(1).max(NAME_CHARS_MAX)).max(LOG_NAMES_MAX).default([]),
        'Query keys whose values may appear in the decision log.',
        { form: 'a list of names' },
      ),
      sampleAllows: setting(
        shape.number().min(0).max(1).default(1),
        'Share of plain allows that get a line: allowed, known class, no error, exception or flip, and no destination with `requireLog`. Nothing else is sampled.',
        { form: 'a number from 0 to 1' },
      ),
      linesPerSecond: setting(
        linesPerSecond(),
        'Decision lines a second that this process writes at most; further ones are dropped and counted.',
        lineRate,
      ),
      callerLinesPerSecond: setting(
        linesPerSecond(),
        'Decision lines a second that it writes at most about one caller; anonymous requests count as one caller, and unidentified ones as another.',
        lineRate,
      ),
    },
  ),
  drainMs: setting(
    shape.int().min(0).max(DRAIN_MS_MAX).default(2_000),
    'How long to keep accepting after SIGTERM while the health check says NOT_SERVING, in milliseconds.',
    { form: `a whole number from 0 to ${DRAIN_MS_MAX}` },
  ),
};

export const configSchema = shape.strictObject(SETTINGS);

/** All settings after defaults, as plain values. */
export type ConfigValues = shape.Output<typeof configSchema>;
