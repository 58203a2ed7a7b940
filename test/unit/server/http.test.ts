import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { createConnection } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HTTP_HEADER_BYTES_MAX } from '../../../src/constants.js';
import {
  type HttpRoutes,
  type HttpServerOptions,
  startHttpServer,
} from '../../../src/server/http.js';
import { adminRoutes, probeRoutes } from '../../../src/server/routes.js';

const ROUTES: HttpRoutes = new Map([
  ['/hello', () => ({ status: 200, contentType: 'text/plain', body: 'hello\n' })],
]);

async function start(options: Partial<HttpServerOptions> = {}) {
  const server = await startHttpServer({
    address: '127.0.0.1:0',
    routes: ROUTES,
    onFault: (thrown) => {
      throw thrown;
    },
    ...options,
  });
  onTestFinished(() => server.close());
  return server;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(
  address: string,
  path: string,
  options: { method?: string; agent?: Agent; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const sent = request(`http://${address}${path}`, { agent: false, ...options });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  return { status: response.statusCode, headers: response.headers, body };
}

describe('methods and paths', () => {
  it('answers GET, whatever the query', async () => {
    const { address } = await start();
    for (const path of ['/hello', '/hello?', '/hello?a=b?c']) {
      expect(await ask(address, path)).toMatchObject({
        status: 200,
        body: 'hello\n',
        headers: {
          'content-type': 'text/plain',
          'content-length': '6',
          'cache-control': 'no-store',
        },
      });
    }
  });

  it('answers HEAD with the same headers and no body', async () => {
    const { address } = await start();
    const answer = await ask(address, '/hello', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'content-length': '6' } });
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('refuses %s', async (method) => {
    const { address } = await start();
    expect(await ask(address, '/hello', { method })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD', connection: 'close', 'cache-control': 'no-store' },
    });
  });

  it.each(['/', '/hello/', '/Hello', '/__proto__', '/constructor', '//hello', '/%68ello'])(
    'has nothing at %s',
    async (path) => {
      const { address } = await start();
      expect(await ask(address, path)).toMatchObject({ status: 404, body: 'not found\n' });
    },
  );

  it('answers 500 without details when a route throws, reports it, and goes on', async () => {
    const faults: unknown[] = [];
    const boom = () => {
      throw new Error('secret detail');
    };
    const { address } = await start({
      routes: new Map([...ROUTES, ['/boom', boom], ['/later', async () => boom()]]),
      onFault: (thrown) => faults.push(thrown),
    });
    for (const path of ['/boom', '/later']) {
      expect(await ask(address, path)).toMatchObject({ status: 500, body: 'internal fault\n' });
    }
    expect(faults).toHaveLength(2);
    expect(await ask(address, '/hello')).toMatchObject({ status: 200 });
  });

  it('refuses more header bytes than the limit', async () => {
    const { address } = await start();
    const headers = { 'x-long': 'x'.repeat(HTTP_HEADER_BYTES_MAX) };
    expect(await ask(address, '/hello', { headers })).toMatchObject({ status: 431 });
    expect(await ask(address, '/hello')).toMatchObject({ status: 200 });
  });

  it('survives bytes that are no HTTP', async () => {
    const { address } = await start();
    const { hostname, port } = new URL(`http://${address}`);
    const socket = createConnection(Number(port), hostname);
    socket.end('\0\xff\r\n\r\n').resume();
    await once(socket, 'close');
    expect(await ask(address, '/hello')).toMatchObject({ status: 200 });
  });
});

describe('listening', () => {
  it('names the address and the cause when the port is taken', async () => {
    const { address } = await start();
    await expect(start({ address })).rejects.toMatchObject({
      problems: [
        { code: 'listen_failed', message: `cannot listen on \`${address}\`: address in use` },
      ],
    });
  });

  it.each([
    ['unix:/tmp/x', 'this listener is TCP only'],
    ['nonsense', 'no address of the form host:port or unix:PATH'],
  ])('refuses `%s`', async (address, cause) => {
    await expect(start({ address })).rejects.toThrow(`cannot listen on \`${address}\`: ${cause}`);
  });

  it('closes connections that are kept alive, and can be closed twice', async () => {
    const server = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    await ask(server.address, '/hello', { agent });
    await server.close();
    await server.close();
    await expect(ask(server.address, '/hello', { agent })).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNREFUSED|ECONNRESET/),
    });
  });
});

describe('probe and admin routes', () => {
  const sources = {
    readiness: () => ({ ready: true, reason: 'ready' }),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    status: () => ({ service: 'shop/payments', ready: true }),
  };

  it('offers probes and metrics on both, and /status on the admin listener alone', () => {
    expect([...probeRoutes(sources).keys()].sort()).toEqual(['/livez', '/metrics', '/readyz']);
    expect([...adminRoutes(sources).keys()].sort()).toEqual([
      '/livez',
      '/metrics',
      '/readyz',
      '/status',
    ]);
  });

  it('says why it is not ready, and is alive all the same', async () => {
    const readiness = () => ({ ready: false, reason: 'no bundle has been loaded yet' });
    const { address } = await start({ routes: probeRoutes({ ...sources, readiness }) });
    expect(await ask(address, '/readyz')).toMatchObject({
      status: 503,
      body: 'no bundle has been loaded yet\n',
    });
    expect(await ask(address, '/livez')).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await ask(address, '/status')).toMatchObject({ status: 404 });
  });

  it('answers with what the sources say', async () => {
    const { address } = await start({ routes: adminRoutes(sources) });
    expect(await ask(address, '/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
    expect(await ask(address, '/metrics')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4' },
      body: 'up 1\n',
    });
    const status = await ask(address, '/status');
    expect(status.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(status.body)).toEqual({ service: 'shop/payments', ready: true });
  });
});
