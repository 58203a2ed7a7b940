/**
 * The messages of proto/ as plain data, named as on the wire. Fields that were not sent are absent.
 *
 * INVARIANT: what is keyed by text from outside is read by `fromStruct` alone, so that names like
 * `__proto__` and `constructor` are names like any other.
 */

/** google.protobuf.Struct. Read it with `fromStruct`, make it with `toStruct`. */
export interface StructMessage {
  readonly fields?: Readonly<Record<string, ValueMessage>>;
}

export type ValueKind =
  | 'nullValue'
  | 'numberValue'
  | 'stringValue'
  | 'boolValue'
  | 'structValue'
  | 'listValue';

/** google.protobuf.Value; `kind` names the field that is set and is filled by decoding. */
export interface ValueMessage {
  readonly kind?: ValueKind;
  readonly nullValue?: 0;
  readonly numberValue?: number;
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly structValue?: StructMessage;
  readonly listValue?: { readonly values?: readonly ValueMessage[] };
}

/** Exactly one kind of answer, and metadata with every one of them. */
export type CheckResponseMessage = {
  /** A google.rpc.Code; 0 allows. */
  readonly status: { readonly code: number; readonly message?: string };
  /** Always sent, but encoded by itself: answer-template.ts. */
  readonly dynamic_metadata?: StructMessage;
} & (
  | { readonly ok_response: OkHttpResponseMessage }
  | { readonly denied_response: DeniedHttpResponseMessage }
  | { readonly error_response: DeniedHttpResponseMessage }
);

export interface OkHttpResponseMessage {
  readonly response_headers_to_add?: readonly HeaderOption[];
}

export interface DeniedHttpResponseMessage {
  readonly status: { readonly code: 400 | 403 | 503 };
  readonly headers?: readonly HeaderOption[];
  readonly body?: string;
}

export interface HeaderOption {
  readonly header: { readonly key: string; readonly value: string };
  /** Always false: what a client or upstream sent under the same name is replaced. */
  readonly append: { readonly value: false };
}
