/**
 * What an action's context declares, checked against what a request can fill (formats.md, 2). A
 * declared attribute is also the permission to read it: nothing undeclared is taken from a request.
 */
import {
  below,
  checkUntrusted,
  pathText,
  type SchemaProblems,
  type Subject,
} from './schema-rules.js';
import { type CedarType, type Field, typeText } from './schema-types.js';
import type { ContextShape, TaskField, ValueShape } from './types.js';

interface Task {
  readonly action: string;
  readonly subject: Subject;
  readonly problems: SchemaProblems;
}

type Fields = ReadonlyMap<string, Field>;

/** Actions of requests that have no path. */
const PATHLESS: ReadonlySet<string> = new Set(['CONNECT', 'connect']);
const RPC = 'rpc';
/** A lower-case field name of HTTP; pseudo headers such as `:path` are not headers. */
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

const EMPTY: ContextShape = {
  path: false,
  params: undefined,
  query: undefined,
  headers: undefined,
  claims: undefined,
  task: undefined,
  environment: false,
  grpc: undefined,
  sourceAddress: false,
  time: false,
  required: new Set(),
};

type ShapeBuilder = { -readonly [K in keyof ContextShape]: ContextShape[K] };

/** The shape, as far as it has no problems: `problems` tells them. */
export function readContextShape(
  action: string,
  context: Fields,
  options: { readonly environment: string | undefined; readonly problems: SchemaProblems },
): ContextShape {
  const { problems } = options;
  const root: Subject = { declaration: 'action', name: action, path: ['context'] };
  const required = new Set<string>();
  const shape: ShapeBuilder = { ...EMPTY, required };
  for (const [name, field] of context) {
    const subject = below(root, name);
    const task: Task = { action, subject, problems };
    if (!readAttribute(name, field, task, shape)) {
      problems.add(subject, `no request can fill \`${pathText(subject)}\``);
    } else if (field.required) {
      required.add(name);
      checkRequired(name, task, options.environment);
    }
  }
  return shape;
}

/** False for an attribute that cedargate does not know. */
function readAttribute(name: string, field: Field, task: Task, shape: ShapeBuilder): boolean {
  switch (name) {
    case 'path':
    case 'environment':
      shape[name] = expect(field.type, 'String', task);
      return true;
    case 'sourceAddress':
      shape.sourceAddress = expect(field.type, 'ipaddr', task);
      return true;
    case 'time':
      shape.time = expect(field.type, 'datetime', task);
      return true;
    case 'params':
      shape.params = keysOf(field.type, 'String', task);
      return true;
    case 'query':
      shape.query = keysOf(field.type, 'Set<String>', task);
      return true;
    case 'headers':
      shape.headers = headersOf(field.type, task);
      return true;
    case 'claims':
      shape.claims = claimsOf(field.type, task);
      return true;
    case 'task':
      shape.task = taskOf(field.type, task);
      return true;
    case 'grpc':
      shape.grpc = grpcOf(field.type, task);
      return true;
    default:
      return false;
  }
}

function checkRequired(name: string, task: Task, environment: string | undefined): void {
  const { action, subject, problems } = task;
  const here = `\`${pathText(subject)}\``;
  if (name === 'path') {
    if (!PATHLESS.has(action)) return;
    problems.add(
      subject,
      `${here} must be optional: a request with action \`${action}\` has no path`,
    );
  } else if (name === 'environment') {
    if (environment !== undefined) return;
    const help = 'give --environment, or declare it as `environment?: String`';
    problems.add(subject, `${here} is required, but no environment is configured`, help);
  } else if (name !== 'grpc' || action !== RPC) {
    problems.add(subject, `${here} must be optional: not every request has it`);
  }
}

function expect(type: CedarType, wanted: string, { subject, problems }: Task): boolean {
  if (typeText(type) === wanted) return true;
  problems.add(
    subject,
    `\`${pathText(subject)}\` must be of type ${wanted}, not ${typeText(type)}`,
  );
  return false;
}

function fieldsOf(type: CedarType, { subject, problems }: Task): Fields {
  if (type.kind === 'record') return type.fields;
  problems.add(subject, `\`${pathText(subject)}\` must be a record, not ${typeText(type)}`);
  return new Map();
}

function inside(task: Task, name: string): Task {
  return { ...task, subject: below(task.subject, name) };
}

/** A record whose fields all have one type, and are optional. */
function keysOf(type: CedarType, wanted: string, task: Task): ReadonlySet<string> {
  const fields = fieldsOf(type, task);
  for (const [name, field] of fields) {
    const here = inside(task, name);
    checkUntrusted(here.subject, { ...field, type: { kind: 'string' } }, task.problems);
    expect(field.type, wanted, here);
  }
  return new Set(fields.keys());
}

function headersOf(type: CedarType, task: Task): ContextShape['headers'] {
  const headers = new Map<string, 'string' | 'set'>();
  for (const [name, field] of fieldsOf(type, task)) {
    const { subject } = inside(task, name);
    checkUntrusted(subject, { ...field, type: { kind: 'string' } }, task.problems);
    if (!HEADER_NAME.test(name)) {
      const message = `\`${name}\` is no header name: lower-case, without a leading colon`;
      task.problems.add(subject, message);
    }
    const found = typeText(field.type);
    if (found !== 'String' && found !== 'Set<String>') {
      const message = `\`${pathText(subject)}\` must be of type String or Set<String>, not ${found}`;
      task.problems.add(subject, message);
    }
    headers.set(name, found === 'String' ? 'string' : 'set');
  }
  return headers;
}

function claimsOf(type: CedarType, task: Task): ContextShape['claims'] {
  const fields = fieldsOf(type, task);
  for (const [name, field] of fields) {
    checkUntrusted(inside(task, name).subject, field, task.problems);
  }
  return shapesOf(fields);
}

function shapesOf(fields: Fields): ReadonlyMap<string, ValueShape> {
  return new Map([...fields].map(([name, field]) => [name, shapeOf(field.type)]));
}

function shapeOf(type: CedarType): ValueShape {
  switch (type.kind) {
    case 'string':
    case 'long':
    case 'boolean':
      return { kind: type.kind };
    case 'set':
      return { kind: 'set', element: shapeOf(type.element) };
    case 'record':
      return { kind: 'record', fields: shapesOf(type.fields) };
    case 'entity':
    case 'extension':
      // Refused by checkUntrusted: this shape is thrown away with the schema.
      return { kind: 'string' };
  }
}

const TASK_TYPES: ReadonlyMap<string, string> = new Map<TaskField, string>([
  ['id', 'String'],
  ['kind', 'String'],
  ['intent', 'String'],
  ['chain', 'Set<String>'],
  ['expiresAt', 'datetime'],
  ['credentialSeconds', 'Long'],
]);
const GRPC_TYPES: ReadonlyMap<string, string> = new Map([
  ['service', 'String'],
  ['method', 'String'],
]);

function taskOf(type: CedarType, task: Task): ContextShape['task'] {
  const fields = fieldsOf(type, task);
  for (const [name, field] of fields) {
    // cedargate makes expiresAt from a number, so its extension type is safe.
    const { subject } = inside(task, name);
    checkUntrusted(subject, { ...field, type: { kind: 'string' } }, task.problems);
  }
  return knownFields(fields, TASK_TYPES, task) as ContextShape['task'];
}

/** Filled by cedargate from the path, so its fields may be required. */
function grpcOf(type: CedarType, task: Task): ContextShape['grpc'] {
  return knownFields(fieldsOf(type, task), GRPC_TYPES, task) as ContextShape['grpc'];
}

function knownFields(
  fields: Fields,
  types: ReadonlyMap<string, string>,
  task: Task,
): ReadonlySet<string> {
  for (const [name, field] of fields) {
    const here = inside(task, name);
    const wanted = types.get(name);
    if (wanted === undefined) {
      task.problems.add(here.subject, `no request can fill \`${pathText(here.subject)}\``);
    } else {
      expect(field.type, wanted, here);
    }
  }
  return new Set(fields.keys());
}
