/**
 * What is asked for: the path, the route it takes, the action, and the query keys that action
 * declares. Only the bundle says what is gRPC, never the content type, which the client writes.
 */
import { isUtf8 } from 'node:buffer';
import type { ServedBundle } from '../bundle/types.js';
import type { RequestHeaders } from './headers.js';
import { PATH_RULES, type ParsedPath, type PathRule, parsePath } from './path.js';
import { parseQuery } from './query.js';
import { matchRoute, type RouteMatch } from './route.js';
import { type Stop, stop } from './stop.js';
import type { Access } from './types.js';

export interface Target {
  /** Undefined for TCP and for CONNECT without a path. */
  readonly path: ParsedPath | undefined;
  readonly match: RouteMatch | undefined;
  readonly grpc: { readonly service: string; readonly method: string } | undefined;
  readonly action: Action;
  /** Declared query keys with their values. */
  readonly query: ReadonlyMap<string, readonly string[]>;
}

export interface Action {
  /** Cedar action id; undefined for a method that is the name of something else in Cedar. */
  readonly name: string | undefined;
  readonly access: Access;
}

export interface TargetFacts {
  readonly protocol: 'http' | 'tcp';
  /** HTTP method; '' for TCP. */
  readonly method: string;
  /** Path and query as Envoy reports them; '' when there is none. */
  readonly path: string;
  readonly headers: RequestHeaders;
}

/** Of a gRPC method whose route does not say what it does. */
const RPC: Action = { name: 'rpc', access: 'write' };
const NO_QUERY: Target['query'] = new Map();
const READ_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Cedar actions that a client must not reach by sending their name as its method. */
const RESERVED_ACTIONS: ReadonlySet<string> = new Set(['read', 'write', 'rpc', 'connect']);

export function readTarget(facts: TargetFacts, bundle: ServedBundle | undefined): Target | Stop {
  if (facts.protocol === 'tcp') {
    const action: Action = { name: 'connect', access: 'write' };
    return { path: undefined, match: undefined, grpc: undefined, action, query: NO_QUERY };
  }
  const mismatch = rawPathFault(facts);
  if (mismatch !== undefined) return reject(mismatch);
  if (facts.path === '') {
    if (facts.method !== 'CONNECT') return reject('path_missing');
    const action = methodAction(facts.method, undefined);
    return { path: undefined, match: undefined, grpc: undefined, action, query: NO_QUERY };
  }
  const path = parsePath(facts.path);
  if (!path.ok) return reject(path.rule);

  const match = matchRoute(bundle?.routes ?? [], facts.method, path.segments);
  if (path.semicolon && !allowsSemicolon(bundle, match)) return reject('path_semicolon');
  const grpc = rpcOf(path, match, bundle);
  if (typeof grpc === 'string') return reject(grpc);
  const access = match?.route.access;
  const action: Action =
    grpc === undefined
      ? methodAction(facts.method, access)
      : { ...RPC, access: access ?? RPC.access };

  const declared = bundle?.program.schema.actions.get(action.name ?? '')?.context.query;
  const query = declared === undefined ? NO_QUERY : parseQuery(path.query, declared);
  if (typeof query === 'string') return reject(query);
  return { path, match, grpc, action, query };
}

/**
 * What can be told of the action of a request whose path cannot be read. Where a route that it may
 * take says otherwise than its method, nobody knows.
 */
export function actionWithoutPath(
  method: string,
  bundle: ServedBundle | undefined,
): Pick<Action, 'name'> & { readonly access: Access | undefined } {
  const isRpc = bundle?.manifest.protocol === 'grpc';
  const usual: Action = isRpc ? RPC : methodAction(method, undefined);
  if (bundle === undefined) return usual;
  const routes = bundle.routes.filter(
    (route) => route.kind === 'grpc' || route.methods?.includes(method) !== false,
  );
  const mayBeRpc = !isRpc && routes.some(({ kind }) => kind === 'grpc');
  const differs = routes.some(({ kind, access }) => {
    return (access ?? (kind === 'grpc' ? RPC.access : usual.access)) !== usual.access;
  });
  return {
    name: mayBeRpc ? undefined : usual.name,
    access: differs ? undefined : usual.access,
  };
}

/** The action of an HTTP method. */
function methodAction(method: string, access: Access | undefined): Action {
  return {
    name: RESERVED_ACTIONS.has(method) ? undefined : method,
    access: access ?? (READ_METHODS.has(method) ? 'read' : 'write'),
  };
}

/**
 * Only the raw `:path` is what the upstream gets: Envoy turns invalid UTF-8 into `!` in `path`
 * (envoy-facts section e). Where Envoy sends it, both must agree.
 */
function rawPathFault({ path, headers }: TargetFacts): PathRule | undefined {
  if (headers.form !== 'raw') return undefined;
  const [raw, ...more] = headers.fields.values(':path');
  if (raw === undefined) return undefined;
  if (more.length > 0) return 'path_mismatch';
  if (!isUtf8(raw)) return 'path_not_utf8';
  return Buffer.from(path).equals(raw) ? undefined : 'path_mismatch';
}

/** Without a bundle nobody can say, and the request ends as `no_bundle`. */
function allowsSemicolon(bundle: ServedBundle | undefined, match: RouteMatch | undefined) {
  if (bundle === undefined || bundle.manifest.path.allow.includes('semicolon')) return true;
  return match?.route.kind === 'http' && match.route.allowSemicolon;
}

function rpcOf(
  path: ParsedPath,
  match: RouteMatch | undefined,
  bundle: ServedBundle | undefined,
): Target['grpc'] | 'path_not_grpc' {
  const declared = bundle?.manifest.protocol === 'grpc' || match?.route.kind === 'grpc';
  if (!declared) return undefined;
  const [service, method, ...more] = path.segments;
  return service && method && more.length === 0 ? { service, method } : 'path_not_grpc';
}

function reject(rule: PathRule): Stop {
  return stop('path_rejected', rule, PATH_RULES[rule]);
}
