/**
 * Who asks for what: 200 callers times 500 paths, in a fixed order that takes every combination once
 * before any comes again. Both servers get the same bytes in the same order.
 */
import { encodeRequest } from '../test/support/check-request.js';

export const CALLERS = 200;
export const NAMESPACES = 5;
export const TENANTS = 4;
/** Paths are `/v1/area-<0..9>/items/<0..49>`; the last item of an area is called `private`. */
export const AREAS = 10;
export const ITEMS = 50;
export const PATHS = AREAS * ITEMS;
export const COMBINATIONS = CALLERS * PATHS;
/** Has no divisor in common with COMBINATIONS, so its multiples meet every combination. */
const STRIDE = 61_803;

export interface Caller {
  readonly id: string;
  readonly namespace: string;
  readonly tenant: string;
}

export function callerAt(index: number): Caller {
  const namespace = `team-${index % NAMESPACES}`;
  return {
    id: `spiffe://bench.example/ns/${namespace}/sa/caller-${index}`,
    namespace,
    tenant: `tenant-${Math.floor(index / NAMESPACES) % TENANTS}`,
  };
}

export function pathAt(index: number): string {
  const item = index % ITEMS;
  const name = item === ITEMS - 1 ? 'private' : String(item);
  return `/v1/area-${Math.floor(index / ITEMS)}/items/${name}`;
}

/** The caller and the path of the n-th check, from 0. */
export function checkAt(n: number): { readonly caller: number; readonly path: number } {
  const combination = ((n % COMBINATIONS) * STRIDE) % COMBINATIONS;
  return { caller: combination % CALLERS, path: Math.floor(combination / CALLERS) };
}

/** The n-th check as a default Envoy would send it: about 1 KB, 15 headers beside the pseudo ones. */
export function messageAt(n: number): Buffer {
  const { caller, path } = checkAt(n);
  return encodeRequest({
    attributes: {
      source: {
        address: { socket_address: { address: '10.4.17.23', port_value: 41_234 } },
        principal: callerAt(caller).id,
      },
      destination: {
        address: { socket_address: { address: '10.4.9.8', port_value: 8_443 } },
        principal: 'spiffe://bench.example/ns/shop/sa/payments',
      },
      request: {
        time: { seconds: 1_790_000_000, nanos: 123_456_000 },
        http: {
          id: '8812736451234567890',
          method: 'GET',
          headers: headersOf(pathAt(path), callerAt(caller)),
          path: pathAt(path),
          host: 'payments.shop.svc.cluster.local:8443',
          scheme: 'https',
          protocol: 'HTTP/1.1',
        },
      },
      metadata_context: {},
      route_metadata_context: {},
    },
  });
}

function headersOf(path: string, caller: Caller): Record<string, string> {
  return {
    ':authority': 'payments.shop.svc.cluster.local:8443',
    ':method': 'GET',
    ':path': path,
    ':scheme': 'https',
    accept: 'application/json, text/plain;q=0.9, */*;q=0.8',
    'accept-encoding': 'gzip, deflate, br',
    'accept-language': 'en-GB,en;q=0.7',
    'cache-control': 'no-cache',
    'content-type': 'application/json',
    cookie: 'session=6b1f0c9a4e7d4f20b5a3; theme=dark',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: 'vendor=t61rcWkgMzE',
    'user-agent': 'orders-client/4.18.2 (linux; x64) node/20',
    'x-envoy-internal': 'true',
    'x-forwarded-client-cert': `By=spiffe://bench.example/ns/shop/sa/payments;URI=${caller.id}`,
    'x-forwarded-for': '10.4.17.23',
    'x-forwarded-proto': 'https',
    'x-request-id': 'c2f1a7de-64b1-4f6f-9d35-0d8f2ab3e671',
    'x-tenant': caller.tenant,
  };
}
