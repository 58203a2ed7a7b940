/** The rules between settings: what belongs together, and what excludes what. */
import type { ConfigValues } from './schema.js';

/** What the rules between settings are: each names what is missing and how to give it. */
export const RULES: readonly {
  readonly broken: (values: ConfigValues) => boolean;
  readonly message: string;
  readonly help: string;
}[] = [
  {
    broken: (values) => values.bundle === undefined && values.bundles === undefined,
    message: '`bundle` or `bundles` is missing: where the policies are',
    help: 'give --bundle DIRECTORY, or --bundles DIRECTORY with --rollout, --trust, --trust-digest and --state',
  },
  {
    broken: (values) => values.bundle !== undefined && values.bundles !== undefined,
    message: '`bundle` and `bundles` exclude each other: a plain directory or a shelf',
    help: 'leave one of them out',
  },
  {
    broken: ({ bundles, trust, trustDigest }) =>
      bundles !== undefined && [trust, trustDigest].includes(undefined),
    message: '`bundles` needs `trust` and `trustDigest`',
    help: 'give --trust (who may sign) and --trust-digest (that it is the right file)',
  },
  {
    broken: ({ bundles, digest, rollout }) =>
      bundles !== undefined && (digest === undefined) === (rollout === undefined),
    message: '`bundles` needs either `rollout` or `digest`: what decides which bundle runs',
    help: 'give --rollout PATH (sealed documents), or --digest (one bundle, in one mode)',
  },
  {
    broken: ({ bundles, digest, trust, trustDigest, rollout, state }) =>
      bundles === undefined &&
      [digest, trust, trustDigest, rollout, state].some((given) => given !== undefined),
    message:
      '`digest`, `rollout`, `state`, `trust` and `trustDigest` are for `bundles`; a plain directory is not verified',
    help: 'give --bundles DIRECTORY, or leave them out',
  },
  {
    broken: ({ bundles, rollout, state, environment }) =>
      bundles !== undefined && rollout !== undefined && [state, environment].includes(undefined),
    message: '`rollout` needs `state` and `environment`',
    help: 'give --state DIRECTORY (what outlives a restart) and --environment NAME (whose documents count)',
  },
  {
    broken: ({ rollout, state, minSequence, beforeFirstRollout }) =>
      rollout === undefined &&
      (state !== undefined || minSequence !== 0 || beforeFirstRollout !== 'fail'),
    message: '`state`, `minSequence` and `beforeFirstRollout` are for `rollout`',
    help: 'give --rollout PATH, or leave them out',
  },
  {
    broken: ({ rollout, mode }) => rollout !== undefined && mode === 'enforce',
    message: '`mode` and `rollout` exclude each other: the document says what is enforced',
    help: 'leave --mode out, and add slices to `enforce` of the rollout',
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
