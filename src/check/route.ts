/** Which declared route a request takes. Routes come sorted, most literal first (bundle/routes.ts). */
import type { GrpcRoute, HttpRoute, Route } from '../bundle/types.js';

export interface RouteMatch {
  readonly route: Route;
  /** Values of `{x}` in the path, by name. */
  readonly params: ReadonlyMap<string, string>;
}

const NO_PARAMS: ReadonlyMap<string, string> = new Map();

/** `segments` as path.ts gives them; one trailing slash is ignored here. */
export function matchRoute(
  routes: readonly Route[],
  method: string,
  segments: readonly string[],
): RouteMatch | undefined {
  const length = segments.at(-1) === '' ? segments.length - 1 : segments.length;
  for (const route of routes) {
    const params =
      route.kind === 'grpc'
        ? matchGrpc(route, segments, length)
        : matchHttp(route, method, segments, length);
    if (params !== undefined) return { route, params };
  }
  return undefined;
}

function matchGrpc(route: GrpcRoute, segments: readonly string[], length: number) {
  const same = length === 2 && segments[0] === route.service && segments[1] === route.method;
  return same ? NO_PARAMS : undefined;
}

function matchHttp(route: HttpRoute, method: string, segments: readonly string[], length: number) {
  if (route.segments.length !== length) return undefined;
  if (route.methods !== undefined && !route.methods.includes(method)) return undefined;
  let params: Map<string, string> | undefined;
  for (const [index, expected] of route.segments.entries()) {
    const actual = segments[index] ?? '';
    if ('literal' in expected) {
      if (actual !== expected.literal) return undefined;
    } else {
      if (actual === '') return undefined;
      params ??= new Map();
      params.set(expected.param, actual);
    }
  }
  return params ?? NO_PARAMS;
}
