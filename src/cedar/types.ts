/** What the cedar room takes and gives. Plain data: it crosses threads and is stored in reports. */
import type { Result } from '../result.js';
import type { PackedProgram } from './packed-policies.js';
import type { TextFile } from './position.js';

export type Effect = 'permit' | 'forbid';

/** A value in Cedar's JSON form. Extension values are `{__extn: {fn, arg}}`. */
export type CedarValue =
  | string
  | number
  | boolean
  | readonly CedarValue[]
  | { readonly [key: string]: CedarValue };

export interface EntityUid {
  readonly type: string;
  readonly id: string;
}

/** An entity in Cedar's JSON form, with plain (`{type, id}`) references. */
export interface EntityData {
  readonly uid: EntityUid;
  readonly attrs: Readonly<Record<string, CedarValue>>;
  readonly parents: readonly EntityUid[];
  readonly tags?: Readonly<Record<string, CedarValue>>;
}

/** What a policy's scope asks of the caller or the resource. */
export type EntityTest =
  | { readonly kind: 'any' }
  | { readonly kind: 'equals'; readonly uid: EntityUid }
  /** The entity itself counts as in it. */
  | { readonly kind: 'in'; readonly uid: EntityUid }
  | { readonly kind: 'is'; readonly type: string; readonly in?: EntityUid };

/** What a policy's scope asks of the action: any, exactly one, or one in one of these groups. */
export type ActionTest =
  | { readonly kind: 'any' }
  | { readonly kind: 'equals'; readonly action: string }
  | { readonly kind: 'in'; readonly actions: readonly string[] };

/** A policy whose scope does not match has no say in a request, and its conditions cannot fail. */
export interface PolicyScope {
  readonly principal: EntityTest;
  readonly action: ActionTest;
  readonly resource: EntityTest;
}

/** The literal parts of a pattern: any characters stand between two of them. */
export type LikePattern = readonly string[];

/** What conditions do with one place in the context. */
export interface ContextUse {
  /** From the context down: `['headers', 'x-tenant']`; empty for the context as a whole. */
  readonly path: readonly string[];
  /** Its value counts, whatever it is; otherwise whether it is there, and for a text the tests. */
  readonly value?: boolean | undefined;
  /** Literal texts that it is compared with. */
  readonly equals?: readonly string[] | undefined;
  readonly like?: readonly LikePattern[] | undefined;
}

/**
 * What a policy can read beyond the uids of a request. Errs on the wide side: an attribute counts as
 * read of every entity as soon as any expression reads that name of anything.
 */
export interface PolicyReads {
  /** Fields of the context, such as `headers.x-tenant`; `*` when the context is used as a whole. */
  readonly context: readonly string[];
  /** The same, with what is done with each; undefined for a bundle that was built before it was told. */
  readonly uses?: readonly ContextUse[] | undefined;
  /** Names of attributes, of entities and records alike. */
  readonly attributes: readonly string[];
  /** Entities that `in` asks for; null = any, since a right side is no literal. */
  readonly ancestors: readonly EntityUid[] | null;
  readonly tags: boolean;
  /** Entities that conditions name and look into. */
  readonly entities: readonly EntityUid[];
}

/** A policy that was parsed and found whole. What is evaluated is `text` without its annotations. */
export interface PolicySource {
  /** The @id, unique in the bundle. */
  readonly id: string;
  readonly effect: Effect;
  readonly owner: string;
  readonly description: string;
  readonly file: string;
  /** Line of its first character, from 1. */
  readonly line: number;
  readonly text: string;
  readonly scope: PolicyScope;
  readonly reads: PolicyReads;
}

/** A type that a claim may have. Entity and extension types are refused at load. */
export type ValueShape =
  | { readonly kind: 'string' | 'long' | 'boolean' }
  | { readonly kind: 'set'; readonly element: ValueShape }
  | { readonly kind: 'record'; readonly fields: ReadonlyMap<string, ValueShape> };

/** Fields of `context.task` that a schema can declare. */
export type TaskField = 'id' | 'kind' | 'intent' | 'chain' | 'expiresAt' | 'credentialSeconds';

/** What an action's context declares, and therefore what is taken from a request. */
export interface ContextShape {
  readonly path: boolean;
  readonly params: ReadonlySet<string> | undefined;
  readonly query: ReadonlySet<string> | undefined;
  /** Lower-case header name -> one value or all copies. */
  readonly headers: ReadonlyMap<string, 'string' | 'set'> | undefined;
  readonly claims: ReadonlyMap<string, ValueShape> | undefined;
  readonly task: ReadonlySet<TaskField> | undefined;
  readonly environment: boolean;
  readonly grpc: ReadonlySet<'service' | 'method'> | undefined;
  readonly sourceAddress: boolean;
  readonly time: boolean;
  /** Names of those above that the schema requires: they are sent whether a policy reads them or not. */
  readonly required: ReadonlySet<string>;
}

export interface ActionShape {
  readonly principalTypes: ReadonlySet<string>;
  readonly resourceTypes: ReadonlySet<string>;
  /** Groups that it is in, directly or through others. */
  readonly groups: ReadonlySet<string>;
  readonly context: ContextShape;
}

/** What the schema says about requests, read once at load. */
export interface RequestSchema {
  /** Declared actions without the groups `read` and `write`. */
  readonly actions: ReadonlyMap<string, ActionShape>;
  /** Attributes that Workload declares of those a request fills: namespace, serviceAccount. */
  readonly workloadAttributes: ReadonlySet<string>;
  /** Entity type -> entity types its entities may have as parents. */
  readonly parents: ReadonlyMap<string, ReadonlySet<string>>;
  /** Entity type -> names of the attributes it declares. */
  readonly attributes: ReadonlyMap<string, ReadonlySet<string>>;
}

/** All that the engine needs of a bundle. */
export interface CedarProgram {
  readonly schemaFile: string;
  readonly schemaText: string;
  readonly schema: RequestSchema;
  readonly policies: readonly PolicySource[];
  /** entities.json and entities.<environment>.json, merged and checked. */
  readonly entities: readonly EntityData[];
}

/** What a program is made of beside its policies. */
export interface ProgramFrame {
  readonly schemaFile: TextFile;
  /** entities.json, then entities.<environment>.json, as far as they exist. */
  readonly entityFiles: readonly TextFile[];
  /** The configured environment, which a schema may require. */
  readonly environment: string | undefined;
}

/** A compiled program with what the compilation of the next can use of it (known.ts). */
export interface KnownProgram {
  readonly program: CedarProgram | PackedProgram;
  readonly frame: ProgramFrame;
  /** Ids of the policies that validation has warned of. */
  readonly warned: readonly string[];
}

/** One question to the engine: the caller and the resource with what the request says of them. */
export interface CedarRequest {
  readonly principal: EntityData;
  readonly action: string;
  readonly resource: EntityData;
  /** Ancestors of both that follow from the request: TrustDomain, Namespace, Service. */
  readonly ancestors: readonly EntityData[];
  readonly context: Readonly<Record<string, CedarValue>>;
}

/** What the engine said, before the error rule of the design is applied (check/decide.ts). */
export type Evaluation =
  | {
      readonly kind: 'answered';
      /** Policies that the engine names as determining, sorted. */
      readonly satisfied: readonly string[];
      readonly engineDecision: 'allow' | 'deny';
      readonly errored: readonly {
        readonly policy: string;
        readonly effect: Effect;
        readonly message: string;
      }[];
    }
  /** The engine did not take the request (it does not fit the schema). */
  | {
      readonly kind: 'failed';
      readonly message: string;
      /** The engine itself broke (and is restarted): no fault of the request or the policies. */
      readonly fault?: true;
    };

/** A program loaded into the engine, ready to answer. */
export interface Evaluator {
  readonly schema: RequestSchema;
  /** Never throws. */
  evaluate(request: CedarRequest): Evaluation;
  /** The same where the answer is remembered, else undefined: the engine is not asked. */
  recall?(request: CedarRequest): Evaluation | undefined;
  /** Who asked for what lately, those who came last first. */
  askers?(): Iterable<CedarRequest>;
  /** Does beforehand what the first question of each of these needs, piece by piece. Never throws. */
  prepare?(requests: Iterable<CedarRequest>): Iterable<void>;
  /** Gives the engine's slot back; the evaluator must not be used afterwards. */
  release(): void;
}

/** Loads a program into a free slot of this thread's engine. */
export type CreateEvaluator = (program: CedarProgram | PackedProgram) => Result<Evaluator>;
