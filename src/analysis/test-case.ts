/** A test of a bundle, in either of its two forms, as its file says it. */
import type { EntityData, EntityUid } from '../cedar/types.js';
import type { Reason } from '../check/reasons.js';
import type { Decision } from '../check/types.js';
import type { RequestSketch } from './check-request.js';

interface TestCaseBase {
  /** Unique among the tests of a bundle. */
  readonly name: string;
  /** `tests/requests.yaml` */
  readonly file: string;
  readonly line: number;
}

/** tests/*.yaml: an HTTP request, a gRPC call or a TCP connection, as Envoy would ask. */
export interface RequestTest extends TestCaseBase {
  readonly kind: 'request';
  readonly request: RequestSketch;
  /** `<namespace>/<name>`; undefined = the only destination of the bundle's scope. */
  readonly destination: string | undefined;
  /** Undefined = what the whole run was told. */
  readonly environment: string | undefined;
  readonly nowMs: number;
  readonly expect: {
    readonly decision: Decision;
    readonly reason: Reason | undefined;
    /** Exactly these, sorted; undefined = any. */
    readonly policies: readonly string[] | undefined;
  };
}

/** tests/*.json: a question in Cedar's own terms, as the cedar CLI's run-tests reads it. */
export interface CedarTest extends TestCaseBase {
  readonly kind: 'cedar';
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Readonly<Record<string, unknown>>;
  /** All the entities there are: those of the bundle do not apply. */
  readonly entities: readonly EntityData[];
  readonly expect: {
    readonly decision: 'allow' | 'deny';
    /** Determining policies that must be among the actual ones. */
    readonly reason: readonly string[];
    readonly errorsCount: number;
  };
}

export type TestCase = RequestTest | CedarTest;
