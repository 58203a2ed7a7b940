/** The configuration that the program runs with. */
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { RULES } from './rules.js';
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
type SourceKey = 'bundle' | 'bundles' | 'digest' | 'trust' | 'trustDigest' | 'rollout' | 'state';

/** The same as reload/source.ts has it, which this room does not know. */
export type PolicySource =
  | { readonly kind: 'directory'; readonly directory: string }
  | {
      readonly kind: 'shelf';
      readonly directory: string;
      readonly digest: `sha256:${string}`;
      readonly trust: string;
      readonly trustDigests: readonly string[];
    }
  | {
      readonly kind: 'rollout';
      readonly documents: string;
      readonly bundles: string;
      readonly state: string;
      readonly trust: string;
      readonly trustDigests: readonly string[];
    };

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
  const { bundle, bundles, digest, trust, trustDigest, rollout, state, ...rest } = values;
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

function sourceOf(values: ConfigValues): PolicySource {
  const { bundle, bundles, digest, trust, trustDigest, rollout, state } = values;
  if (bundle !== undefined) return { kind: 'directory', directory: bundle };
  // INVARIANT: the rules have seen to it.
  if (!bundles || !trust || !trustDigest || (rollout ? !state : !digest)) {
    throw new Error('a checked configuration has no policies');
  }
  const trusted = { trust, trustDigests: trustDigest };
  if (rollout !== undefined && state !== undefined) {
    return { kind: 'rollout', documents: rollout, bundles, state, ...trusted };
  }
  return {
    kind: 'shelf',
    directory: bundles,
    digest: digest as `sha256:${string}`,
    ...trusted,
  };
}
