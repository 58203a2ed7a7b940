/**
 * The messages of proto/ as plain data, named as on the wire. Fields that were not sent are absent.
 *
 * INVARIANT: everything keyed by text of a client is a Map (or, inside a Struct, is read by
 * `fromStruct` alone), so that names like `__proto__` and `constructor` are names like any other.
 */

export interface CheckRequestMessage {
  readonly attributes?: AttributeContextMessage;
}

export interface AttributeContextMessage {
  readonly source?: PeerMessage;
  readonly destination?: PeerMessage;
  /** Absent for the TCP network filter. */
  readonly request?: RequestMessage;
  readonly context_extensions?: ReadonlyMap<string, string>;
  readonly metadata_context?: MetadataMessage;
  readonly tls_session?: { readonly sni?: string };
}

export interface PeerMessage {
  readonly address?: AddressMessage;
  readonly principal?: string;
  /** URL-encoded PEM. */
  readonly certificate?: string;
}

export interface AddressMessage {
  readonly socket_address?: { readonly address?: string; readonly port_value?: number };
  readonly pipe?: { readonly path?: string };
}

export interface RequestMessage {
  readonly time?: { readonly seconds?: number; readonly nanos?: number };
  readonly http?: HttpRequestMessage;
}

export interface HttpRequestMessage {
  readonly id?: string;
  readonly method?: string;
  readonly headers?: ReadonlyMap<string, string>;
  readonly header_map?: { readonly headers?: readonly HeaderValueMessage[] };
  readonly path?: string;
  readonly host?: string;
  readonly scheme?: string;
  readonly query?: string;
  readonly protocol?: string;
}

export interface HeaderValueMessage {
  readonly key?: string;
  readonly value?: string;
  /** Absent when the value is empty. A view into the message: copy what outlives the check. */
  readonly raw_value?: Uint8Array;
}

export interface MetadataMessage {
  readonly filter_metadata?: ReadonlyMap<string, StructMessage>;
}

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
  readonly dynamic_metadata: StructMessage;
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
