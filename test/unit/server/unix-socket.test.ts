import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { UNIX_PATH_BYTES_MAX } from '../../../src/constants.js';
import { addressOf, connect, startServer } from './grpc-client.js';

const HELLO = Buffer.from('hello');

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cg-'));
  path = join(dir, 'check.sock');
  onTestFinished(() => rmSync(dir, { recursive: true }));
});

/** A server at `path` that answers with its own name. */
function named(name: string, at = path) {
  return startServer({
    listen: [`unix:${at}`],
    handle: () => ({ response: Buffer.from(name) }),
  });
}

describe('a Unix socket', () => {
  it('answers at an absolute path', async () => {
    const server = await named('one');
    expect(addressOf(server)).toBe(`unix:${path}`);
    expect((await connect(`unix:${path}`).check(HELLO)).toString()).toBe('one');
  });

  it('answers at a relative path', async () => {
    const server = await named('one', relative(process.cwd(), path));
    expect(addressOf(server)).toBe(`unix:${relative(process.cwd(), path)}`);
    expect((await connect(`unix:${path}`).check(HELLO)).toString()).toBe('one');
  });

  it('lets owner and group connect, and leaves no temporary names behind', async () => {
    await named('one');
    expect(lstatSync(path).mode & 0o777).toBe(0o660);
    expect(readdirSync(dir)).toEqual(['check.sock']);
  });

  it('replaces the socket file that a killed process left', async () => {
    await leaveStaleSocket(path);
    await named('one');
    expect((await connect(`unix:${path}`).check(HELLO)).toString()).toBe('one');
  });

  it('listens beside TCP', async () => {
    const server = await startServer({ listen: [`unix:${path}`, '127.0.0.1:0'] });
    for (const address of server.addresses) {
      expect(await connect(address).check(HELLO)).toEqual(HELLO);
    }
  });
});

describe('a path where no socket can be', () => {
  it.each([
    ['a file', () => writeFileSync(path, 'precious')],
    ['a directory', () => mkdirSync(path)],
    ['a link', () => symlinkSync(join(dir, 'elsewhere'), path)],
  ])('is refused when %s is there, and left alone', async (_, make) => {
    make();
    const before = lstatSync(path).ino;
    await expect(named('one')).rejects.toMatchObject({
      problems: [
        {
          code: 'listen_failed',
          message: `cannot listen on \`unix:${path}\`: something that is not a socket is there`,
        },
      ],
    });
    expect(lstatSync(path).ino).toBe(before);
    expect(readdirSync(dir)).toEqual(['check.sock']);
  });

  it('is refused when its directory does not exist', async () => {
    await expect(named('one', join(dir, 'no', 'check.sock'))).rejects.toThrow(
      `no directory \`${join(dir, 'no')}\``,
    );
  });

  it('is refused where nobody can make files', async () => {
    await expect(named('one', '/proc/check.sock')).rejects.toThrow('permission denied');
  });

  it('is refused when it, or the temporary name beside it, is too long for the system', async () => {
    const room = UNIX_PATH_BYTES_MAX - Buffer.byteLength(dir) - 2;
    // The longest name in a short directory: works.
    await named('one', join(dir, 's'.repeat(room + 1)));
    // A short name in a directory so long that the temporary name does not fit.
    const deep = join(dir, 'd'.repeat(room - 2));
    mkdirSync(deep);
    await expect(named('one', join(deep, 's'))).rejects.toThrow(
      /cannot listen on .*: a socket path may have 107 bytes, and this one needs \d+/,
    );
  });
});

describe('a take-over', () => {
  it('sends new connections to the successor and is seen by the predecessor', async () => {
    const first = await named('first');
    expect(first.successorTookOver(path)).toBe(false);
    const second = await named('second');
    expect((await connect(`unix:${path}`).check(HELLO)).toString()).toBe('second');
    expect(first.successorTookOver(path)).toBe(true);
    expect(first.successorTookOver(join(dir, 'other'))).toBe(false);
    expect(second.successorTookOver(path)).toBe(false);
  });

  it('is not seen when the file is merely gone', async () => {
    const first = await named('first');
    rmSync(path);
    expect(first.successorTookOver(path)).toBe(false);
  });

  it('leaves the successor its socket when the predecessor ends', async () => {
    const first = await named('first');
    await named('second');
    first.close();
    expect((await connect(`unix:${path}`).check(HELLO)).toString()).toBe('second');
  });

  it('does not happen when another listener of the new process fails', async () => {
    const taken = addressOf(await startServer());
    await named('first');
    await expect(startServer({ listen: [`unix:${path}`, taken] })).rejects.toThrow(
      'address in use',
    );
    expect((await connect(`unix:${path}`).check(HELLO)).toString()).toBe('first');
    expect(readdirSync(dir)).toEqual(['check.sock']);
  });

  it('loses no call of a client under load', async () => {
    const first = await named('first');
    const client = connect(`unix:${path}`);
    const answers: string[] = [];
    let going = true;
    const load = (async () => {
      while (going) answers.push((await client.check(HELLO)).toString());
    })();
    await seen(answers, 'first');
    await named('second');
    const started = performance.now();
    await first.drain(60_000);
    // Far from the grace: with a successor there is nothing to wait for.
    expect(performance.now() - started).toBeLessThan(10_000);
    await seen(answers, 'second');
    going = false;
    await load;
    expect(answers.at(-1)).toBe('second');
  });
});

/** Waits until the load got an answer of this server. */
async function seen(answers: readonly string[], name: string): Promise<void> {
  await expect.poll(() => answers.includes(name), { timeout: 10_000 }).toBe(true);
}

/** Another process binds `at` and is killed, so that its socket file stays. */
async function leaveStaleSocket(at: string): Promise<void> {
  const script = 'require("net").createServer().listen(process.argv[1], () => console.log("up"))';
  const child = spawn(process.execPath, ['-e', script, at], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(existsSync(at)).toBe(true);
  expect(readFileSync('/proc/net/unix', 'utf8')).not.toContain(at);
}
