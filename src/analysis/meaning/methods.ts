/** What could be done: HTTP methods (and the TCP connection) by the actions that the schemas declare. */
import type { Route } from '../../bundle/types.js';
import { tokensOf } from '../../cedar/tokens.js';
import type { Side } from './side.js';

export interface MethodClass {
  /** Undefined for a TCP connection. */
  readonly representative: string | undefined;
  /** All that behave alike, the representative first. */
  readonly members: readonly string[];
}

/** Not methods: gRPC calls are POSTs on a route with `grpc`, `connect` is a TCP connection. */
const NO_METHODS: ReadonlySet<string> = new Set(['rpc', 'connect']);
/** The usual ones first, so that they stand for their class. */
const ORDER = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];
/** Requests of this method may come without a path. */
export const PATHLESS = 'CONNECT';
const RPC_METHOD = 'POST';

export function methodClasses(sides: readonly Side[]): MethodClass[] {
  const actions = new Set(sides.flatMap((side) => [...side.bundle.program.schema.actions.keys()]));
  const methods = [...actions].filter((name) => !NO_METHODS.has(name));
  if (actions.has('rpc') && !methods.includes(RPC_METHOD)) methods.push(RPC_METHOD);
  const rank = (method: string) => (ORDER.indexOf(method) + ORDER.length + 1) % (ORDER.length + 1);
  methods.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const separate = sides.some(readAction);
  const classes = new Map<string, string[]>();
  for (const method of methods) {
    const alone = separate || method === PATHLESS || method === RPC_METHOD;
    const key = alone ? method : JSON.stringify(sides.map((side) => signature(side, method)));
    const known = classes.get(key);
    if (known === undefined) classes.set(key, [method]);
    else known.push(method);
  }
  const found: MethodClass[] = [...classes.values()].map((members) => {
    return { representative: members[0], members };
  });
  const tcp = { representative: undefined, members: ['connect'] };
  return actions.has('connect') ? [...found, tcp] : found;
}

/** All that scopes, the schema and routes can see of a method. */
function signature(side: Side, method: string) {
  const shape = side.shapeOf(method);
  const { policies, schema } = side.bundle.program;
  const groups = schema.actions.get(method)?.groups ?? new Set();
  const scopes = policies.map(({ scope: { action } }) => {
    if (action.kind === 'any') return true;
    const named = action.kind === 'equals' ? [action.action] : action.actions;
    return named.some((name) => name === method || (action.kind === 'in' && groups.has(name)));
  });
  const routes = side.bundle.routes.map((route) => takes(route, method));
  return { shape: shape && shapeText({ ...shape, groups: undefined }), scopes, routes };
}

export function takes(route: Route, method: string | undefined): boolean {
  return route.kind === 'grpc' || (route.methods?.includes(method ?? '') ?? true);
}

/** Whether a condition looks at the action: the scope names it once. */
function readAction({ bundle }: Side): boolean {
  return bundle.program.policies.some(({ text }) => {
    return [...tokensOf(text)].filter((token) => token.text === 'action').length > 1;
  });
}

/** Shapes are made of maps and sets. */
export function shapeText(shape: unknown): string {
  return JSON.stringify(shape, (_, value: unknown) => {
    return value instanceof Map || value instanceof Set ? [...value] : value;
  });
}
