import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { REQUEST_BYTES_HARD_MAX, REQUEST_BYTES_MAX } from '../../../src/constants.js';
import { startGrpcServer } from '../../../src/server/grpc.js';
import { waitFor } from '../../support/wait.js';
import { addressOf, connect, startServer } from './grpc-client.js';

const HELLO = Buffer.from('not protobuf at all');

describe('Check', () => {
  it.each([
    ['text that is no protobuf', HELLO],
    ['an empty message', Buffer.alloc(0)],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0x00, 0xfe])],
  ])('hands %s to the handler as it came, and sends the answer as it is', async (_, message) => {
    const seen: Buffer[] = [];
    const server = await startServer({
      handle: (bytes) => {
        seen.push(bytes);
        return { response: Buffer.concat([Buffer.from('answer '), bytes]) };
      },
    });
    const answer = await connect(addressOf(server)).check(message);
    expect(seen).toEqual([message]);
    expect(answer).toEqual(Buffer.concat([Buffer.from('answer '), message]));
  });

  it('passes the deadline of the call as epoch milliseconds', async () => {
    const deadlines: number[] = [];
    const server = await startServer({
      handle: (message, deadlineMs) => {
        deadlines.push(deadlineMs);
        return { response: message };
      },
    });
    const client = connect(addressOf(server));
    const before = Date.now();
    await client.check(HELLO, 60_000);
    await client.check(HELLO);
    const [first, second] = deadlines as [number, number];
    expect(first).toBeGreaterThan(before);
    // The remaining time travels, so the server's idea is a little later than the client's.
    expect(first).toBeLessThan(Date.now() + 61_000);
    expect(second).toBe(Number.POSITIVE_INFINITY);
  });

  it('answers INTERNAL when the handler throws, reports it, and goes on', async () => {
    const faults: unknown[] = [];
    const changes: number[] = [];
    const server = await startServer({
      handle: (message) => {
        if (message.length === 0) throw new Error('secret detail');
        return { response: message };
      },
      onInflight: (change) => changes.push(change),
      onFault: (thrown) => faults.push(thrown),
    });
    const client = connect(addressOf(server));
    const refused = client.check(Buffer.alloc(0));
    await expect(refused).rejects.toMatchObject({ code: status.INTERNAL });
    await expect(refused).rejects.not.toThrow('secret detail');
    expect(faults).toEqual([new Error('secret detail')]);
    expect(await client.check(HELLO)).toEqual(HELLO);
    expect(changes).toEqual([1, -1, 1, -1]);
  });

  it('sends a gRPC error when the handler asks for one', async () => {
    const grpcError = { code: status.UNAVAILABLE, message: 'no_bundle' };
    const server = await startServer({ handle: () => ({ grpcError }) });
    const refused = connect(addressOf(server)).check(HELLO);
    await expect(refused).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'no_bundle',
    });
  });

  it('lets messages above the soft limit reach the handler, and refuses those above the cap', async () => {
    const sizes: number[] = [];
    let aborted = 0;
    const server = await startServer({
      handle: (message) => {
        sizes.push(message.length);
        return { response: HELLO };
      },
      onAborted: () => {
        aborted += 1;
      },
    });
    const client = connect(addressOf(server));
    expect(await client.check(Buffer.alloc(REQUEST_BYTES_MAX + 1))).toEqual(HELLO);
    await expect(client.check(Buffer.alloc(REQUEST_BYTES_HARD_MAX + 1))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
    expect(await client.check(HELLO)).toEqual(HELLO);
    expect(sizes).toEqual([REQUEST_BYTES_MAX + 1, HELLO.length]);
    await waitFor('the refused call to be told', () => aborted === 1);
  });
});

describe('health', () => {
  it.each(['', 'envoy.service.auth.v3.Authorization'])('is SERVING for `%s`', async (service) => {
    const server = await startServer();
    expect(await connect(addressOf(server)).health(service)).toBe('SERVING');
  });

  it.each(['other', '__proto__', '\ud800'])('is unknown for the service `%s`', async (service) => {
    const server = await startServer();
    await expect(connect(addressOf(server)).health(service)).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  it('tells watchers when draining begins', async () => {
    const server = await startServer();
    const stream = connect(addressOf(server)).watch('');
    const seen: string[] = [];
    const told = new Promise<void>((resolve) => {
      stream.on('data', ({ status: now }) => {
        seen.push(now);
        if (now === 'SERVING') void server.drain(60_000);
        else resolve();
      });
    });
    await told;
    expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
  });

  it('lists every service', async () => {
    const server = await startServer();
    expect(await connect(addressOf(server)).list()).toEqual({
      '': { status: 'SERVING' },
      'envoy.service.auth.v3.Authorization': { status: 'SERVING' },
    });
  });

  it('says to watchers of another service that it does not know it', async () => {
    const server = await startServer();
    const stream = connect(addressOf(server)).watch('other');
    const [first] = await once(stream, 'data');
    expect(first).toEqual({ status: 'SERVICE_UNKNOWN' });
  });
});

describe('listening', () => {
  it('listens on every address given and says which ports it got', async () => {
    const server = await startServer({ listen: ['127.0.0.1:0', 'localhost:0'] });
    expect(server.addresses).toHaveLength(2);
    for (const address of server.addresses) {
      expect(address).not.toMatch(/:0$/);
      expect(await connect(address).check(HELLO)).toEqual(HELLO);
    }
  });

  it('names the address and the cause when a port is taken, and leaves nothing open', async () => {
    const first = addressOf(await startServer());
    const free = addressOf(await startAndClose());
    const second = startServer({ listen: [free, first] });
    await expect(second).rejects.toMatchObject({
      problems: [
        { code: 'listen_failed', message: `cannot listen on \`${first}\`: address in use` },
      ],
    });
    expect(addressOf(await startServer({ listen: [free] }))).toBe(free);
  });

  it.each([
    ['9191', 'no address of the form host:port or unix:PATH'],
    ['192.0.2.1:0', 'no such address on this machine'],
  ])('refuses `%s`', async (address, cause) => {
    await expect(startServer({ listen: [address] })).rejects.toMatchObject({
      problems: [{ code: 'listen_failed', message: `cannot listen on \`${address}\`: ${cause}` }],
    });
  });
});

async function startAndClose() {
  const server = await startGrpcServer({
    listen: ['127.0.0.1:0'],
    tls: undefined,
    handle: (message) => ({ response: message }),
    onInflight: () => {},
    onAborted: () => {},
    onFault: () => {},
  });
  server.close();
  return server;
}
