import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CertificateAuthority, createCa, type Leaf } from '../../support/certs.js';
import { addressOf, connect, startServer } from './grpc-client.js';

const HELLO = Buffer.from('hello');
const SERVER_NAME = { 'grpc.ssl_target_name_override': 'cedargate.test' };

let dir: string;
let ca: CertificateAuthority;
let server: Leaf;
let envoy: Leaf;
let stranger: Leaf;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'cg-'));
  ca = await createCa(dir);
  server = await ca.leaf('server', { dns: ['cedargate.test'] });
  envoy = await ca.spiffe('envoy', 'spiffe://td.test/ns/edge/sa/envoy');
  stranger = await (await createCa(dir, 'other')).spiffe('stranger', 'spiffe://td.test/x');
});

afterAll(() => rmSync(dir, { recursive: true }));

function files(clientCaFile?: string) {
  return { certFile: server.certFile, keyFile: server.keyFile, clientCaFile };
}

/** A client that trusts our CA and presents `leaf`. */
function trusting(address: string, leaf?: Leaf) {
  const [key, cert] = leaf === undefined ? [] : [Buffer.from(leaf.key), Buffer.from(leaf.cert)];
  const secret = credentials.createSsl(Buffer.from(ca.cert), key ?? null, cert ?? null);
  return connect(address, secret, SERVER_NAME);
}

describe('TLS', () => {
  it('answers clients that trust our certificate, and says the same over health', async () => {
    const running = await startServer({ tls: files() });
    const client = trusting(addressOf(running));
    expect(await client.check(HELLO)).toEqual(HELLO);
    expect(await client.health('')).toBe('SERVING');
  });

  it('does not answer plain text', async () => {
    const running = await startServer({ tls: files() });
    await expect(connect(addressOf(running)).check(HELLO, 2_000)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    expect(await trusting(addressOf(running)).check(HELLO)).toEqual(HELLO);
  });

  it('leaves Unix sockets as they are: the file system protects them', async () => {
    const path = join(dir, 's');
    await startServer({ listen: [`unix:${path}`], tls: files(ca.certFile) });
    expect(await connect(`unix:${path}`).check(HELLO)).toEqual(HELLO);
  });

  it('drains and ends like plain text', async () => {
    const running = await startServer({ tls: files() });
    await trusting(addressOf(running)).check(HELLO);
    await running.drain(0);
  });
});

describe('mutual TLS', () => {
  it('answers a client whose certificate our client CA signed', async () => {
    const running = await startServer({ tls: files(ca.certFile) });
    expect(await trusting(addressOf(running), envoy).check(HELLO)).toEqual(HELLO);
  });

  it.each([
    ['no certificate', () => undefined],
    ['a certificate of another CA', () => stranger],
  ])('refuses a client with %s', async (_, leaf) => {
    let asked = 0;
    const running = await startServer({
      tls: files(ca.certFile),
      handle: (message) => {
        asked += 1;
        return { response: message };
      },
    });
    await expect(trusting(addressOf(running), leaf()).check(HELLO, 2_000)).rejects.toThrow();
    expect(asked).toBe(0);
  });
});

describe('files that cannot be used', () => {
  const bad = (name: string, text: string) => {
    const file = join(dir, name);
    writeFileSync(file, text);
    return file;
  };
  const BROKEN = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

  it.each([
    [
      'a missing certificate',
      () => ({ certFile: join(dir, 'no.crt') }),
      'no.crt',
      'the file cannot be read: ENOENT',
    ],
    [
      'a certificate file without a certificate',
      () => ({ certFile: bad('empty.crt', '') }),
      'empty.crt',
      'no PEM certificate in the file',
    ],
    [
      'a certificate that does not parse',
      () => ({ certFile: bad('broken.crt', BROKEN) }),
      'broken.crt',
      /^a certificate in the file does not parse: /,
    ],
    [
      'a broken certificate further down the chain',
      () => ({ certFile: bad('chain.crt', server.cert + BROKEN) }),
      'chain.crt',
      /^a certificate in the file does not parse: /,
    ],
    [
      'a key that is a certificate',
      () => ({ keyFile: server.certFile }),
      'server.crt',
      'no unencrypted PEM private key in the file',
    ],
    [
      'a key of another certificate',
      () => ({ keyFile: envoy.keyFile }),
      'envoy.key',
      /^the private key does not belong to the certificate in `.*server\.crt`$/,
    ],
    [
      'a directory as client CA',
      () => ({ clientCaFile: dir }),
      '',
      'the file cannot be read: EISDIR',
    ],
    [
      'a client CA without a certificate',
      () => ({ clientCaFile: server.keyFile }),
      'server.key',
      'no PEM certificate in the file',
    ],
  ])('%s is refused and named', async (_, change, name, message) => {
    await expect(startServer({ tls: { ...files(), ...change() } })).rejects.toMatchObject({
      problems: [
        {
          code: 'tls_invalid',
          file: join(dir, name),
          message: typeof message === 'string' ? message : expect.stringMatching(message),
        },
      ],
    });
  });
});

describe('reloadTls', () => {
  it('takes renewed files for new connections, and keeps the old ones when they are bad', async () => {
    const copy = { certFile: join(dir, 'live.crt'), keyFile: join(dir, 'live.key') };
    copyFileSync(server.certFile, copy.certFile);
    copyFileSync(server.keyFile, copy.keyFile);
    const running = await startServer({ tls: { ...copy, clientCaFile: undefined } });
    const old = trusting(addressOf(running));
    await old.check(HELLO);

    const renewed = await ca.leaf('renewed', { dns: ['renewed.test'] });
    writeFileSync(copy.certFile, readFileSync(renewed.certFile));
    expect(running.reloadTls()).toMatchObject({
      ok: false,
      problems: [{ code: 'tls_invalid', file: copy.keyFile }],
    });
    expect(await trusting(addressOf(running)).check(HELLO)).toEqual(HELLO);

    writeFileSync(copy.keyFile, readFileSync(renewed.keyFile));
    expect(running.reloadTls()).toEqual({ ok: true, value: undefined });
    const secret = credentials.createSsl(Buffer.from(ca.cert));
    const override = { 'grpc.ssl_target_name_override': 'renewed.test' };
    expect(await connect(addressOf(running), secret, override).check(HELLO)).toEqual(HELLO);
    await expect(trusting(addressOf(running)).check(HELLO, 2_000)).rejects.toThrow();
    expect(await old.check(HELLO)).toEqual(HELLO);
  });

  it('does nothing without TLS', async () => {
    expect((await startServer()).reloadTls()).toEqual({ ok: true, value: undefined });
  });
});
