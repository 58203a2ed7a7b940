/** Every limit, with its unit and its reason. Nothing a client or a volume holds is unbounded. */

/** Version of the formats that this program reads. A file that needs a higher one is refused. */
export const READER = 1;

export * from './command-constants.js';
export * from './engine-constants.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** CheckRequests above this get reason `request_too_large`. Default Envoys send about 60 KB at most. */
export const REQUEST_BYTES_MAX = 4 * MIB;
/** gRPC refuses messages above this outright, so that one caller cannot fill the memory. */
export const REQUEST_BYTES_HARD_MAX = 16 * MIB;
/** Bytes of a path without its query; far above real paths, below what makes parsing costly. */
export const PATH_BYTES_MAX = 8 * KIB;
/** Segments of a path. */
export const PATH_SEGMENTS_MAX = 256;
/** Pairs of a query string that are looked at, when the schema declares query keys. */
export const QUERY_PAIRS_MAX = 1_000;
/** Length of a SPIFFE ID in bytes, from the SPIFFE standard. */
export const SPIFFE_ID_BYTES_MAX = 2_048;
/** Length of a SPIFFE trust domain in bytes, from the SPIFFE standard. */
export const SPIFFE_TRUST_DOMAIN_BYTES_MAX = 255;
/** Callers, and what each asks for, that need not be read again: in one generation of two. */
export const CALLERS_KNOWN_MAX = 2_000;
/** Bytes of the names in one generation. */
export const CALLERS_KNOWN_BYTES_MAX = 1 * MIB;
/** Nested `act` claims that are followed (RFC 8693); longer chains are an error of the request. */
export const ACT_CHAIN_MAX = 16;
/** Elements of one set in the context: claims, copies of a header, values of a query key. */
export const CONTEXT_SET_MAX = 1_000;

/** All files of a plain directory bundle together. */
export const BUNDLE_BYTES_MAX = 8 * MIB;
/** Directory entries looked at; a directory with more is not a bundle. */
export const BUNDLE_ENTRIES_MAX = 10_000;
/** Times a directory is read again because it changed meanwhile, before it is refused. */
export const BUNDLE_READ_ATTEMPTS_MAX = 10;
/**
 * Pause before a directory is read again, milliseconds. Longer than the granularity of file times
 * (4 to 10 ms), so that two writes never carry the same time unnoticed.
 */
export const BUNDLE_SETTLE_MS = 20;
/**
 * One built bundle (.tar.gz). Policies compress to about a tenth; a ConfigMap holds 1 MiB. Read into
 * memory whole.
 */
export const ARCHIVE_BYTES_MAX = 16 * MIB;
/**
 * The same once it is inflated: sources, tests (TEST_BYTES_MAX), index and manifest. So a small file
 * that inflates without end stops here.
 */
export const ARCHIVE_TAR_BYTES_MAX = 64 * MIB;
/** Files in a built bundle: what a directory and its tests may hold, and three that build adds. */
export const ARCHIVE_ENTRIES_MAX = 12_000;
/** Bytes of a name in a built bundle, from the ustar format. */
export const ARCHIVE_NAME_BYTES_MAX = 100;
/** manifest.json of a built bundle: about 200 bytes a file. Read alone to find a bundle by digest. */
export const BUILT_MANIFEST_BYTES_MAX = 1 * MIB;
/** Names looked at below a shelf of bundles: four slots of a pod hold a dozen. */
export const SHELF_NAMES_MAX = 10_000;
/** Folders inside each other on a shelf. */
export const SHELF_DEPTH_MAX = 16;
/** Archives on a shelf: each is opened as far as its digest. */
export const SHELF_BUNDLES_MAX = 1_000;
/** What all data of one Kubernetes ConfigMap may have, from its API. */
export const CONFIGMAP_BYTES_MAX = 1 * MIB;
/** Documents of one rollout in the history: a change a day for decades. */
export const HISTORY_FILES_MAX = 10_000;
/** How long after the day of its review a document expires, milliseconds: 30 days. */
export const EXPIRES_AFTER_REVIEW_MS = 30 * 24 * 3_600_000;
/** Until when an emergency is to be taken over, where trust.yaml does not say: milliseconds, a day. */
export const RECONCILE_WITHIN_MS = 24 * 3_600_000;
/** How far clocks of people and pods may be apart before dates contradict each other, milliseconds. */
export const CLOCK_SKEW_MS = 5 * 60_000;
/** Documents in one directory: a gateway covers hundreds of services. */
export const ROLLOUT_FILES_MAX = 2_000;
/** One YAML file; far above real ones, below what makes parsing slow. */
export const YAML_BYTES_MAX = 1 * MIB;
/** Levels of nesting in a YAML file; real ones have about ten, the reader recurses. */
export const YAML_DEPTH_MAX = 64;
/** Routes of one bundle: every two are compared with each other. */
export const ROUTES_MAX = 2_000;
/** Problems reported of one bundle; more would drown the first. */
export const PROBLEMS_MAX = 50;
/** Columns of a source line that an excerpt shows. */
export const EXCERPT_COLUMNS_MAX = 100;

/** All files under tests/ of a bundle together, read by `bundle test` only. */
export const TEST_BYTES_MAX = 32 * MIB;
/** Files under tests/. */
export const TEST_FILES_MAX = 1_000;
/** Characters of a test's name: it is printed on one line. */
export const TEST_NAME_CHARS_MAX = 200;

/** Questions that `bundle diff` asks of each side in one environment: some seconds of work. */
export const DIFF_QUESTIONS_MAX = 20_000;
/** States in one search for strings: patterns with many `*` multiply, real ones reach hundreds. */
export const DIFF_STATES_MAX = 20_000;
/** Literals of one set whose every subset is tried; of more, a few subsets. */
export const DIFF_SUBSETS_MAX = 3;
/** Conditions written out for one flip; beyond them a row only counts combinations. */
export const DIFF_ROWS_MAX = 8;
/** Names listed where a report counts more: members of a class, classes not finished. */
export const DIFF_NAMES_MAX = 20;
/** Distinct questions of a traffic log whose answers are remembered. */
export const TRAFFIC_INPUTS_MAX = 50_000;
/** Changed classes of a traffic log that are told apart; the rest share one row. */
export const TRAFFIC_CLASSES_MAX = 10_000;
/** Characters of one line of a log that a command reads; cedargate writes at most LOG_LINE_CHARS_MAX. */
export const READ_LINE_CHARS_MAX = 1 * MIB;

/** Levels of nesting in JSON that is signed; real files have about six, and the writer recurses. */
export const CANONICAL_JSON_DEPTH_MAX = 32;
/** Messages inside each other in metadata of a request: what generated decoders take, and ours recurses. */
export const STRUCT_DEPTH_MAX = 100;
/** Bytes of one signature: the longest is ECDSA P-256 in DER. */
export const SIGNATURE_BYTES_MAX = 72;
/**
 * Signatures of one artifact; real ones have two or three. Each may be tried with every trusted key,
 * up to half a millisecond a try: with TRUST_ENTRIES_MAX keys seconds, within LOAD_TIMEOUT_MS.
 */
export const SIGNATURES_MAX = 16;
/** Characters of a key id in a signature; ours have 71. */
export const KEY_ID_CHARS_MAX = 256;
/** Bytes of a PEM file with one key; real ones have a few hundred. */
export const KEY_FILE_BYTES_MAX = 16 * KIB;
/** Bytes of a file with one signature, raw or base64; openssl and cosign write about a hundred. */
export const SIGNATURE_FILE_BYTES_MAX = 4 * KIB;
/** People in trust.yaml, and keys; each key may be tried on each signature. */
export const TRUST_ENTRIES_MAX = 1_000;

/**
 * One sealed rollout: what a ConfigMap holds, from Kubernetes. Real ones have a few KB; a gateway for
 * hundreds of services some hundred.
 */
export const SEALED_ROLLOUT_BYTES_MAX = 1 * MIB;
/** Any sealed document: an emergency holds a whole rollout, in base64 once more, and its blocks. */
export const DOCUMENT_BYTES_MAX = 2 * MIB;
/** Approvals of one document: a gateway may need one of each of its teams. */
export const APPROVALS_MAX = 100;
/** Characters of the comment on an approval: a remark, not a report. */
export const APPROVAL_COMMENT_CHARS_MAX = 2_000;
/** Characters of the seed that chooses callers by percent; ours have 32. */
export const SEED_CHARS_MAX = 128;
/** How far a sequence may be above the one before: a slip or a lie must not use up the numbers. */
export const SEQUENCE_JUMP_MAX = 1_000;

/** How much later than the present clock a document may be issued before somebody is told: clocks that are kept differ by less. */
export const CLOCK_AHEAD_MS = 300_000;

/** Slices of a rollout, in enforce and hold together: every request is held against each. */
export const ROLLOUT_SLICES_MAX = 100;
/** Exceptions of a rollout: more are no exceptions but a policy that is missing. */
export const ROLLOUT_EXCEPTIONS_MAX = 1_000;
/** Blocks of a rollout, or of an emergency: every request is held against each. */
export const ROLLOUT_BLOCKS_MAX = 100;
/** Destinations of one rollout. */
export const ROLLOUT_DESTINATIONS_MAX = 1_000;
/** Values of one key of a match. */
export const MATCH_VALUES_MAX = 1_000;
/** `*` and `**` in one pattern of callers: what matching costs grows with them. */
export const CALLER_WILDCARDS_MAX = 8;
/** Characters of a tenant: the text of an entity's attribute. */
export const TENANT_CHARS_MAX = 256;
/** Characters of a reason: a sentence or a few, shown on the change card. */
export const REASON_CHARS_MAX = 1_024;

/** Text given to a command by file or stdin, such as one line of the decision log. */
export const INPUT_BYTES_MAX = 16 * MIB;

/** Text of a client that is copied into a log line: path, principal, request id. */
export const LOG_TEXT_CHARS_MAX = 1_024;
/** Classes (caller, action, destination, route) remembered for `first_seen`. */
export const CLASSES_MAX = 10_000;

/**
 * Kinds of requests (caller, action, destination, route) for which is kept what takes them, in one
 * generation of two; those of more are held against every entry again.
 */
export const STANDINGS_MAX = 2_000;
/** Bytes of one generation, about. */
export const STANDINGS_BYTES_MAX = 1 * MIB;

/** Known callers below which a percentage is refused: of nine, ten percent may be nobody. */
export const PERCENT_KNOWN_CALLERS_MIN = 10;

/** Bytes of cedargate.yaml; a real one has a few dozen lines. */
export const CONFIG_BYTES_MAX = 256 * KIB;
/** gRPC listeners of one process. */
export const LISTENERS_MAX = 16;
/** Bytes of a Unix socket path: Linux holds 108 with the final NUL. */
export const UNIX_PATH_BYTES_MAX = 107;
/** Bytes of a file path, as Linux has it. */
export const FILE_PATH_CHARS_MAX = 4_096;
/** Digests of trust files that are accepted at once: the present one, the next, and some more. */
export const TRUST_DIGESTS_MAX = 8;
/** Names in one allow-list of the log; more is no longer a list that somebody reviewed. */
export const LOG_NAMES_MAX = 100;
/** Characters of a configured name: a claim, a workload, a cluster. */
export const NAME_CHARS_MAX = 253;
/** Characters of the help URL: it is sent with every denial. */
export const HELP_URL_CHARS_MAX = 1_024;
/** Longest drain in milliseconds; Kubernetes kills a pod after 30 s unless told otherwise. */
export const DRAIN_MS_MAX = 600_000;

/** Folders of a shelf whose events are listened to; more are looked at by the poll alone. */
export const SHELF_WATCHES_MAX = 64;
/** Quiet time after a file event before a load begins: one save or swap is a burst of events. */
export const RELOAD_DEBOUNCE_MS = 25;
/** An endless storm of events delays a load no longer than this. */
export const RELOAD_DEBOUNCE_MAX_MS = 500;
/** How often the directory's signature is compared, for file systems that send no events. */
export const RELOAD_POLL_MS = 10_000;
/** The same while the watcher does not work (inotify limits), when polling is all there is. */
export const RELOAD_POLL_DEGRADED_MS = 1_000;
/** When a load that may do better next time is tried again; doubled each time, up to the maximum. */
export const RELOAD_RETRY_MS = 10_000;
export const RELOAD_RETRY_MAX_MS = 600_000;
/**
 * A load that takes longer is ended and refused. A plain directory of 10,000 policies takes 18 s of
 * CPU when nothing of it is known, and on a machine that others keep busy it took 30 s again and again
 * without an end. Only what hangs is to be ended: until then the generation before goes on.
 */
export const LOAD_TIMEOUT_MS = 120_000;
/** JavaScript heap of the loading thread; the largest bundle takes about a quarter of it. */
export const LOAD_HEAP_MIB_MAX = 512;
/** A thread that waits for the next load ends after this: who tries out policies changes them sooner. */
export const SPARE_THREAD_MS = 10 * 60_000;
/**
 * One rollout in the state directory: three documents in base64. A document comes by ConfigMap, which
 * holds 1 MiB; an emergency wraps the document that it changes.
 */
export const STATE_FILE_BYTES_MAX = 8 * MIB;
/** Rollouts that a state directory keeps: a gateway covers hundreds. */
export const STATE_ROLLOUTS_MAX = 1_000;
/** Bundles that a state directory keeps: it is read as a shelf. */
export const STATE_BUNDLES_MAX = SHELF_BUNDLES_MAX;

/** gRPC connections of one listener; Envoy opens one per worker thread, health checks a few more. */
export const GRPC_CONNECTIONS_MAX = 1_024;
/** Checks in progress on one connection; the same as Envoy's default `max_requests` of a cluster. */
export const GRPC_STREAMS_MAX = 1_024;
/**
 * Ids of determining policies in the metadata of an answer. Real ones have a few; with thousands the
 * answer would pass RESPONSE_BYTES_MAX, and the gRPC error in its place can open Envoy.
 */
export const ANSWER_POLICIES_MAX = 100;
/** Answers of one generation that are kept encoded, about 1 KB each: by outcome, reason, policies. */
export const ANSWER_TEMPLATES_MAX = 1_000;
/** Bytes of one answer; headers, body and metadata of a real one are below 4 KiB. */
export const RESPONSE_BYTES_MAX = 1 * MIB;
/** A silent connection is pinged after this many milliseconds, to notice peers that are gone. */
export const GRPC_KEEPALIVE_MS = 60_000;
/** A ping that is not answered within this many milliseconds ends the connection. */
export const GRPC_KEEPALIVE_TIMEOUT_MS = 20_000;
/** "Never" for gRPC's connection timers: the largest delay that a timer can hold, milliseconds. */
export const GRPC_NEVER_MS = 2_147_483_647;
/** A TLS handshake that takes longer is ended, milliseconds. */
export const TLS_HANDSHAKE_MS_MAX = 10_000;
/** While draining: how often we look whether a successor took over a Unix socket, milliseconds. */
export const DRAIN_POLL_MS = 50;
/** After draining: time for calls in flight before their connections are cut, milliseconds. */
export const SHUTDOWN_MS_MAX = 5_000;
/**
 * Access to a Unix socket: owner and group may connect. Envoy runs as another user; a shared group
 * (fsGroup in a pod) lets it in without opening the socket to everybody.
 */
export const UNIX_SOCKET_MODE = 0o660;

/** Connections of the admin or probe listener: scrapers, probes and a person with curl. */
export const HTTP_CONNECTIONS_MAX = 128;
/** Bytes of all header fields of one request there; real ones send a few hundred. */
export const HTTP_HEADER_BYTES_MAX = 8 * KIB;
/** A request there must be complete within this many milliseconds. */
export const HTTP_REQUEST_MS_MAX = 5_000;
/** An idle connection there is closed after this many milliseconds; scrapers come back later. */
export const HTTP_IDLE_MS_MAX = 5_000;

/**
 * Bytes of decision lines that wait for the reader of stdout; more are dropped and counted. About
 * 8,000 lines: eight seconds of 1,000 checks a second while the container runtime stalls.
 */
export const LOG_QUEUE_BYTES_MAX = 8 * MIB;
/** On top of that, for change lines only: hundreds of them, so that a stall does not lose history. */
export const LOG_QUEUE_RESERVED_BYTES = 256 * KIB;
/** Highest burst limit of the log, lines a second: more than one process can decide. */
export const LOG_LINES_PER_SECOND_MAX = 1_000_000;
/** Callers with a burst limit of their own, about 200 bytes each; further ones within a second share. */
export const LOG_CALLERS_MAX = 10_000;
/** Bytes handed to the sink at once: what a Linux pipe holds. */
export const LOG_CHUNK_BYTES = 64 * KIB;
/** A line waits no longer than this for company, so that `tail -f` feels live. Milliseconds. */
export const LOG_FLUSH_MS = 50;
/** Pause before a failed write is tried again: a full disk or a gone reader heals slowly. */
export const LOG_RETRY_MS = 1_000;
/** The program log hears of the same trouble at most this often. Milliseconds. */
export const LOG_WARN_EVERY_MS = 60_000;
/** Characters of one decision line; a longer one is written without its input. */
export const LOG_LINE_CHARS_MAX = 64 * KIB;
/** Determining policies in such a shortened line. */
export const LOG_POLICIES_MAX = 100;
/** Errors in one decision line: a bundle can have thousands of policies that fail. */
export const LOG_ERRORS_MAX = 50;
/** Bytes of program messages that wait for the reader of stderr; more are dropped. */
export const PROGRAM_LOG_BYTES_MAX = 1 * MIB;
/** Values of the label `policy`; failing policies beyond it share the value `_other`. */
export const METRIC_POLICIES_MAX = 1_000;
/** Exceptions whose uses are counted; beyond it the one that was first used longest ago is forgotten. */
export const EXCEPTION_USES_MAX = 10_000;
/** An exception that ends within this time ends soon, for /status, metrics and people: 7 days. */
export const EXCEPTION_ENDS_SOON_MS = 7 * 86_400_000;
/** Values of the label `slice`; names of further entries share the value `_other`. */
export const METRIC_SLICES_MAX = 1_000;
/** What the end of the process waits for the state directory, milliseconds: a save takes a few. */
export const STATE_CLOSE_MS_MAX = 2_000;
/** What the end of the process waits for a reader of the decision log, milliseconds. */
export const LOG_CLOSE_MS_MAX = 2_000;
