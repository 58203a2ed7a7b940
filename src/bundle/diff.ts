/**
 * What two bundles say differently, file by file of meaning: manifest, policies, schema, routes,
 * entities. Pure. What the difference means for requests is found elsewhere (analysis/meaning).
 */
import { splitText } from '../cedar/policy-parts.js';
import { type SchemaOutline, schemaOutline } from '../cedar/schema-outline.js';
import type { CedarProgram, Effect, EntityData, EntityUid, PolicySource } from '../cedar/types.js';
import type { BundleManifest, CompiledBundle, Route } from './types.js';

export interface StructuralDiff {
  /** Fields of bundle.yaml. */
  readonly manifest: readonly FieldChange[];
  readonly policies: PolicyChanges;
  readonly schema: readonly ItemChange[];
  readonly routes: readonly ItemChange[];
}

/** null = not there. */
export interface FieldChange {
  readonly field: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Something with a name that was added, removed or changed. */
export interface ItemChange {
  /** `action GET`, `route refund`. */
  readonly what: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Empty for what was added or removed as a whole. */
  readonly fields: readonly FieldChange[];
}

export interface PolicyChanges {
  readonly added: readonly PolicyRef[];
  readonly removed: readonly PolicyRef[];
  readonly changed: readonly PolicyChange[];
  readonly unchanged: number;
}

export interface PolicyRef {
  readonly id: string;
  readonly effect: Effect;
  readonly owner: string;
  readonly description: string;
  readonly file: string;
  readonly line: number;
}

export interface PolicyChange {
  readonly id: string;
  readonly before: PolicyRef;
  readonly after: PolicyRef;
  /** `text` is scope and conditions, whatever their layout and comments. */
  readonly fields: readonly PolicyField[];
}

export type PolicyField = 'effect' | 'owner' | 'description' | 'text' | 'annotations' | 'file';

/** Entities as one environment has them. */
export interface EntityChanges {
  /** null = no environment: entities.json alone. */
  readonly environment: string | null;
  readonly changes: readonly ItemChange[];
}

export function diffStructure(a: CompiledBundle, b: CompiledBundle): StructuralDiff {
  return {
    manifest: fieldChanges(manifestFields(a.manifest), manifestFields(b.manifest)),
    policies: diffPolicies(a.program.policies, b.program.policies),
    schema: diffSchemas(a.program, b.program),
    routes: itemChanges(routeItems(a.routes), routeItems(b.routes)),
  };
}

export function diffEntities(
  a: CompiledBundle,
  b: CompiledBundle,
  environment: string | undefined,
): EntityChanges {
  const changes = itemChanges(entityItems(a.program.entities), entityItems(b.program.entities));
  return { environment: environment ?? null, changes };
}

export function isEmptyStructure({ manifest, policies, schema, routes }: StructuralDiff): boolean {
  const { added, removed, changed } = policies;
  return [manifest, added, removed, changed, schema, routes].every((list) => list.length === 0);
}

type Fields = ReadonlyMap<string, string>;
type Items = ReadonlyMap<string, Fields>;

function itemChanges(before: Items, after: Items): ItemChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((what): ItemChange[] => {
    const left = before.get(what);
    const right = after.get(what);
    if (left === undefined) return [{ what, change: 'added', fields: [] }];
    if (right === undefined) return [{ what, change: 'removed', fields: [] }];
    const fields = fieldChanges(left, right);
    return fields.length === 0 ? [] : [{ what, change: 'changed', fields }];
  });
}

function fieldChanges(before: Fields, after: Fields): FieldChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((field) => {
    const left = before.get(field) ?? null;
    const right = after.get(field) ?? null;
    return left === right ? [] : [{ field, before: left, after: right }];
  });
}

function manifestFields({ name, version, owner, scope, protocol, path }: BundleManifest): Fields {
  const fields = new Map([
    ['name', name],
    ['version', version],
    ['owner', owner],
    ['scope.destinations', scope === undefined ? 'any' : listText(scope.destinations)],
    ['protocol', protocol],
  ]);
  if (path.allow.length > 0) fields.set('path.allow', listText(path.allow));
  return fields;
}

function listText(values: readonly string[]): string {
  return [...values].sort().join(', ');
}

function diffPolicies(
  before: readonly PolicySource[],
  after: readonly PolicySource[],
): PolicyChanges {
  const left = new Map(before.map((policy) => [policy.id, policy]));
  const right = new Map(after.map((policy) => [policy.id, policy]));
  const changed = after.flatMap((policy): PolicyChange[] => {
    const old = left.get(policy.id);
    const fields = old === undefined ? [] : policyFields(old, policy);
    if (old === undefined || fields.length === 0) return [];
    return [{ id: policy.id, before: refOf(old), after: refOf(policy), fields }];
  });
  const added = after.filter(({ id }) => !left.has(id));
  return {
    added: added.map(refOf),
    removed: before.filter(({ id }) => !right.has(id)).map(refOf),
    changed,
    unchanged: after.length - added.length - changed.length,
  };
}

function policyFields(before: PolicySource, after: PolicySource): PolicyField[] {
  const fields: PolicyField[] = [];
  for (const field of ['effect', 'owner', 'description', 'file'] as const) {
    if (before[field] !== after[field]) fields.push(field);
  }
  if (before.text === after.text) return fields;
  const left = splitText(before.text);
  const right = splitText(after.text);
  if (left.statement !== right.statement) fields.push('text');
  if (left.annotations !== right.annotations) fields.push('annotations');
  return fields;
}

function refOf({ id, effect, owner, description, file, line }: PolicySource): PolicyRef {
  return { id, effect, owner, description, file, line };
}

function diffSchemas(a: CedarProgram, b: CedarProgram): ItemChange[] {
  if (a.schemaText === b.schemaText) return [];
  return itemChanges(
    schemaItems(schemaOutline(a.schemaText)),
    schemaItems(schemaOutline(b.schemaText)),
  );
}

function schemaItems({ actions, entityTypes }: SchemaOutline): Items {
  const items = new Map<string, Fields>();
  for (const [name, action] of actions) {
    const fields = new Map([
      ['groups', listText([...action.groups])],
      ['principals', listText(action.principals)],
      ['resources', listText(action.resources)],
    ]);
    for (const [path, type] of action.context) fields.set(`context.${path}`, type);
    items.set(`action ${name}`, fields);
  }
  for (const [name, { parents, attributes, tags, ids }] of entityTypes) {
    const fields = new Map([['parents', listText(parents)]]);
    for (const [path, type] of attributes) fields.set(`attribute ${path}`, type);
    if (tags !== undefined) fields.set('tags', tags);
    if (ids !== undefined) fields.set('ids', listText(ids));
    items.set(`entity type ${name}`, fields);
  }
  return items;
}

function routeItems(routes: readonly Route[]): Items {
  return new Map(
    routes.map((route) => {
      const fields = new Map<string, string>();
      if (route.kind === 'grpc') fields.set('grpc', `${route.service}/${route.method}`);
      else {
        fields.set('path', routePath(route));
        fields.set('methods', route.methods === undefined ? 'all' : listText(route.methods));
        if (route.allowSemicolon) fields.set('allow', 'semicolon');
      }
      fields.set('access', route.access ?? 'by method');
      return [`route ${route.name}`, fields];
    }),
  );
}

function routePath({ segments }: Extract<Route, { kind: 'http' }>): string {
  const parts = segments.map((segment) => {
    return 'literal' in segment ? segment.literal : `{${segment.param}}`;
  });
  return `/${parts.join('/')}`;
}

function entityItems(entities: readonly EntityData[]): Items {
  return new Map(
    entities.map(({ uid, attrs, parents, tags = {} }) => {
      const fields = new Map<string, string>();
      // One line a parent, so that one more is one change.
      for (const parent of parents) fields.set(`in ${uidText(parent)}`, 'yes');
      for (const [name, value] of Object.entries(attrs)) fields.set(name, JSON.stringify(value));
      for (const [name, value] of Object.entries(tags)) {
        fields.set(`tag ${name}`, JSON.stringify(value));
      }
      return [uidText(uid), fields];
    }),
  );
}

function uidText({ type, id }: EntityUid): string {
  return `${type}::${JSON.stringify(id)}`;
}
