/** The configuration that the program runs with, and the rules between settings. */
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { type ConfigValues, configSchema } from './schema.js';

/** Every key is there; `undefined` means that it was not given and has no default. */
type Complete<T> = { readonly [K in keyof T]-?: T[K] };

type Plain = Complete<ConfigValues>;

/** Meanings and defaults: schema.ts. Addresses are checked text, as address.ts reads it. */
export interface Config extends Omit<Plain, 'probes' | 'workload' | SourceKey> {
  /** `host:port`; undefined = off. */
  readonly probes: string | undefined;
  /** Where the policies come from; paths as they were given. */
  readonly source: PolicySource;
  readonly workload: string;
}

/** The settings that say where the policies come from. */
type SourceKey = 'bundle' | 'bundles' | 'digest' | 'trust' | 'trustDigest';

/** The same as reload/source.ts has it, which this room does not know. */
export type PolicySource =
  | { readonly kind: 'directory'; readonly directory: string }
  | {
      readonly kind: 'shelf';
      readonly directory: string;
      readonly digest: `sha256:${string}`;
      readonly trust: string;
      readonly trustDigests: readonly string[];
    };

/** What the rules between settings are: each names what is missing and how to give it. */
const RULES: readonly {
  readonly broken: (values: ConfigValues) => boolean;
  readonly message: string;
  readonly help: string;
}[] = [
  {
    broken: (values) => values.bundle === undefined && values.bundles === undefined,
    message: '`bundle` or `bundles` is missing: where the policies are',
    help: 'give --bundle DIRECTORY, or --bundles DIRECTORY with --digest, --trust and --trust-digest',
  },
  {
    broken: (values) => values.bundle !== undefined && values.bundles !== undefined,
    message: '`bundle` and `bundles` exclude each other: a plain directory or a shelf',
    help: 'leave one of them out',
  },
  {
    broken: ({ bundles, digest, trust, trustDigest }) =>
      bundles !== undefined && [digest, trust, trustDigest].includes(undefined),
    message: '`bundles` needs `digest`, `trust` and `trustDigest`',
    help: 'give --digest (which bundle), --trust (who may sign) and --trust-digest (that it is the right file)',
  },
  {
    broken: ({ bundles, digest, trust, trustDigest }) =>
      bundles === undefined && [digest, trust, trustDigest].some((given) => given !== undefined),
    message:
      '`digest`, `trust` and `trustDigest` are for `bundles`; a plain directory is not verified',
    help: 'give --bundles DIRECTORY, or leave them out',
  },
  {
    broken: (values) => values.destinationFrom === 'service' && values.service === undefined,
    message: '`service` is missing: the destination of every request',
    help: 'give --service NAMESPACE/NAME, or --destination-from route or spiffe',
  },
  {
    broken: ({ mode, bundle, allowUnsigned }) =>
      mode === 'enforce' && bundle !== undefined && !allowUnsigned,
    message: 'mode `enforce` with a plain directory, which nobody signed, needs `allowUnsigned`',
    help: 'give --allow-unsigned if whoever can write the directory may change what is enforced',
  },
  {
    broken: (values) => (values.tlsCert === undefined) !== (values.tlsKey === undefined),
    message: '`tlsCert` and `tlsKey` belong together: one of them is missing',
    help: 'give both --tls-cert and --tls-key, or neither',
  },
  {
    broken: (values) => values.tlsClientCa !== undefined && values.tlsCert === undefined,
    message: '`tlsClientCa` needs `tlsCert` and `tlsKey`',
    help: 'give --tls-cert and --tls-key too',
  },
];

export interface Defaults {
  readonly hostName: string;
}

/** Fails with `input_invalid`: what is missing has to be given by whoever runs the command. */
export function toConfig(
  settings: ReadonlyMap<string, unknown>,
  defaults: Defaults,
): Result<Config> {
  const values = configSchema.parse(toTree(settings));
  const problems: Problem[] = RULES.filter((rule) => rule.broken(values)).map((rule) =>
    problem('input_invalid', rule.message, { help: rule.help }),
  );
  return okUnless(problems, () => finish(values, defaults));
}

/** `headers.mode` -> `{headers: {mode}}`. Keys come from the schema, never from outside. */
function toTree(settings: ReadonlyMap<string, unknown>): unknown {
  const tree: Record<string, unknown> = {};
  for (const [key, value] of settings) {
    const [name = '', inner] = key.split('.');
    if (inner === undefined) tree[name] = value;
    else tree[name] = { ...(tree[name] as object | undefined), [inner]: value };
  }
  return tree;
}

function finish(values: ConfigValues, defaults: Defaults): Config {
  const { bundle, bundles, digest, trust, trustDigest, ...rest } = values;
  const { probes, workload, service, environment, cluster, helpUrl } = rest;
  const { tlsCert, tlsKey, tlsClientCa } = rest;
  return {
    ...rest,
    ...{ service, environment, cluster, helpUrl, tlsCert, tlsKey, tlsClientCa },
    probes: probes === 'off' ? undefined : probes,
    source: sourceOf(values),
    workload: workload ?? defaults.hostName,
  };
}

function sourceOf({ bundle, bundles, digest, trust, trustDigest }: ConfigValues): PolicySource {
  if (bundle !== undefined) return { kind: 'directory', directory: bundle };
  // INVARIANT: the rules have seen to it.
  if (!bundles || !digest || !trust || !trustDigest) {
    throw new Error('a checked configuration has no policies');
  }
  return {
    kind: 'shelf',
    directory: bundles,
    digest: digest as `sha256:${string}`,
    trust,
    trustDigests: trustDigest,
  };
}
