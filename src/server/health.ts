/**
 * grpc.health.v1: whether a service of this server wants calls. Envoy watches it, probes ask it. By hand:
 * reading its .proto file took 60 ms of each start.
 */
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type MethodDefinition,
  type Server,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import { ProtoReader } from '../check/proto-reader.js';
import { bytesField, numberField, textField } from '../check/proto-text.js';

const STATUS = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;

export type Serving = Exclude<keyof typeof STATUS, 'SERVICE_UNKNOWN'>;

/** An object also for the empty name: the library takes '' for no message at all. */
interface Asked {
  readonly service: string;
}

type Watch = ServerWritableStream<Asked, keyof typeof STATUS>;

export class Health {
  #serving: Serving = 'SERVING';
  readonly #watches = new Set<Watch>();

  /** @param services - All that there are; they are served, or not, together. */
  constructor(private readonly services: readonly string[]) {}

  set(serving: Serving): void {
    this.#serving = serving;
    for (const watch of this.#watches) watch.write(serving);
  }

  addTo(server: Server): void {
    const check: handleUnaryCall<Asked, keyof typeof STATUS> = (call, answer) => {
      if (this.services.includes(call.request.service)) answer(null, this.#serving);
      else answer({ code: status.NOT_FOUND, details: 'no such service' });
    };
    const watch: handleServerStreamingCall<Asked, keyof typeof STATUS> = (call) => {
      // A service that is not there never comes, so nothing will follow.
      if (!this.services.includes(call.request.service)) return void call.write('SERVICE_UNKNOWN');
      this.#watches.add(call);
      call.on('cancelled', () => this.#watches.delete(call));
      call.write(this.#serving);
    };
    const list: handleUnaryCall<Asked, Serving> = (_, answer) => answer(null, this.#serving);
    server.addService(
      {
        Check: method('Check', statusText),
        Watch: { ...method('Watch', statusText), responseStream: true },
        List: method('List', (serving: Serving) => this.#listOf(serving)),
      },
      { Check: check, Watch: watch, List: list },
    );
  }

  #listOf(serving: Serving): string {
    const entries = this.services.map((service) =>
      bytesField(1, textField(1, service) + bytesField(2, statusText(serving))),
    );
    return entries.join('');
  }
}

function method<T>(name: string, textOf: (answer: T) => string): MethodDefinition<Asked, T> {
  return {
    path: `/grpc.health.v1.Health/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: ({ service }) => Buffer.from(textField(1, service), 'latin1'),
    requestDeserialize: decodeAsked,
    responseSerialize: (answer) => Buffer.from(textOf(answer), 'latin1'),
    responseDeserialize: () => {
      throw new Error('a server reads no answers');
    },
  };
}

/** HealthCheckRequest and HealthCheckResponse have one field each, with the number 1. */
function decodeAsked(bytes: Buffer): Asked {
  const reader = new ProtoReader(bytes);
  let service = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 1 * 8 + 2) service = reader.text();
    else reader.skip(tag);
  }
  return { service };
}

function statusText(serving: keyof typeof STATUS): string {
  return numberField(1, STATUS[serving]);
}
