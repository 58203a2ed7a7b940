/** Limits of what the Cedar engine is given, what of it is kept, and why: units with each. */

const KIB = 1_024;
const MIB = 1_024 * KIB;

/**
 * Height of a policy's expression tree, where `&&` and `||` count 1 and everything else 2, because
 * the engine recurses and takes about twice the stack for the others. Seen with cedar-wasm 4.13 and
 * the 1 MB stack of Node's main thread: 104 `+`, `.` or `if`, or 200 `&&`, overflow it while
 * evaluating and leave its memory unusable. So about 90 alternatives in one condition.
 */
export const POLICY_DEPTH_MAX = 96;
/** Brackets inside each other in a policy: the parser overflows at 72 to 88 of any kind. */
export const POLICY_BRACKETS_MAX = 32;
/** Operators in one chain, looked at before the engine sees the text: it overflows at 320. */
export const POLICY_CHAIN_MAX = 160;
/**
 * Characters of one `like` pattern. Matching takes pattern times value steps on the event loop:
 * with this and a path of PATH_BYTES_MAX a few milliseconds at worst.
 */
export const LIKE_PATTERN_CHARS_MAX = 1_024;
/** Depth of types in a schema, for the same reason; the engine overflows at 528. */
export const SCHEMA_DEPTH_MAX = 32;
/** Types of a schema once common types are written out: a chain of them grows exponentially. */
export const SCHEMA_TYPES_MAX = 20_000;
/** Values inside each other in entities.json. */
export const JSON_DEPTH_MAX = 32;
/** Programs loaded into one thread's engine at once: active, next, those of requests in flight. */
export const ENGINE_SLOTS_MAX = 8;
/** Environments in which a log is replayed at once: two sides each take a slot of the engine. */
export const TRAFFIC_ENVIRONMENTS_MAX = ENGINE_SLOTS_MAX / 2;
/**
 * Sets of policies that apply together, preparsed for one program: names in the engine live for
 * ever. Real bundles have dozens; beyond them the one asked about longest ago makes room.
 */
export const ENGINE_SETS_MAX = 512;
/** Sets of one program that are known, in one generation of two, 1 to 10 KB each. */
export const POLICY_SETS_MAX = 1_000;
/**
 * Policies of one such set: parsing takes 65 to 100 us each (50 of them 3.3 to 5 ms), on the thread that
 * answers and in one go. More policies than these are asked in several calls.
 */
export const SET_POLICIES_MAX = 64;
/** Bytes of the engine's memory that some fifty sets of 50 policies need; small programs have 2 MB. */
export const ENGINE_ROOM_FROM_BYTES = 8 * MIB;
/**
 * Bytes that it takes then. A policy needs about 3 KB in each set that it is in: two programs with as many
 * sets as they may have, of SET_POLICIES_MAX policies each.
 */
export const ENGINE_ROOM_BYTES = 256 * MIB;
/**
 * How long the thread that answers is kept from it in one go by what it does beside, milliseconds. What a
 * caller's policies read takes longer to find out, and to parse them four times as long: each is a step
 * of its own, since neither can be divided.
 */
export const STEP_MS = 1;
/** Share of what others took between two steps that a step may take, if that is more. */
export const STEP_SHARE = 0.1;
/**
 * How long a load waits at most for the sets that were asked about before it, milliseconds. Two hundred
 * callers with 50 policies each take one second of CPU, and three while V8 optimises the engine: with
 * two seconds the first change of a process left half of them to their next questions, all at once.
 */
export const READY_MS_MAX = 10_000;
/** Callers times actions times resources whose entities are kept, 1 to 2 KB each, twice as many at most. */
export const PREPARATIONS_MAX = 1_000;
/**
 * Questions whose answers are remembered, in one generation of two (evaluation-memory.ts): callers times
 * what policies tell apart. A busy service has hundreds; 10,000 policies for 200 callers make as many.
 */
export const REMEMBERED_MAX = 16_000;
/** Bytes of what they are remembered by, in one generation, about; and as many of answers that differ. */
export const REMEMBERED_BYTES_MAX = 4 * MIB;
/** Bytes of what one answer is remembered by: a key that holds a long text seldom comes again. */
export const REMEMBERED_KEY_BYTES_MAX = 2 * KIB;
/**
 * Least time between two restarts of a crashed engine in milliseconds: one takes tens of them, and
 * requests that crash it again and again must not eat the processor.
 */
export const ENGINE_RESTART_MS = 1_000;
/**
 * Questions at which the engine may throw before it is replaced: each leaves some of its stack behind,
 * and after 1,500 it breaks. Text from Envoy never makes it throw (half a surrogate pair would).
 */
export const ENGINE_THROWS_MAX = 500;
