/**
 * The server that cedargate is compared with: @grpc/grpc-js with the same proto files, read as most
 * programs read them, and the same settings of the library. It decodes each request whole and
 * encodes a fixed allow with the headers and metadata that cedargate sends. It decides nothing, logs
 * nothing and counts nothing.
 *
 * Runs as a process of its own, compiled to JavaScript before (servers.ts). Argument: NoopSettings
 * as JSON. Prints its port.
 */
import {
  type handleUnaryCall,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerOptions,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync, type Options } from '@grpc/proto-loader';

export interface NoopSettings {
  /** Where proto files are, and how their names are read. */
  readonly loaderOptions: Options;
  readonly serverOptions: ServerOptions;
}

const settings = JSON.parse(process.argv[2] as string) as NoopSettings;

/** What was not sent stays absent: nothing is made that nobody asked for. */
const options: Options = {
  ...settings.loaderOptions,
  longs: Number,
  enums: Number,
  defaults: false,
  arrays: false,
  objects: false,
  oneofs: true,
};

const ALLOW = {
  status: { code: 0 },
  ok_response: {
    response_headers_to_add: [
      header('x-cedargate-policy-version', '1.0.0+0123456789ab.unsigned'),
      header('x-cedargate-decision-id', '019ab000-0000-7000-8000-000000000000'),
    ],
  },
  dynamic_metadata: {
    fields: {
      policy_version: { stringValue: '1.0.0+0123456789ab.unsigned' },
      bundle_digest: { stringValue: `sha256:${'0'.repeat(64)}` },
      decision_id: { stringValue: '019ab000-0000-7000-8000-000000000000' },
      decision: { stringValue: 'allow' },
      mode: { stringValue: 'shadow' },
      outcome: { stringValue: 'allow' },
      reason: { stringValue: 'policy_permit' },
      policies: { listValue: { values: [{ stringValue: 'bench-00000' }] } },
    },
  },
};

function header(key: string, value: string): object {
  return { header: { key, value }, append: { value: false } };
}

interface Package {
  readonly envoy: {
    readonly service: {
      readonly auth: { readonly v3: { readonly Authorization: { service: ServiceDefinition } } };
    };
  };
}

const definitions = loadSync('envoy/service/auth/v3/external_auth.proto', options);
const root = loadPackageDefinition(definitions) as unknown as Package;
const check: handleUnaryCall<object, object> = (_call, callback) => callback(null, ALLOW);

const server = new Server(settings.serverOptions);
server.addService(root.envoy.service.auth.v3.Authorization.service, { Check: check });
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});
// An orderly end, so that a profiler can write what it saw.
process.once('SIGTERM', () => process.exit(0));
