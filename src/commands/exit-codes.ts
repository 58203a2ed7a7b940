/** What the process ends with: the one table of exit codes, and which error leads to which. */
import type { ErrorCode, Problem } from '../errors.js';

export const EXIT = {
  done: 0,
  couldNot: 1,
  usage: 2,
  invalid: 3,
  trust: 4,
  differences: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The table as people read it: in `--help` and in docs/cli.md. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done, or the answer is yes',
  1: 'could not do it: a file, a port or the machine',
  2: 'usage: an unknown flag, a wrong or a missing argument',
  3: 'invalid policy, bundle or configuration',
  4: 'signature or trust failure',
  5: 'differences found, or a test or gate failed',
};

const EXIT_OF_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  config_invalid: EXIT.invalid,
  config_unreadable: EXIT.invalid,
  listen_failed: EXIT.couldNot,
  tls_invalid: EXIT.invalid,
  bundle_missing: EXIT.couldNot,
  bundle_unreadable: EXIT.couldNot,
  bundle_too_large: EXIT.invalid,
  bundle_changing: EXIT.couldNot,
  archive_invalid: EXIT.invalid,
  bundle_name_invalid: EXIT.invalid,
  scope_exceeded: EXIT.invalid,
  bundle_tests_failed: EXIT.differences,
  created_at_unknown: EXIT.couldNot,
  index_invalid: EXIT.invalid,
  bundle_not_reproduced: EXIT.trust,
  configmap_too_large: EXIT.couldNot,
  bundle_not_on_shelf: EXIT.couldNot,
  reader_too_old: EXIT.invalid,
  built_manifest_invalid: EXIT.invalid,
  bundle_altered: EXIT.trust,
  bundle_file_missing: EXIT.invalid,
  bundle_file_ignored: EXIT.invalid,
  not_utf8: EXIT.invalid,
  yaml_invalid: EXIT.invalid,
  json_invalid: EXIT.invalid,
  manifest_invalid: EXIT.invalid,
  routes_invalid: EXIT.invalid,
  routes_ambiguous: EXIT.invalid,
  policy_syntax: EXIT.invalid,
  policy_annotation: EXIT.invalid,
  policy_duplicate_id: EXIT.invalid,
  policy_template: EXIT.invalid,
  route_unknown: EXIT.invalid,
  policy_too_deep: EXIT.invalid,
  policy_pattern_too_long: EXIT.invalid,
  policy_invalid: EXIT.invalid,
  policy_impossible: EXIT.invalid,
  schema_syntax: EXIT.invalid,
  schema_rule: EXIT.invalid,
  entities_invalid: EXIT.invalid,
  engine_failure: EXIT.couldNot,
  load_timeout: EXIT.couldNot,
  test_invalid: EXIT.invalid,
  directory_not_empty: EXIT.couldNot,
  json_not_canonical: EXIT.invalid,
  key_invalid: EXIT.invalid,
  signatures_invalid: EXIT.trust,
  signature_wrong: EXIT.trust,
  signature_threshold: EXIT.trust,
  trust_invalid: EXIT.trust,
  trust_digest: EXIT.trust,
  state_unreadable: EXIT.couldNot,
  state_unwritable: EXIT.couldNot,
  kubectl_failed: EXIT.couldNot,
  apply_incomplete: EXIT.couldNot,
  file_unreadable: EXIT.couldNot,
  file_unwritable: EXIT.couldNot,
  input_invalid: EXIT.usage,
};

/** The exit code of a command that ends with these problems: the first one decides. */
export function exitCodeOf(problems: readonly [Problem, ...Problem[]]): ExitCode {
  return EXIT_OF_ERROR[problems[0].code];
}
