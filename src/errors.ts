/**
 * The one registry of errors: what can be wrong with a configuration, a bundle or the machine.
 * (Why a single request was refused is a reason, see check/reasons.ts.)
 *
 * Message rules: lower-case start, no final period, user input in backticks, never a token or a
 * header value. `help` is advice. docs/errors.md lists every code; a test keeps both in step.
 */
import { CHANGE_ERRORS } from './change-errors.js';

export interface ErrorEntry {
  /** What the code means, one sentence, for docs/errors.md. */
  readonly summary: string;
  /** What to do about it. */
  readonly help: string;
}

export const ERRORS = {
  // Configuration and start-up.
  config_invalid: {
    summary: 'the configuration has an unknown key or a value that is not allowed',
    help: 'run `cedargate config print` to see every value and where it comes from',
  },
  config_unreadable: {
    summary: 'the configuration file cannot be read or is not valid YAML',
    help: 'check the path given to --config and the line named',
  },
  listen_failed: {
    summary: 'a listener could not be opened: port in use, no permission, bad address',
    help: 'free the address, or choose another one; sockets need a directory that can be written',
  },
  tls_invalid: {
    summary: 'a certificate, key or client CA file of the gRPC listener cannot be used',
    help: 'give PEM files to --tls-cert, --tls-key and --tls-client-ca that belong together',
  },
  // Reading a bundle directory.
  bundle_missing: {
    summary: 'the bundle directory does not exist',
    help: 'check the path and whether the volume is mounted; it is watched and taken when it appears',
  },
  bundle_unreadable: {
    summary: 'a file or the directory of the bundle cannot be read',
    help: 'check permissions and symlinks; only regular files inside the directory are read',
  },
  bundle_too_large: {
    summary: 'the bundle holds more bytes or files than the cap',
    help: 'split the bundle, or remove files that are not policy',
  },
  bundle_changing: {
    summary: 'the directory kept changing while it was read',
    help: 'write new files beside the old ones and rename them, as kubelet does with `..data`',
  },
  archive_invalid: {
    summary: 'the file is not an archive as `bundle build` writes it, or it was damaged on the way',
    help: 'build or copy it again; docs/bundle-format.md says what an archive may hold',
  },
  // Built bundles.
  bundle_name_invalid: {
    summary: 'a file has a name that a built bundle cannot hold',
    help: 'rename it: at most 100 bytes, no `/` or `\\`, nothing that cannot be seen',
  },
  scope_exceeded: {
    summary: 'a policy can match outside the destinations of `scope` in bundle.yaml',
    help: 'limit its resource clause, permit and forbid alike, or widen or remove `scope`',
  },
  bundle_tests_failed: {
    summary: 'a test of the bundle failed, so it is not built',
    help: 'run `cedargate bundle test` to see what was expected and what came',
  },
  created_at_unknown: {
    summary: 'there is no time to build the bundle as of: the same source must give the same bytes',
    help: 'commit the source to Git, or set SOURCE_DATE_EPOCH to seconds since 1970',
  },
  index_invalid: {
    summary: 'index.json of a built bundle does not fit the policy files beside it',
    help: 'build the bundle again, and do not trust who signed this one',
  },
  bundle_not_reproduced: {
    summary: 'a built bundle says of its own sources what they do not give',
    help: 'build the bundle again from reviewed sources; find out how this one was made',
  },
  configmap_too_large: {
    summary: 'the bundle is larger than a Kubernetes ConfigMap can be',
    help: 'split the bundle, or mount it from an image volume or another volume',
  },
  bundle_not_on_shelf: {
    summary: 'no bundle below --bundles has the digest that is wanted',
    help: 'mount or copy the file; `cedargate bundle inspect` prints the digest of one',
  },
  reader_too_old: {
    summary: 'the file needs a newer cedargate than this one',
    help: 'update cedargate before you use files that a newer one has written',
  },
  built_manifest_invalid: {
    summary: 'manifest.json of a built bundle has an unknown, missing or wrong field',
    help: 'build the bundle again; docs/bundle-format.md has the form',
  },
  bundle_altered: {
    summary: 'the files of a built bundle are not those that its manifest lists',
    help: 'somebody or something changed the bundle: take the original, and find out who did',
  },
  bundle_file_missing: {
    summary: 'a required file is not there: bundle.yaml, schema.cedarschema or any *.cedar',
    help: 'see docs/policy-source.md for what a bundle directory holds',
  },
  bundle_file_ignored: {
    summary: 'a file in the bundle directory has no part in a bundle and was ignored (a warning)',
    help: 'remove it, or give it one of the names that docs/policy-source.md lists',
  },
  not_utf8: { summary: 'a text file is not valid UTF-8', help: 'save the file as UTF-8' },
  yaml_invalid: {
    summary: 'a YAML file does not parse, or uses anchors, tags or duplicate keys',
    help: 'cedargate reads plain YAML 1.2: no anchors, no tags, no duplicate keys',
  },
  json_invalid: {
    summary: 'a JSON file does not parse or has a duplicate key',
    help: 'correct the line named',
  },
  manifest_invalid: {
    summary: 'bundle.yaml has an unknown, missing or wrong field',
    help: 'name, version and owner are required; quote versions: version: "1.10"',
  },
  routes_invalid: {
    summary: 'routes.yaml has an unknown, missing or wrong field',
    help: 'see docs/policy-source.md for the form of a route',
  },
  routes_ambiguous: {
    summary: 'two routes match the same request and neither is more literal',
    help: 'make one path more literal, or give the two routes different methods',
  },
  route_unknown: {
    summary: 'a policy names a route that routes.yaml does not declare (a warning)',
    help: 'correct the name, or declare the route in routes.yaml',
  },
  // Cedar.
  policy_syntax: {
    summary: 'a policy file does not parse',
    help: 'the caret marks where the parser stopped; the fault is there or just before',
  },
  policy_annotation: {
    summary:
      'a policy lacks @id, @owner or @description, or its @id has a form that is not allowed',
    help: 'give every policy a unique @id, an @owner and a @description',
  },
  policy_duplicate_id: {
    summary: 'two policies have the same @id',
    help: 'ids name policies in logs and reports: make them unique in the bundle',
  },
  policy_template: {
    summary: 'a policy is a template (it has a ?principal or ?resource slot)',
    help: 'templates are not supported: write the policy out',
  },
  policy_too_deep: {
    summary: 'a policy or schema is nested deeper than the engine is safe with',
    help: 'split the condition into several policies, or use sets: [..].contains(x)',
  },
  policy_pattern_too_long: {
    summary: 'the pattern of a `like` is so long that matching it would hold up other checks',
    help: 'shorten the pattern; with routes, whole paths need no pattern at all',
  },
  policy_invalid: {
    summary: 'a policy does not agree with the schema (strict validation)',
    help: 'see the message; optional attributes need a `has` test first',
  },
  policy_impossible: {
    summary: 'the scope of a policy fits no action of the schema, so it can never apply',
    help: 'check principal, action and resource of the scope against appliesTo in the schema',
  },
  schema_syntax: { summary: 'the schema does not parse', help: 'the caret marks where it stopped' },
  schema_rule: {
    summary: 'the schema asks for something a request cannot safely fill',
    help: 'see docs/policy-source.md for the types that a request can fill',
  },
  entities_invalid: {
    summary: 'entities.json does not agree with the schema, or contradicts a workload id',
    help: 'declare the type, parent or attribute in the schema, or remove it here',
  },
  engine_failure: {
    summary: 'the Cedar engine crashed on the bundle',
    help: 'the bundle is refused and the running one unharmed; please report the policy',
  },
  load_timeout: {
    summary: 'loading the bundle took longer than the limit',
    help: 'make the bundle smaller',
  },
  ...CHANGE_ERRORS,
  // Tests and questions from the command line.
  test_invalid: {
    summary: 'a file under tests/ has an unknown, missing or wrong field',
    help: 'see docs/policy-source.md for the two forms of tests',
  },
  directory_not_empty: {
    summary: 'the directory for a new policy repository holds something already',
    help: 'choose another directory, or move away what is in the way; `.git` may be there',
  },
  file_unreadable: {
    summary: 'a file that was named cannot be read, or is larger than such a file may be',
    help: 'check the path and its permissions',
  },
  file_unwritable: {
    summary: 'a file cannot be written, or is there already and would be overwritten',
    help: 'check the path and its permissions, or choose another name',
  },
  input_invalid: {
    summary: 'an argument, or a line given to a command, cannot be used',
    help: 'run the command with --help for its forms',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** Where in a file a problem was found. Lines and columns count from 1; columns in characters. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The source line and, under it, a caret. */
  readonly excerpt?: string;
}

/** One thing that is wrong, as parsers return it. Plain data: it crosses threads. */
export interface Problem extends Place {
  readonly code: ErrorCode;
  readonly message: string;
  /** Advice for this very case; the registry's help applies when absent. */
  readonly help?: string;
}

export function problem(code: ErrorCode, message: string, place: Place & { help?: string } = {}) {
  return { code, message, ...place } satisfies Problem;
}

/** `file:line:column: message [code]`, then the excerpt and the help, each on lines of their own. */
export function formatProblem(p: Problem): string {
  const where = [p.file, p.line, p.column].filter((part) => part !== undefined).join(':');
  const head = `${where === '' ? '' : `${where}: `}${p.message} [${p.code}]`;
  const help = `help: ${p.help ?? ERRORS[p.code].help}`;
  return [head, p.excerpt, help].filter((part) => part !== undefined).join('\n');
}

/** Problems on their way to the command line, the only place where they end a process. */
export class CedargateError extends Error {
  override readonly name = 'CedargateError';

  constructor(
    readonly problems: readonly [Problem, ...Problem[]],
    options?: ErrorOptions,
  ) {
    super(problems.map(formatProblem).join('\n'), options);
  }
}

/** The message of anything thrown, for joining causes with `: `. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
