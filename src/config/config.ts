/** The configuration that the program runs with, and the rules between settings. */
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { type ConfigValues, configSchema } from './schema.js';

/** Every key is there; `undefined` means that it was not given and has no default. */
type Complete<T> = { readonly [K in keyof T]-?: T[K] };

type Plain = Complete<ConfigValues>;

/** Meanings and defaults: schema.ts. Addresses are checked text, as address.ts reads it. */
export interface Config extends Omit<Plain, 'probes' | 'bundle' | 'workload'> {
  /** `host:port`; undefined = off. */
  readonly probes: string | undefined;
  /** Path of the directory with the policies, as it was given. */
  readonly bundle: string;
  readonly workload: string;
}

/** What the rules between settings are: each names what is missing and how to give it. */
const RULES: readonly {
  readonly broken: (values: ConfigValues) => boolean;
  readonly message: string;
  readonly help: string;
}[] = [
  {
    broken: (values) => values.bundle === undefined,
    message: '`bundle` is missing: the directory with the policies',
    help: 'give --bundle DIRECTORY',
  },
  {
    broken: (values) => values.destinationFrom === 'service' && values.service === undefined,
    message: '`service` is missing: the destination of every request',
    help: 'give --service NAMESPACE/NAME, or --destination-from route or spiffe',
  },
  {
    broken: (values) => values.mode === 'enforce' && !values.allowUnsigned,
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
  const { probes, bundle, workload, service, environment, cluster, helpUrl } = values;
  const { tlsCert, tlsKey, tlsClientCa } = values;
  // INVARIANT: the rules have seen to it.
  if (bundle === undefined) throw new Error('a checked configuration has no bundle');
  return {
    ...values,
    ...{ service, environment, cluster, helpUrl, tlsCert, tlsKey, tlsClientCa },
    probes: probes === 'off' ? undefined : probes,
    bundle,
    workload: workload ?? defaults.hostName,
  };
}
