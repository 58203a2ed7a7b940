/** What a run of a bundle's tests found. Plain data: printed, and later signed into manifests. */
import type { Problem } from '../errors.js';

export interface TestReport {
  readonly bundle: { readonly name: string; readonly version: string };
  readonly passed: number;
  readonly failed: readonly TestFailure[];
  readonly coverage: Coverage;
  /** What the bundle was taken with all the same, such as conditions that never hold. */
  readonly warnings: readonly Problem[];
}

export interface TestFailure {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** At least one. */
  readonly differences: readonly Difference[];
  /** What went wrong while the request was decided, in the words of the decision log. */
  readonly errors: readonly string[];
}

export interface Difference {
  readonly what: 'decision' | 'reason' | 'policies' | 'num_errors';
  readonly expected: string;
  readonly got: string;
}

/** A policy is reached when it is determining in at least one test, passed or failed. */
export interface Coverage {
  readonly policies: number;
  readonly reached: number;
  readonly unreached: readonly PolicyPlace[];
}

export interface PolicyPlace {
  readonly id: string;
  readonly file: string;
  readonly line: number;
}
