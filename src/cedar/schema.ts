/** Parses the schema and refuses, at load, what a request could not safely fill. */
import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, okUnless, type Result } from '../result.js';
import { checkGroups, groupsOf, requestActions } from './action-groups.js';
import { readContextShape } from './context-shape.js';
import { tooDeepSchema } from './depth.js';
import { engine } from './engine.js';
import { problemAt, wholeFile } from './engine-errors.js';
import type { TextFile } from './position.js';
import { SchemaPlaces } from './schema-places.js';
import { SchemaProblems, type Subject } from './schema-rules.js';
import { type CedarType, type Field, TypeReader, TypesTooLarge, typeText } from './schema-types.js';
import type { ActionShape, RequestSchema } from './types.js';

export interface EntityTypeInfo {
  readonly attributes: ReadonlyMap<string, Field>;
  readonly parents: ReadonlySet<string>;
  readonly tags: boolean;
  /** The only ids, for an enumerated type. */
  readonly ids: ReadonlySet<string> | undefined;
}

export interface ParsedSchema {
  readonly request: RequestSchema;
  readonly entityTypes: ReadonlyMap<string, EntityTypeInfo>;
}

type Definition = SchemaJson<string>[string];

const PRINCIPALS: ReadonlySet<string> = new Set(['Workload', 'Anonymous']);
const RESOURCES: ReadonlySet<string> = new Set(['Service', 'Route']);
/** Types whose entities cedargate makes from requests. */
const REQUEST_TYPES = ['TrustDomain', 'Namespace', ...PRINCIPALS, ...RESOURCES];
/**
 * Parents that a request itself brings. Only what a type declares is taken, so without one of these
 * `forbid (principal in TrustDomain::"..")` would silently miss callers.
 */
const REQUEST_PARENTS: readonly (readonly [type: string, parent: string])[] = [
  ['Workload', 'Namespace'],
  ['Workload', 'TrustDomain'],
  ['Route', 'Service'],
];
/** As the type of an entity, such a name would hide the type that requests are filled with. */
const BUILTIN_TYPES: ReadonlySet<string> = new Set([
  ...['String', 'Long', 'Bool', 'Boolean'],
  ...['ipaddr', 'decimal', 'datetime', 'duration'],
]);
/** Attributes of Workload that the SPIFFE ID fills. */
const WORKLOAD_ATTRIBUTES = ['namespace', 'serviceAccount'];

export function parseSchema(
  source: TextFile,
  options: { readonly environment: string | undefined },
): Result<ParsedSchema> {
  const tooDeep = tooDeepSchema(source);
  if (tooDeep !== undefined) return failed(tooDeep);
  const answer = engine().run((api) => api.schemaToJsonWithResolvedTypes(source.text));
  if (answer.type === 'failure') return syntaxProblems(source, answer.errors);

  const places = new SchemaPlaces(source);
  const problems = new SchemaProblems(places);
  const { '': definition = { entityTypes: {}, actions: {} }, ...others } = answer.json;
  const namespaces = Object.keys(others).map((name) => {
    const message = `the schema declares the namespace \`${name}\`; requests have no namespace`;
    return problem('schema_rule', message, places.namespace(name));
  });
  try {
    const types = new TypeReader(definition.commonTypes ?? {});
    const entityTypes = readEntityTypes(definition, types);
    checkEntityTypes(entityTypes, problems);
    checkRequestTypes(entityTypes, problems);
    const actions = readActions(definition, types, { ...options, problems });
    // Cycles of actions and the like are found only when the engine resolves the whole.
    const whole = engine().run((api) => api.checkParseSchema(source.text));
    if (whole.type === 'failure') return syntaxProblems(source, whole.errors);
    const missing = missingTypes(source, entityTypes);
    const all = [...namespaces, ...missing, ...problems.list].slice(0, PROBLEMS_MAX);
    return okUnless(all, () => ({ request: requestSchema(entityTypes, actions), entityTypes }));
  } catch (thrown) {
    if (!(thrown instanceof TypesTooLarge)) throw thrown;
    return failed(problem('policy_too_deep', thrown.message, { file: source.file }));
  }
}

function syntaxProblems(
  source: TextFile,
  errors: readonly Parameters<typeof problemAt>[1][],
): Result<never> {
  const [first, ...rest] = errors.map((error) => {
    return problemAt('schema_syntax', error, wholeFile(source));
  });
  return failed(first ?? problem('schema_syntax', 'the schema does not parse'), ...rest);
}

function readEntityTypes(
  definition: Definition,
  types: TypeReader,
): ReadonlyMap<string, EntityTypeInfo> {
  return new Map(
    Object.entries(definition.entityTypes).map(([name, declared]) => {
      const standard = 'enum' in declared ? undefined : declared;
      const shape = standard?.shape === undefined ? undefined : types.read(standard.shape);
      const info: EntityTypeInfo = {
        attributes: shape?.kind === 'record' ? shape.fields : new Map(),
        parents: new Set(standard?.memberOfTypes ?? []),
        tags: standard?.tags !== undefined,
        ids: 'enum' in declared ? new Set(declared.enum) : undefined,
      };
      return [name, info];
    }),
  );
}

/** What a request brings must not be lost: no parent undeclared, no built-in type hidden. */
function checkRequestTypes(
  entityTypes: ReadonlyMap<string, EntityTypeInfo>,
  problems: SchemaProblems,
): void {
  for (const name of entityTypes.keys()) {
    if (!BUILTIN_TYPES.has(name)) continue;
    const message = `the entity type \`${name}\` hides the built-in type of that name`;
    problems.add({ declaration: 'entity', name, path: [] }, message);
  }
  for (const [name, parent] of REQUEST_PARENTS) {
    const parents = entityTypes.get(name)?.parents;
    if (parents === undefined || parents.has(parent) || !entityTypes.has(parent)) continue;
    const message = `\`${name}\` must be in \`${parent}\`, which the schema declares: else a policy on it would miss requests`;
    const help = `write: entity ${name} in [${[...parents, parent].join(', ')}]`;
    problems.add({ declaration: 'entity', name, path: [] }, message, help);
  }
}

function checkEntityTypes(
  entityTypes: ReadonlyMap<string, EntityTypeInfo>,
  problems: SchemaProblems,
): void {
  for (const [name, { attributes, ids }] of entityTypes) {
    const subject: Subject = { declaration: 'entity', name, path: [] };
    if (ids !== undefined && REQUEST_TYPES.includes(name)) {
      problems.add(subject, `\`${name}\` cannot be an enumerated type: requests bring its ids`);
    }
    for (const [attribute, { required, type }] of attributes) {
      const here: Subject = { ...subject, path: [attribute] };
      if (required) {
        const message = `\`${name}.${attribute}\` must be optional: a request does not bring it`;
        problems.add(here, message, `write: ${attribute}?: ${typeText(type)}`);
      }
      const filled = name === 'Workload' && WORKLOAD_ATTRIBUTES.includes(attribute);
      if (filled && type.kind !== 'string') {
        const message = `\`${name}.${attribute}\` must be of type String, not ${typeText(type)}`;
        problems.add(here, message);
      }
    }
  }
}

function missingTypes(
  { file }: TextFile,
  entityTypes: ReadonlyMap<string, EntityTypeInfo>,
): Problem[] {
  const missing: string[] = [];
  if (!entityTypes.has('Service')) missing.push('`Service`');
  if (![...PRINCIPALS].some((name) => entityTypes.has(name))) {
    missing.push('`Workload` or `Anonymous`');
  }
  return missing.map((name) => {
    return problem('schema_rule', `the schema declares no entity type ${name}`, { file });
  });
}

function readActions(
  definition: Definition,
  types: TypeReader,
  options: { readonly environment: string | undefined; readonly problems: SchemaProblems },
): ReadonlyMap<string, ActionShape> {
  const nodes = new Map(
    Object.entries(definition.actions).map(([name, { memberOf = [], appliesTo }]) => {
      const applies = (appliesTo?.principalTypes.length ?? 0) > 0;
      return [name, { parents: memberOf.map(({ id }) => id), applies }];
    }),
  );
  checkGroups(nodes, options.problems);
  const actions = new Map<string, ActionShape>();
  for (const name of requestActions(nodes)) {
    const appliesTo = definition.actions[name]?.appliesTo;
    const principalTypes = new Set(appliesTo?.principalTypes ?? []);
    const resourceTypes = new Set(appliesTo?.resourceTypes ?? []);
    const subject: Subject = { declaration: 'action', name, path: [] };
    checkApplies(subject, 'principal', principalTypes, PRINCIPALS, options.problems);
    checkApplies(subject, 'resource', resourceTypes, RESOURCES, options.problems);
    const context = appliesTo?.context === undefined ? undefined : types.read(appliesTo.context);
    const fields = context?.kind === 'record' ? context.fields : new Map<string, Field>();
    actions.set(name, {
      principalTypes,
      resourceTypes,
      groups: groupsOf(name, nodes),
      context: readContextShape(name, fields, options),
    });
  }
  return actions;
}

/** A type that no request has would make policies for it look as if they did something. */
function checkApplies(
  subject: Subject,
  part: 'principal' | 'resource',
  found: ReadonlySet<string>,
  known: ReadonlySet<string>,
  problems: SchemaProblems,
): void {
  for (const type of found) {
    if (known.has(type)) continue;
    const message = `no request has a ${part} of type \`${type}\`: the action \`${subject.name}\` applies to it`;
    problems.add({ ...subject, path: [] }, message, `use ${[...known].join(' or ')}`);
  }
}

function requestSchema(
  entityTypes: ReadonlyMap<string, EntityTypeInfo>,
  actions: ReadonlyMap<string, ActionShape>,
): RequestSchema {
  const workload = entityTypes.get('Workload')?.attributes ?? new Map<string, CedarType>();
  const each = [...entityTypes];
  return {
    actions,
    workloadAttributes: new Set(WORKLOAD_ATTRIBUTES.filter((name) => workload.has(name))),
    parents: new Map(each.map(([name, { parents }]) => [name, parents])),
    attributes: new Map(each.map(([name, { attributes }]) => [name, new Set(attributes.keys())])),
  };
}
