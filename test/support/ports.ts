/**
 * Free TCP ports on loopback, for programs that cannot be told to take port 0.
 *
 * From a range of this process, below those that the system gives to outgoing connections: a port
 * that a program leaves for a moment must still be free when it comes back, whatever other tests do.
 */
import { createServer, type Server } from 'node:net';

const FIRST_PORT = 12_000;
const RANGES = 100;
const RANGE_PORTS = 200;

const first = FIRST_PORT + (process.pid % RANGES) * RANGE_PORTS;
let given = Math.floor(Math.random() * RANGE_PORTS);

/** `count` different free ports: all are held at once before any is given back. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  for (let tried = 0; held.size < count; tried += 1) {
    if (tried === RANGE_PORTS) throw new Error(`no ${count} ports are free from ${first} on`);
    given = (given + 1) % RANGE_PORTS;
    const port = first + given;
    const server = await listen(port);
    if (server !== undefined) held.set(port, server);
  }
  await Promise.all([...held.values()].map((server) => new Promise((done) => server.close(done))));
  return [...held.keys()];
}

/** Undefined when the port is taken. */
function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
