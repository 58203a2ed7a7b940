/** What a diff of meaning says. Plain data: `--json` prints it as it is. */
import type { Reason } from '../../check/reasons.js';
import type { Decision } from '../../check/types.js';

/** One environment. */
export interface MeaningDiff {
  /** null = no environment: entities.json alone. */
  readonly environment: string | null;
  readonly flips: readonly Flip[];
  readonly asked: Asked;
  readonly notExhaustive: readonly NotExhaustive[];
  /** Fields for which the search for values was cut off, or only sampled. */
  readonly sampledFields: readonly string[];
}

export interface Asked {
  /** Cells: caller class, method class, destination class, routes. */
  readonly classes: number;
  /** Those in which something differs, so that questions had to be asked. */
  readonly differing: number;
  /** Questions asked of each side. */
  readonly questions: number;
  /** Combinations that those classes have. */
  readonly combinations: number;
  /** Classes of which not every combination was asked. */
  readonly unfinished: { readonly count: number; readonly examples: readonly string[] };
}

export interface NotExhaustive {
  readonly policy: string;
  readonly file: string;
  readonly line: number;
  readonly expression: string;
}

/** A class of requests whose decision changes. */
export interface Flip {
  readonly caller: {
    /** A SPIFFE ID, or `anonymous`; may be made up for a group of callers. */
    readonly representative: string;
    readonly members: readonly string[];
  };
  /** HTTP methods, `rpc` or `connect`. */
  readonly actions: readonly string[];
  readonly destination: { readonly representative: string; readonly members: readonly string[] };
  readonly routes: readonly FlipRoute[];
  /** Set when the rows of all routes of the destination became one. */
  readonly wholeDestination: boolean;
  readonly from: Decision;
  readonly to: Decision;
  /** All must hold; none = always. */
  readonly conditions: readonly string[];
  /** False: not every combination of this class was asked, so conditions tell of those that were. */
  readonly exhaustive: boolean;
  /** How many of the questions asked came out so. */
  readonly questions: number;
  readonly witness: Witness;
  readonly before: Answer;
  readonly after: Answer;
}

/** The route that requests take on each side; null = none, the bare service. */
export interface FlipRoute {
  readonly before: string | null;
  readonly after: string | null;
}

export interface Answer {
  readonly reason: Reason;
  readonly policies: readonly string[];
  readonly errors: readonly string[];
}

/** A request of the class, in the words of `cedargate explain`. */
export interface Witness {
  readonly caller: string;
  readonly service: string;
  readonly environment: string | null;
  /** null for a TCP connection. */
  readonly method: string | null;
  readonly path: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly sourceAddress: string | null;
  /** RFC 3339; null when no policy looks at it. */
  readonly time: string | null;
}
