import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../src/config/address.js';

describe('addresses', () => {
  it.each([
    ['127.0.0.1:9191', { kind: 'tcp', host: '127.0.0.1', port: 9191 }],
    ['0.0.0.0:0', { kind: 'tcp', host: '0.0.0.0', port: 0 }],
    ['[::]:65535', { kind: 'tcp', host: '::', port: 65_535 }],
    ['[fe80::1%eth0]:1', { kind: 'tcp', host: 'fe80::1%eth0', port: 1 }],
    ['localhost:80', { kind: 'tcp', host: 'localhost', port: 80 }],
    ['unix:/run/cedargate/c.sock', { kind: 'unix', path: '/run/cedargate/c.sock' }],
    ['unix:relative.sock', { kind: 'unix', path: 'relative.sock' }],
    [`unix:${'x'.repeat(107)}`, { kind: 'unix', path: 'x'.repeat(107) }],
  ])('%s is one', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  it.each([
    '',
    ':9191',
    '9191',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:080',
    '127.0.0.1:-1',
    '127.0.0.1: 1',
    '256.0.0.1:1',
    '127.0.1:1',
    '::1:9191',
    '[::1]',
    '[127.0.0.1]:1',
    '[::g]:1',
    'under_score:1',
    '-x:1',
    'a b:1',
    '*:1',
    'http://127.0.0.1:1',
    'unix:',
    'unix:@abstract',
    'unix:a\0b',
    `unix:${'x'.repeat(108)}`,
    `unix:${'ä'.repeat(54)}`,
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('are written as they are read', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('localhost', 'a.example'));
    fc.assert(
      fc.property(host, fc.nat(65_535), (h, port) => {
        const address = { kind: 'tcp', host: h, port } as const;
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });

  it('of any text are refused or read back the same', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[[\]:.0-9a-f%]{0,30}$/));
    fc.assert(
      fc.property(text, (t) => {
        const address = parseAddress(t);
        if (address !== undefined) expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });
});
