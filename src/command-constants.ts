/**
 * Limits of commands that hand a change over and look back at it: kubectl, /status, logs, audits. A part
 * of constants.ts, which is where to import them from.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** One call of kubectl, milliseconds; a slow cluster answers within a few seconds. */
export const KUBECTL_MS_MAX = 30_000;
/** Bytes that one call of kubectl may print; a list of APPLY_PODS_MAX names has 30 KiB. */
export const KUBECTL_OUTPUT_BYTES_MAX = 1 * MIB;
/** Characters of kubectl's stderr that a message quotes. */
export const KUBECTL_STDERR_CHARS_MAX = 1_000;
/** Bytes of a patch that go as an argument: Linux takes 128 KiB in one. Larger ones go by file. */
export const KUBECTL_ARGUMENT_BYTES_MAX = 64 * KIB;
/** How long a document is watched on its way, milliseconds: kubelet may take 90 s by itself. */
export const APPLY_TIMEOUT_MS = 120_000;
/** Pause between two looks at the pods that do not run it yet, milliseconds. */
export const APPLY_POLL_MS = 500;
/** Pods or URLs that are watched. */
export const APPLY_PODS_MAX = 500;
/** Pods that are asked at once: each takes a kubectl process of its own. */
export const APPLY_CONCURRENCY = 8;
/** One question to a sidecar's /status, and the port-forward to it, milliseconds each. */
export const APPLY_STATUS_MS_MAX = 5_000;
/** Bytes of a /status document that are read; a large one has a few hundred slices and blocks. */
export const APPLY_STATUS_BYTES_MAX = 4 * MIB;
/** Lines of a timeline; what comes after is seen in the summary. */
export const APPLY_LINES_MAX = 1_000;
/** Characters of a sidecar's own words in such a line. */
export const APPLY_WORDS_CHARS_MAX = 200;

/** Change lines of logs that are kept at once, under 1 KB each: a change a day on 200 pods, for a year. */
export const LOG_CHANGES_MAX = 100_000;
/** Pairs of exception and caller that are counted apart; the rest share one row. */
export const EXCEPTION_USES_MAX = 10_000;
/** Lines of logs that could not be read and are named one by one. */
export const LOG_BAD_NAMED_MAX = 10;
/** Bundles that `history` compares, newest first: some tenths of a second each. */
export const HISTORY_DIFFS_MAX = 20;
/** Versions of trust.yaml that are read from Git: it is changed with care. */
export const TRUST_VERSIONS_MAX = 1_000;
/** index.json of an audit folder: about 130 bytes a file. */
export const AUDIT_INDEX_BYTES_MAX = 8 * MIB;
/** Files in an audit folder: documents of all rollouts, and some more. */
export const AUDIT_FILES_MAX = 50_000;
/** One file in an audit folder; the largest are change lines, LOG_CHANGES_MAX of them. */
export const AUDIT_FILE_BYTES_MAX = 128 * MIB;

/** Pairs of slice and caller in one evidence file, under 150 bytes each; further callers are not told apart. */
export const EVIDENCE_CALLERS_MAX = 10_000;
/** One evidence file: EVIDENCE_CALLERS_MAX of the longest SPIFFE IDs. */
export const EVIDENCE_BYTES_MAX = 24 * MIB;
/** Callers of a slice that a change card names; --json and the evidence file have all. */
export const CARD_CALLERS_SHOWN = 50;
