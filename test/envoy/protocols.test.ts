/** gRPC calls and TCP connections through a real Envoy. */
import { Client, credentials, type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EnvoyConfig } from '../support/envoy.js';
import { describeWithEnvoy } from '../support/suites.js';
import type { Echo } from '../support/upstream.js';
import { type Caller, startWorld, type World } from '../support/world.js';

const TYPE = 'type.googleapis.com';

describeWithEnvoy('gRPC', () => {
  let world: World;
  const clients: Client[] = [];
  beforeAll(async () => {
    world = await startWorld({ profile: 'enforcing', mode: 'enforce', edit: upstreamSpeaksHttp2 });
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await world?.stop();
  });

  function call(caller: Caller, method: string): Promise<{ answer: Buffer } | ServiceError> {
    const { ca, leaf } = world.tls(caller);
    const client = new Client(
      `localhost:${world.port}`,
      credentials.createSsl(
        Buffer.from(ca),
        Buffer.from(leaf?.key ?? ''),
        Buffer.from(leaf?.cert ?? ''),
        { checkServerIdentity: () => undefined },
      ),
    );
    clients.push(client);
    const asIs = (bytes: Buffer) => bytes;
    return new Promise((resolve) => {
      client.makeUnaryRequest(method, asIs, asIs, Buffer.from('ping'), (error, answer) => {
        resolve(error ?? { answer: answer ?? Buffer.alloc(0) });
      });
    });
  }

  it('lets a permitted call through, decided as the rpc that a route declares', async () => {
    expect(await call('orders', '/shop.Payments/Capture')).toEqual({ answer: Buffer.from('ping') });
    const line = await world.sidecar.waitForLine((l) => l.type === 'decision');
    expect(line).toMatchObject({
      action: 'rpc',
      resource: 'shop/payments/capture',
      outcome: 'allow',
    });
  });

  it('tells a client that was denied so, with the decision id and the stamps as metadata', async () => {
    const error = (await call('orders', '/shop.Payments/Void')) as ServiceError;
    expect(error.code).toBe(status.PERMISSION_DENIED);
    const id = one(error.metadata, 'x-cedargate-decision-id');
    expect(error.details).toContain(`decision id: ${id}`);
    expect(one(error.metadata, 'x-cedargate-policy-version')).toMatch(/^1\.0\.0\+/);
    const access = await world.envoy.waitForAccessLog((line) => line.decision_id === id);
    expect(access).toMatchObject({ grpc_status: 'PermissionDenied', reason: 'no_permit' });
  });
});

describeWithEnvoy('TCP connections', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({
      profile: 'enforcing',
      mode: 'enforce',
      bundle: 'tcp',
      edit: (config) => {
        config.static_resources.listeners[0].filter_chains[0].filters = TCP_FILTERS;
      },
    });
  });
  afterAll(() => world?.stop());

  it('pass for a permitted caller, decided as connect', async () => {
    const answer = await world.send('orders', { path: '/whatever' });
    expect(answer.json<Echo>().path).toBe('/whatever');
    const line = await world.sidecar.waitForLine((l) => l.outcome === 'allow');
    expect(line).toMatchObject({
      action: 'connect',
      resource: 'shop/payments',
      policies: ['orders-connects'],
    });
    expect(line).toMatchObject({ method: null, path: null });
  });

  it('are closed for any other caller', async () => {
    await expect(world.send('batch')).rejects.toThrow();
    const line = await world.sidecar.waitForLine((l) => l.outcome === 'deny');
    expect(line).toMatchObject({ reason: 'no_permit', action: 'connect' });
    const access = await world.envoy.waitForAccessLog((l) => l.outcome === 'deny');
    expect(access).toMatchObject({ decision_id: line.decision_id, flags: 'UAEX' });
  });
});

function one(metadata: Metadata, key: string): string {
  const values = metadata.get(key);
  expect(values).toHaveLength(1);
  return String(values[0]);
}

function upstreamSpeaksHttp2(config: EnvoyConfig): void {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  config.static_resources.clusters[0].typed_extension_protocol_options = {
    [options]: {
      '@type': `${TYPE}/${options}`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
}

/** The network filter in place of the HTTP one. */
const TCP_FILTERS = [
  {
    name: 'envoy.filters.network.ext_authz',
    typed_config: {
      '@type': `${TYPE}/envoy.extensions.filters.network.ext_authz.v3.ExtAuthz`,
      stat_prefix: 'cedargate',
      transport_api_version: 'V3',
      include_peer_certificate: true,
      grpc_service: { envoy_grpc: { cluster_name: 'cedargate' }, timeout: '3s' },
    },
  },
  {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': `${TYPE}/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: 'payments',
      cluster: 'payments',
      access_log: [
        {
          name: 'envoy.access_loggers.stdout',
          typed_config: {
            '@type': `${TYPE}/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog`,
            log_format: {
              json_format: {
                decision_id: '%DYNAMIC_METADATA(envoy.filters.network.ext_authz:decision_id)%',
                outcome: '%DYNAMIC_METADATA(envoy.filters.network.ext_authz:outcome)%',
                flags: '%RESPONSE_FLAGS%',
              },
            },
          },
        },
      ],
    },
  },
];
