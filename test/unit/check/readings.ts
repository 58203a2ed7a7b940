/** What a CheckRequest says, read by our own decoder and by the generated one of Envoy's files. */
import type { HeaderFields } from '../../../src/check/headers.js';
import { fromStruct } from '../../../src/check/struct.js';
import type { StructMessage } from '../../../src/check/wire.js';
import { decodeCheckRequest } from '../../../src/check/wire-request.js';
import { official } from './descriptors.js';

type Headers = readonly (readonly [name: string, value: Buffer])[];

interface GeneratedHeader {
  key?: string;
  value?: string;
  raw_value?: Buffer;
}

interface Generated {
  attributes?: {
    source?: {
      principal?: string;
      certificate?: string;
      address?: { socket_address?: { address?: string } };
    };
    destination?: { principal?: string };
    request?: {
      http?: {
        method?: string;
        path?: string;
        headers?: Record<string, string>;
        header_map?: { headers?: GeneratedHeader[] };
      };
    };
    context_extensions?: Record<string, string>;
    metadata_context?: { filter_metadata?: Record<string, StructMessage> };
  };
}

/** Both readings; headers by the names that the generated decoder found. */
export function bothReadings(bytes: Buffer): { ours: object; theirs: object } {
  const message = official.decode('envoy.service.auth.v3.CheckRequest', bytes) as Generated;
  const { source, destination, request, context_extensions, metadata_context } =
    message.attributes ?? {};
  const http = request?.http;
  const map = http?.headers && pairsOf(Object.entries(http.headers));
  const raw = http?.header_map?.headers?.map(({ key = '', value = '', raw_value }) => {
    return [key, raw_value ?? Buffer.from(value)] as const;
  });
  const theirs = {
    hasSource: source !== undefined,
    hasRequest: request !== undefined,
    hasHttp: http !== undefined,
    sourceAddress: source?.address?.socket_address?.address,
    sourcePrincipal: source?.principal,
    sourceCertificate: source?.certificate,
    destinationPrincipal: destination?.principal,
    method: http?.method,
    path: http?.path,
    headers: map && byName(map),
    headerMap: http?.header_map && byName(raw ?? []),
    contextExtensions: new Map(Object.entries(context_extensions ?? {})),
    filterMetadata: new Map(
      Object.entries(metadata_context?.filter_metadata ?? {}).map(([name, struct]) => {
        return [name, generatedStruct(struct)] as const;
      }),
    ),
  };
  return { ours: ourReading(bytes, map ?? [], raw ?? []), theirs };
}

function ourReading(bytes: Buffer, map: Headers, raw: Headers): object {
  const decoded = decodeCheckRequest(bytes);
  if (decoded === undefined) throw new Error('undecodable');
  const { headers, headerMap, filterMetadata, ...rest } = decoded;
  return {
    ...rest,
    headers: headers && found(headers, map),
    headerMap: headerMap && found(headerMap, raw),
    filterMetadata: new Map([...filterMetadata].map(([name, s]) => [name, fromStruct(s)] as const)),
  };
}

const pairsOf = (entries: [string, string][]): Headers =>
  entries.map(([name, value]) => [name, Buffer.from(value)]);

function byName(headers: Headers): object {
  const values = new Map<string, string[]>();
  for (const [name, value] of headers) {
    values.set(name, [...(values.get(name) ?? []), value.toString('hex')]);
  }
  return { size: headers.length, values };
}

function found(fields: HeaderFields, asked: Headers): object {
  const names = asked.map(([name]) => name);
  const values = names.map((name) => {
    return [name, fields.values(name).map((value) => value.toString('hex'))] as const;
  });
  return { size: fields.size, values: new Map(values) };
}

/** By a reader that is not ours: the kind of a value told by the field that is there. */
function generatedStruct({ fields = {} }: StructMessage): object {
  const plain = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of Object.entries(fields)) plain[key] = generatedValue(value);
  return plain;
}

function generatedValue(value: object): unknown {
  const [[kind, held] = ['nullValue', null]] = Object.entries(value);
  if (kind === 'structValue') return generatedStruct(held);
  if (kind === 'listValue')
    return ((held as { values?: object[] }).values ?? []).map(generatedValue);
  return kind === 'nullValue' ? null : held;
}
