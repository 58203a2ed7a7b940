/** Small schemas and policies for the tests of this room. */
import { createRequire } from 'node:module';
import { type CompiledProgram, compileProgram } from '../../../src/cedar/compile.js';
import { type CedarApi, Engine } from '../../../src/cedar/engine.js';
import type {
  CedarProgram,
  CedarRequest,
  CedarValue,
  KnownProgram,
} from '../../../src/cedar/types.js';
import type { Problem } from '../../../src/errors.js';
import type { Result } from '../../../src/result.js';

export const SCHEMA = `entity TrustDomain;
entity Namespace in [TrustDomain];
entity Workload in [Namespace, TrustDomain] {
  namespace?: String,
  serviceAccount?: String,
  tier?: Long,
  peer?: Workload,
} tags String;
entity Anonymous;
entity Service { critical?: Bool };
entity Route in [Service];

action read, write;
action GET, HEAD in [read] appliesTo {
  principal: [Workload, Anonymous],
  resource: [Service, Route],
  context: { path: String, headers?: { "x-tenant"?: String }, claims?: { sub?: String } },
};
action POST in [write] appliesTo {
  principal: Workload,
  resource: [Service, Route],
  context: { path: String },
};
`;

const MODULE = createRequire(import.meta.url).resolve('@cedar-policy/cedar-wasm/nodejs');

/** Each call gives an instance with memory of its own, so that breaking one harms no other test. */
export function loadInstance(): CedarApi {
  const require = createRequire(import.meta.url);
  delete require.cache[MODULE];
  return require(MODULE) as CedarApi;
}

export function freshEngine(nowMs: () => number = () => 0): Engine {
  return new Engine({ load: loadInstance, nowMs });
}

/** A policy with its annotations; `rest` begins with the effect. */
export function policy(id: string, rest: string): string {
  return `@id("${id}")\n@owner("team-a")\n@description("a test")\n${rest}\n`;
}

export interface Sources {
  readonly schema?: string;
  readonly policies?: string | Record<string, string>;
  readonly entities?: unknown;
  readonly environmentEntities?: unknown;
  readonly environment?: string;
}

function entityText(entities: unknown): string {
  return typeof entities === 'string' ? entities : JSON.stringify(entities, null, 1);
}

export function compileSources(sources: Sources, known?: KnownProgram): Result<CompiledProgram> {
  const policies = sources.policies ?? policy('all', 'permit (principal, action, resource);');
  const byName = typeof policies === 'string' ? { 'a.cedar': policies } : policies;
  const { entities, environmentEntities, environment } = sources;
  const entityFiles = [];
  if (entities !== undefined) {
    entityFiles.push({ file: 'entities.json', text: entityText(entities) });
  }
  if (environmentEntities !== undefined) {
    entityFiles.push({ file: 'entities.test.json', text: entityText(environmentEntities) });
  }
  const files = {
    schemaFile: { file: 'schema.cedarschema', text: sources.schema ?? SCHEMA },
    policyFiles: Object.entries(byName).map(([file, text]) => ({ file, text })),
    entityFiles,
    environment,
  };
  return compileProgram(files, known);
}

export function programOf(sources: Sources): CedarProgram {
  const compiled = compileSources(sources);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 1));
  return compiled.value.program;
}

export function problemsOf(result: Result<unknown>): readonly Problem[] {
  return result.ok ? [] : result.problems;
}

/** `file:line:column code message` without the excerpt. */
export function lines(result: Result<unknown>): string[] {
  return problemsOf(result).map(({ file, line, column, code, message }) => {
    return `${[file, line, column].filter((part) => part !== undefined).join(':')} ${code} ${message}`;
  });
}

export const TRUST_DOMAIN = 'example.org';

export function workloadId(namespace: string, account: string): string {
  return `spiffe://${TRUST_DOMAIN}/ns/${namespace}/sa/${account}`;
}

/** What the check room asks for a caller in the usual form. */
export function request(
  overrides: {
    readonly namespace?: string;
    readonly account?: string;
    readonly action?: string;
    readonly service?: string;
    readonly route?: string;
    readonly context?: Record<string, CedarValue>;
  } = {},
): CedarRequest {
  const {
    namespace = 'shop',
    account = 'orders',
    action = 'GET',
    service = 'shop/payments',
  } = overrides;
  const trustDomain = { type: 'TrustDomain', id: TRUST_DOMAIN };
  const namespaceUid = { type: 'Namespace', id: `${TRUST_DOMAIN}/${namespace}` };
  const serviceUid = { type: 'Service', id: service };
  const serviceEntity = { uid: serviceUid, attrs: {}, parents: [] };
  const { route } = overrides;
  const resource =
    route === undefined
      ? serviceEntity
      : { uid: { type: 'Route', id: `${service}/${route}` }, attrs: {}, parents: [serviceUid] };
  return {
    principal: {
      uid: { type: 'Workload', id: workloadId(namespace, account) },
      attrs: { namespace, serviceAccount: account },
      parents: [namespaceUid, trustDomain],
    },
    action,
    resource,
    ancestors: [
      { uid: namespaceUid, attrs: {}, parents: [trustDomain] },
      { uid: trustDomain, attrs: {}, parents: [] },
      ...(route === undefined ? [] : [serviceEntity]),
    ],
    context: overrides.context ?? { path: '/a' },
  };
}
