import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerCopies } from '../../../src/check/headers.js';
import { type RequestFacts, readRequest } from '../../../src/check/request.js';
import { Stop } from '../../../src/check/stop.js';
import { REQUEST_BYTES_MAX } from '../../../src/constants.js';
import { encodeRequest, httpRequest, tcpRequest } from '../../support/check-request.js';

describe('a message that is no request is undecodable', () => {
  const table: [string, Buffer][] = [
    ['no bytes at all', Buffer.alloc(0)],
    ['bytes that are no protobuf', Buffer.from('ffffffff', 'hex')],
    ['a truncated message', httpRequest().subarray(0, 20)],
    ['no attributes', encodeRequest({})],
    ['empty attributes', encodeRequest({ attributes: {} })],
    ['neither source nor request', encodeRequest({ attributes: { destination: {} } })],
    ['a request without http', encodeRequest({ attributes: { source: {}, request: {} } })],
    ['an empty method', httpRequest({ method: '' })],
  ];
  it.each(table)('%s', (_, message) => {
    expect(readRequest(message)).toMatchObject({ reason: 'request_undecodable' });
  });

  it('and one above the limit is too large', () => {
    const message = httpRequest({ headers: { x: 'a'.repeat(REQUEST_BYTES_MAX) } });
    expect(readRequest(message)).toMatchObject({ reason: 'request_too_large' });
  });
});

describe('a request', () => {
  it('with source and without request is a TCP connection', () => {
    expect(readRequest(tcpRequest({ principal: 'spiffe://td/x' }))).toMatchObject({
      protocol: 'tcp',
      principal: 'spiffe://td/x',
      sourceAddress: '127.0.0.1',
    });
  });

  it('without source is an HTTP request of nobody', () => {
    const message = encodeRequest({
      attributes: { request: { http: { method: 'GET', path: '/' } } },
    });
    expect(readRequest(message)).toMatchObject({ protocol: 'http', principal: '', method: 'GET' });
  });

  it('keeps names like __proto__ as names like any other', () => {
    const message = httpRequest({
      headers: JSON.parse('{"__proto__": "a", "constructor": "b"}'),
      extensions: JSON.parse('{"__proto__": "c"}'),
      claims: JSON.parse('{"__proto__": {"sub": "root"}, "toString": "d"}'),
    });
    const facts = readRequest(message) as RequestFacts;
    expect(headerCopies(facts.headers, 'constructor')).toEqual(['b']);
    expect(headerCopies(facts.headers, '__proto__')).toEqual(['a']);
    expect(facts.contextExtensions.get('__proto__')).toBe('c');
    const claims = facts.claims('jwt_payload');
    expect(Object.keys(claims ?? {}).sort()).toEqual(['__proto__', 'toString']);
    expect((claims as { sub?: unknown }).sub).toBeUndefined();
  });

  it('takes ten thousand headers', () => {
    const rawHeaders = Array.from({ length: 10_000 }, (_, n): [string, string] => [`x-${n}`, 'v']);
    const facts = readRequest(httpRequest({ rawHeaders })) as RequestFacts;
    expect(facts.headers).toMatchObject({ form: 'raw', fields: { size: 10_001 } });
    expect(headerCopies(facts.headers, 'x-9999')).toEqual(['v']);
  });

  it('has claims only under the configured payload name', () => {
    const message = httpRequest({ claims: { sub: 'x' }, claimsPayload: 'other' });
    const facts = readRequest(message) as RequestFacts;
    expect(facts.claims('jwt_payload')).toBeUndefined();
    expect(facts.claims('other')).toEqual({ sub: 'x' });
  });
});

it('whatever the bytes, reading ends in facts or a reason', () => {
  const whole = httpRequest({ principal: 'spiffe://td/x', headers: { a: 'b' }, claims: { n: 1 } });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .record({ at: fc.nat(whole.length - 1), to: fc.nat(255), cut: fc.nat(whole.length) })
      .map(({ at, to, cut }) => {
        const copy = Buffer.from(whole);
        copy[at] = to;
        return copy.subarray(0, cut);
      }),
  );
  fc.assert(
    fc.property(bytes, (message) => {
      const facts = readRequest(message);
      if (facts instanceof Stop) expect(facts.reason).toBe('request_undecodable');
      else expect(['http', 'tcp']).toContain(facts.protocol);
    }),
    { numRuns: 2_000 },
  );
});
