/**
 * Reads tests/*.json in the form of the cedar CLI's `run-tests`: a list of {name, request, entities,
 * decision, reason, num_errors}. `entities` is a list, or the name of a file beside the test file.
 * Unlike the CLI, unknown fields are refused: a misspelt expectation would test nothing.
 */
import { readYaml, type YamlDocument, yamlPlace } from '../bundle/yaml.js';
import { checkShape } from '../bundle/yaml-shape.js';
import { parseJsonSource } from '../cedar/json-source.js';
import type { TextFile } from '../cedar/position.js';
import type { CedarValue, EntityData, EntityUid } from '../cedar/types.js';
import { TEST_NAME_CHARS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, okUnless, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { parseEntityUid } from './entity-uid.js';
import type { CedarTest } from './test-case.js';

const uidText = shape.string().transform((text, context) => {
  const uid = parseEntityUid(text);
  if (uid !== undefined) return uid;
  context.addIssue({ message: 'must have the form `Type::"id"`' });
  return shape.NEVER;
});

const uid = shape.strictObject({ type: shape.string(), id: shape.string() });
/** Both forms that Cedar itself takes. */
const entityUid = shape.union([
  uid,
  shape.strictObject({ __entity: uid }).transform((it) => it.__entity),
]);

const entitySchema = shape.strictObject({
  uid: entityUid,
  attrs: shape.record(shape.string(), shape.json()),
  parents: shape.array(entityUid),
  tags: shape.record(shape.string(), shape.json()).optional(),
});

const testSchema = shape.strictObject({
  name: shape
    .string()
    .max(TEST_NAME_CHARS_MAX, `must be at most ${TEST_NAME_CHARS_MAX} characters long`)
    .optional(),
  request: shape.strictObject({
    principal: uidText,
    action: uidText,
    resource: uidText,
    context: shape.record(shape.string(), shape.json()),
  }),
  entities: shape.union([shape.string(), shape.array(entitySchema)]),
  decision: shape.oneOf(['allow', 'deny']),
  reason: shape.array(shape.string()),
  num_errors: shape.int().min(0, 'must not be negative'),
});

type TestForm = shape.Output<typeof testSchema>;

const fileSchema = shape.array(testSchema).min(1, 'holds no tests');

/** All tests/*.json together: a test may take its entities from another of the files. */
export function parseCedarTests(sources: readonly TextFile[]): Result<CedarTest[]> {
  const documents = new Map<string, Result<YamlDocument>>();
  for (const source of sources) documents.set(source.file, readJson(source));
  const entityFiles = new Set<string>();
  for (const document of documents.values()) {
    for (const name of document.ok ? namedEntityFiles(document.value) : []) entityFiles.add(name);
  }
  const tests: CedarTest[] = [];
  const problems: Problem[] = [];
  for (const [file, document] of documents) {
    if (!document.ok) problems.push(...document.problems);
    else if (!entityFiles.has(file)) {
      const parsed = parseFile(document.value, documents);
      if (parsed.ok) tests.push(...parsed.value);
      else problems.push(...parsed.problems);
    }
  }
  return okUnless(problems, () => tests);
}

/** JSON, then again as the YAML that it also is: the tree in which checkShape finds places. */
function readJson(source: TextFile): Result<YamlDocument> {
  const json = parseJsonSource(source);
  return json.ok ? readYaml(source.file, source.text) : json;
}

function namedEntityFiles({ value }: YamlDocument): string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((test: unknown) => {
    const entities =
      typeof test === 'object' && test !== null && 'entities' in test && test.entities;
    return typeof entities === 'string' ? [fileBeside(entities)] : [];
  });
}

function fileBeside(name: string): string {
  return `tests/${name.replace(/^\.\//, '')}`;
}

function parseFile(
  document: YamlDocument,
  documents: ReadonlyMap<string, Result<YamlDocument>>,
): Result<CedarTest[]> {
  const shaped = checkShape(document, document.value, fileSchema, { code: 'test_invalid' });
  if (!shaped.ok) return shaped;
  const tests: CedarTest[] = [];
  const problems: Problem[] = [];
  for (const [index, form] of shaped.value.entries()) {
    const entities = entitiesOf(document, form, index, documents);
    if (entities.ok) tests.push(toTest(document, form, index, entities.value));
    else problems.push(...entities.problems);
  }
  return okUnless(problems, () => tests);
}

function entitiesOf(
  document: YamlDocument,
  { entities }: TestForm,
  index: number,
  documents: ReadonlyMap<string, Result<YamlDocument>>,
): Result<EntityData[]> {
  if (typeof entities !== 'string') return ok(entities.map(toEntity));
  const named = documents.get(fileBeside(entities));
  if (named === undefined) {
    const place = yamlPlace(document, [index, 'entities']);
    const help = 'give a list of entities, or the name of a .json file in tests/';
    return failed(problem('test_invalid', `there is no \`${entities}\``, { ...place, help }));
  }
  if (!named.ok) return ok([]); // told already
  const { value } = named;
  const shaped = checkShape(value, value.value, shape.array(entitySchema), {
    code: 'test_invalid',
  });
  return shaped.ok ? ok(shaped.value.map(toEntity)) : shaped;
}

function toEntity({ uid, attrs, parents, tags }: shape.Output<typeof entitySchema>): EntityData {
  const values = (record: object) => record as Record<string, CedarValue>;
  const entity = { uid, attrs: values(attrs), parents };
  return tags === undefined ? entity : { ...entity, tags: values(tags) };
}

function toTest(
  document: YamlDocument,
  form: TestForm,
  index: number,
  entities: readonly EntityData[],
): CedarTest {
  const { principal, action, resource, context } = form.request;
  return {
    kind: 'cedar',
    name: form.name ?? `unnamed test ${index + 1} of ${document.file}`,
    file: document.file,
    line: yamlPlace(document, [index]).line ?? 1,
    principal: principal as EntityUid,
    action: action as EntityUid,
    resource: resource as EntityUid,
    context,
    entities,
    expect: {
      decision: form.decision,
      reason: [...form.reason].sort(),
      errorsCount: form.num_errors,
    },
  };
}
