/** Every limit, with its unit and its reason. Nothing a client or a volume holds is unbounded. */

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
/** Nested `act` claims that are followed (RFC 8693); longer chains are an error of the request. */
export const ACT_CHAIN_MAX = 16;
/** Elements of one set in the context: claims, copies of a header, values of a query key. */
export const CONTEXT_SET_MAX = 1_000;

/** All files of a plain directory bundle together. */
export const BUNDLE_BYTES_MAX = 8 * MIB;
/** Directory entries looked at; a directory with more is not a bundle. */
export const BUNDLE_ENTRIES_MAX = 10_000;
/** Problems reported of one bundle; more would drown the first. */
export const PROBLEMS_MAX = 50;
/**
 * Depth of a policy's expression tree. The engine recurses: about a thousand `&&` in one condition
 * overflow its stack and leave its memory unusable (seen with cedar-wasm 4.13).
 */
export const POLICY_DEPTH_MAX = 200;
/** Depth of types in a schema, for the same reason. */
export const SCHEMA_DEPTH_MAX = 32;

/** Text of a client that is copied into a log line: path, principal, request id. */
export const LOG_TEXT_CHARS_MAX = 1_024;
/** Classes (caller, action, destination, route) remembered for `first_seen`. */
export const CLASSES_MAX = 10_000;
