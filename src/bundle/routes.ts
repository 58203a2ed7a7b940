/** routes.yaml: named parts of a service, which policies name as resource (formats.md, 1). */
import type { TextFile } from '../cedar/position.js';
import { ROUTES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, okUnless, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { compareBytewise, METHOD_PATTERN, NAME_PATTERN, NAME_RULE, ROUTES_FILE } from './names.js';
import { ambiguities, type LocatedRoute, literalCount } from './route-conflicts.js';
import { parseRoutePath } from './route-path.js';
import type { HttpRoute, Route } from './types.js';
import { readYaml, type YamlDocument, yamlPlace } from './yaml.js';
import { checkShape } from './yaml-shape.js';

const GRPC_SERVICE_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const GRPC_METHOD_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*$/;

const unique = (values: readonly string[]) => new Set(values).size === values.length;

const base = {
  name: shape.string().regex(NAME_PATTERN, NAME_RULE),
  access: shape.oneOf(['read', 'write']).optional(),
};

const httpSchema = shape.strictObject({
  ...base,
  path: shape.string(),
  methods: shape
    .array(shape.string().regex(METHOD_PATTERN, 'must be a method in upper case, such as `GET`'))
    .min(1, 'must not be empty: leave `methods` out for all methods')
    .refine(unique, { error: 'names a method twice' })
    .optional(),
  allow: shape
    .array(shape.oneOf(['semicolon']))
    .refine(unique, { error: 'names a character twice' })
    .optional(),
});

const grpcSchema = shape.strictObject({
  ...base,
  grpc: shape.strictObject({
    service: shape
      .string()
      .regex(GRPC_SERVICE_PATTERN, 'must be a gRPC service, such as `shop.Orders`'),
    method: shape.string().regex(GRPC_METHOD_PATTERN, 'must be a gRPC method, such as `Refund`'),
  }),
});

interface RouteSettings {
  /** bundle.yaml allows `;` in paths. */
  readonly semicolonAllowed: boolean;
}

/** Most literal first, then by name. */
export function parseRoutes(source: TextFile, settings: RouteSettings): Result<readonly Route[]> {
  const read = readYaml(ROUTES_FILE, source.text);
  if (!read.ok) return read;
  const document = read.value;
  // An empty file may be a half-written one, and policies on routes would silently not apply.
  const list = checkShape(document, document.value, shape.array(shape.unknown()), {
    code: 'routes_invalid',
  });
  if (!list.ok) return list;
  if (list.value.length > ROUTES_MAX) {
    const message = `more than ${ROUTES_MAX} routes`;
    return failed(problem('routes_invalid', message, { file: ROUTES_FILE }));
  }

  const problems: Problem[] = [];
  const located: LocatedRoute[] = [];
  for (const [index, item] of list.value.entries()) {
    const route = parseRoute(document, item, index, settings);
    if (!route.ok) problems.push(...route.problems);
    else located.push({ route: route.value, place: yamlPlace(document, [index]) });
  }
  problems.push(...duplicateNames(document, located), ...ambiguities(located));
  return okUnless(problems, () => located.map(({ route }) => route).sort(mostLiteralFirst));
}

function parseRoute(
  document: YamlDocument,
  item: unknown,
  index: number,
  settings: RouteSettings,
): Result<Route> {
  const shape = { code: 'routes_invalid', at: [index] } as const;
  if (typeof item === 'object' && item !== null && 'grpc' in item) {
    const shaped = checkShape(document, item, grpcSchema, shape);
    if (!shaped.ok) return shaped;
    const { name, access, grpc } = shaped.value;
    return { ok: true, value: { kind: 'grpc', name, access, ...grpc } };
  }
  const shaped = checkShape(document, item, httpSchema, shape);
  if (!shaped.ok) return shaped;
  const { name, access, path, methods, allow } = shaped.value;
  const allowSemicolon = allow?.includes('semicolon') ?? false;
  const parsed = parseRoutePath(path, {
    allowSemicolon: allowSemicolon || settings.semicolonAllowed,
  });
  if (!parsed.ok) {
    const place = yamlPlace(document, [index, 'path']);
    return failed(problem('routes_invalid', `\`path\` ${parsed.fault}`, place));
  }
  const route: HttpRoute = {
    kind: 'http',
    name,
    access,
    segments: parsed.segments,
    methods,
    allowSemicolon,
  };
  return { ok: true, value: route };
}

function duplicateNames(document: YamlDocument, located: readonly LocatedRoute[]): Problem[] {
  const problems: Problem[] = [];
  const first = new Map<string, LocatedRoute>();
  for (const entry of located) {
    const { name } = entry.route;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, entry);
    else {
      const message = `the route name \`${name}\` is already used on line ${earlier.place.line}`;
      problems.push(problem('routes_invalid', message, { ...entry.place, file: document.file }));
    }
  }
  return problems;
}

function mostLiteralFirst(a: Route, b: Route): number {
  return literalCount(b) - literalCount(a) || compareBytewise(a.name, b.name);
}
