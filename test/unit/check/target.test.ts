import { describe, expect, it } from 'vitest';
import type { CompiledBundle, Protocol, Route } from '../../../src/bundle/types.js';
import type { ContextShape } from '../../../src/cedar/types.js';
import { readDestination } from '../../../src/check/destination.js';
import { NO_HEADERS } from '../../../src/check/headers.js';
import { parseQuery } from '../../../src/check/query.js';
import { Stop } from '../../../src/check/stop.js';
import { actionWithoutPath, readTarget, type TargetFacts } from '../../../src/check/target.js';
import { QUERY_PAIRS_MAX } from '../../../src/constants.js';
import { headersOf } from '../../support/headers.js';

const REFUND: Route = {
  kind: 'http',
  name: 'refund',
  segments: [{ literal: 'refunds' }, { param: 'id' }],
  methods: ['POST'],
  access: undefined,
  allowSemicolon: false,
};
const REFUND_LIST: Route = {
  ...REFUND,
  name: 'refund-list',
  segments: [{ literal: 'refunds' }, { literal: 'list' }],
  methods: undefined,
  access: 'read',
  allowSemicolon: true,
};
const CHARGE: Route = {
  kind: 'grpc',
  name: 'charge',
  service: 'shop.Payments',
  method: 'Charge',
  access: 'read',
};
const MATRIX: Route = {
  ...REFUND,
  name: 'matrix',
  segments: [{ literal: 'm' }, { param: 'x' }],
  methods: undefined,
  allowSemicolon: true,
};

/** The parts of a bundle that a target depends on. */
function bundle(over: { protocol?: Protocol; semicolon?: boolean; query?: string[] } = {}) {
  const query = over.query === undefined ? undefined : new Set(over.query);
  const action = { context: { query } as ContextShape };
  return {
    manifest: {
      protocol: over.protocol ?? 'http',
      path: { allow: over.semicolon ? ['semicolon'] : [] },
    },
    routes: [REFUND_LIST, CHARGE, REFUND, MATRIX],
    program: { schema: { actions: new Map([['GET', action]]) } },
  } as unknown as CompiledBundle;
}

function facts(method: string, path: string, raw?: string | number[]): TargetFacts {
  const headers = headersOf('raw', [[':path', Buffer.from((raw ?? path) as string)]]);
  return { protocol: 'http', method, path, headers };
}

describe('the action', () => {
  const table: [string, string, string | undefined, string][] = [
    ['GET', '/x', 'GET', 'read'],
    ['HEAD', '/x', 'HEAD', 'read'],
    ['OPTIONS', '/x', 'OPTIONS', 'read'],
    ['POST', '/x', 'POST', 'write'],
    ['TRACE', '/x', 'TRACE', 'write'],
    ['POST', '/refunds/list', 'POST', 'read'],
    ['POST', '/shop.Payments/Charge', 'rpc', 'read'],
    ['GET', '/shop.Payments/Charge', 'rpc', 'read'],
    ['CONNECT', '', 'CONNECT', 'write'],
    // A client chooses its method: the names of Cedar's groups and our own actions are not for it.
    ['read', '/x', undefined, 'write'],
    ['write', '/x', undefined, 'write'],
    ['rpc', '/x', undefined, 'write'],
    ['connect', '/x', undefined, 'write'],
  ];
  it.each(table)('of %s %s is %s, access %s', (method, path, name, access) => {
    expect(readTarget(facts(method, path), bundle())).toMatchObject({ action: { name, access } });
  });

  it('of a connection is connect', () => {
    const tcp: TargetFacts = {
      protocol: 'tcp',
      method: '',
      path: '',
      headers: NO_HEADERS,
    };
    expect(readTarget(tcp, bundle())).toMatchObject({
      action: { name: 'connect', access: 'write' },
    });
  });

  it('is rpc for every path of a bundle that declares gRPC, and other shapes are rejected', () => {
    const grpc = bundle({ protocol: 'grpc' });
    expect(readTarget(facts('POST', '/a.B/C'), grpc)).toMatchObject({
      action: { name: 'rpc', access: 'write' },
      grpc: { service: 'a.B', method: 'C' },
    });
    for (const path of ['/a', '/', '/a/b/c', '/a/']) {
      expect(readTarget(facts('POST', path), grpc)).toMatchObject({
        reason: 'path_rejected',
        error: { code: 'path_not_grpc' },
      });
    }
  });
});

describe('the action of a path that cannot be read', () => {
  const without = (method: string, routes: Route[], protocol: Protocol = 'http') =>
    actionWithoutPath(method, { ...bundle({ protocol }), routes });
  const reader: Route = { ...REFUND, methods: ['POST'], access: 'read' };
  const trigger: Route = { ...MATRIX, access: 'write' };

  it.each<[string, string, Route[], Protocol, object]>([
    ['is that of the method', 'GET', [REFUND], 'http', { name: 'GET', access: 'read' }],
    ['of a write, too', 'POST', [REFUND], 'http', { name: 'POST', access: 'write' }],
    ['is unsure where a route says so', 'POST', [reader], 'http', { name: 'POST' }],
    ['but for other methods', 'PUT', [reader], 'http', { name: 'PUT', access: 'write' }],
    ['and for any where the route takes any', 'GET', [trigger], 'http', { name: 'GET' }],
    ['may be rpc where a route is', 'POST', [CHARGE], 'http', {}],
    ['which writes if it says nothing', 'GET', [{ ...CHARGE, access: undefined }], 'http', {}],
    ['is rpc where all is', 'POST', [], 'grpc', { name: 'rpc', access: 'write' }],
    ['and unsure where a method reads', 'POST', [CHARGE], 'grpc', { name: 'rpc' }],
  ])('%s', (_, method, routes, protocol, expected) => {
    expect(without(method, routes, protocol)).toEqual({
      ...{ name: undefined, access: undefined },
      ...expected,
    });
  });

  it('is that of the method without a bundle', () => {
    expect(actionWithoutPath('GET', undefined)).toEqual({ name: 'GET', access: 'read' });
  });
});

describe('the route', () => {
  const table: [string, string, string | undefined][] = [
    ['POST', '/refunds/7', 'refund'],
    ['POST', '/refunds/7/', 'refund'],
    ['GET', '/refunds/7', undefined],
    ['POST', '/refunds/', undefined],
    ['POST', '/refunds', undefined],
    ['POST', '/refunds/7/8', undefined],
    ['GET', '/refunds/list', 'refund-list'],
    ['POST', '/refunds/list', 'refund-list'],
    ['POST', '/Refunds/7', undefined],
    ['POST', '/shop.Payments/Charge', 'charge'],
    ['POST', '/shop.Payments/charge', undefined],
  ];
  it.each(table)('of %s %s is %s', (method, path, name) => {
    const target = readTarget(facts(method, path), bundle());
    expect(target instanceof Stop ? target : target.match?.route.name).toBe(name);
  });

  it('gives its parameters decoded', () => {
    const target = readTarget(facts('POST', '/refunds/a%20b'), bundle());
    expect(target instanceof Stop ? target : target.match?.params).toEqual(
      new Map([['id', 'a b']]),
    );
  });
});

describe('a path', () => {
  it('is missing only for CONNECT', () => {
    expect(readTarget(facts('GET', ''), bundle())).toMatchObject({
      error: { code: 'path_missing' },
    });
  });

  it('with a semicolon needs the bundle or the route to allow it', () => {
    const code = (path: string, semicolon: boolean) => {
      const target = readTarget(facts('GET', path), bundle({ semicolon }));
      return target instanceof Stop ? target.error.code : undefined;
    };
    expect(code('/x;a', false)).toBe('path_semicolon');
    expect(code('/x;a', true)).toBeUndefined();
    expect(code('/m/x;a', false)).toBeUndefined();
    expect(code('/refunds/7;a', false)).toBe('path_semicolon');
    expect(code('/m/..;a', false)).toBe('path_dot_segment');
    // Without a bundle nobody knows: the request ends as `no_bundle`, which is not its fault.
    expect(readTarget(facts('GET', '/x;a'), undefined)).not.toBeInstanceOf(Stop);
  });

  it.each<[string, string, string | number[], string]>([
    ['differs from the raw one', '/public/!', '/public/x', 'path_mismatch'],
    [
      'stands for bytes that are not UTF-8',
      '/public/!',
      [...Buffer.from('/public/'), 0xff],
      'path_not_utf8',
    ],
    ['was cut', '/public', '/public/../admin', 'path_mismatch'],
  ])('that %s is rejected', (_, path, raw, code) => {
    expect(readTarget(facts('GET', path, raw), bundle())).toMatchObject({ error: { code } });
  });

  it('that only the raw headers have is rejected, for CONNECT too', () => {
    const code = { error: { code: 'path_mismatch' } };
    expect(readTarget(facts('CONNECT', '', '/admin'), bundle())).toMatchObject(code);
  });

  it('with two raw copies is rejected even if both agree', () => {
    const copy = [':path', '/a'] as const;
    const twice = { ...facts('GET', '/a'), headers: headersOf('raw', [copy, copy]) };
    expect(readTarget(twice, bundle())).toMatchObject({ error: { code: 'path_mismatch' } });
  });

  it('is judged alone where Envoy leaves pseudo headers out', () => {
    const none = { ...facts('GET', '/a'), headers: headersOf('raw', []) };
    expect(readTarget(none, bundle())).toMatchObject({ path: { path: '/a' } });
  });
});

describe('the query', () => {
  it.each([
    ['a=1&a=2&b=3', { a: ['1', '2'] }],
    ['a=b=c', { a: ['b=c'] }],
    ['a', { a: [''] }],
    ['a=', { a: [''] }],
    ['%61=x', { a: ['x'] }],
    ['a=1+2%2B', { a: ['1 2+'] }],
    ['', {}],
    ['&&', {}],
    ['__proto__=1', {}],
  ])('%s gives %j for declared key a', (query, expected) => {
    const parsed = parseQuery(query, new Set(['a']));
    expect(typeof parsed === 'string' ? parsed : Object.fromEntries(parsed)).toEqual(expected);
  });

  it('is rejected when any pair does not decode, and only when the schema declares query', () => {
    for (const query of ['a=%', 'a=%ff', '%zz=1', 'b=%2']) {
      expect(parseQuery(query, new Set(['a']))).toBe('query_undecodable');
      const target = readTarget(facts('GET', `/x?${query}`), bundle({ query: ['a'] }));
      expect(target).toMatchObject({
        reason: 'path_rejected',
        error: { code: 'query_undecodable' },
      });
      expect(readTarget(facts('GET', `/x?${query}`), bundle())).not.toBeInstanceOf(Stop);
    }
  });

  it('has a limit of pairs', () => {
    const pairs = (count: number) => Array.from({ length: count }, () => 'a=1').join('&');
    expect(parseQuery(pairs(QUERY_PAIRS_MAX), new Set(['a']))).not.toBeTypeOf('string');
    expect(parseQuery(pairs(QUERY_PAIRS_MAX + 1), new Set(['a']))).toBe('query_too_many_pairs');
  });
});

describe('the destination', () => {
  const request = {
    contextExtensions: new Map([['cedargate.destination', 'shop/orders']]),
    destinationPrincipal: 'spiffe://td/ns/shop/sa/ledger',
  };
  it.each([
    ['service', 'shop/payments', 'shop/payments'],
    ['route', undefined, 'shop/orders'],
    ['spiffe', undefined, 'shop/ledger'],
  ] as const)('comes from %s and nowhere else', (destinationFrom, service, name) => {
    expect(readDestination(request, { destinationFrom, service })).toEqual({ name });
  });

  it.each([
    ['route', { contextExtensions: new Map(), destinationPrincipal: '' }],
    ['route', { ...request, contextExtensions: new Map([['cedargate.destination', 'Shop/x']]) }],
    ['route', { ...request, contextExtensions: new Map([['cedargate.destination', 'a/b/c']]) }],
    ['spiffe', { ...request, destinationPrincipal: '' }],
    ['spiffe', { ...request, destinationPrincipal: 'payments.test' }],
    ['spiffe', { ...request, destinationPrincipal: 'spiffe://td/shop/ledger' }],
    ['spiffe', { ...request, destinationPrincipal: 'spiffe://td/ns/shop/sa/a.b' }],
  ] as const)('from %s is missing when it is not `ns/name`: case %#', (destinationFrom, facts) => {
    expect(readDestination(facts, { destinationFrom, service: undefined })).toMatchObject({
      reason: 'destination_missing',
    });
  });
});
