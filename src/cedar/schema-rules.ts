/** What the rules on a schema share: a place to put problems, and the walk below untrusted data. */
import { type Problem, problem } from '../errors.js';
import type { Declaration, SchemaPlaces } from './schema-places.js';
import type { CedarType, Field } from './schema-types.js';

/** Where in the schema a rule is looking. */
export interface Subject {
  readonly declaration: Declaration;
  readonly name: string;
  readonly path: readonly string[];
}

export class SchemaProblems {
  readonly list: Problem[] = [];

  constructor(private readonly places: SchemaPlaces) {}

  add(subject: Subject, message: string, help?: string): void {
    const place = this.places.of(subject.declaration, subject.name, subject.path);
    const advice = help === undefined ? {} : { help };
    const found = problem('schema_rule', message, { ...place, ...advice });
    const key = `${found.line}:${found.column}:${message}`;
    // One declaration of several actions, or one common type, says the same many times.
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push(found);
  }

  readonly #seen = new Set<string>();
}

export function below(subject: Subject, step: string): Subject {
  return { ...subject, path: [...subject.path, step] };
}

/** `context.claims.sub` */
export function pathText(subject: Subject): string {
  return subject.path.join('.');
}

/**
 * Data of a client fills these. An entity or extension type would turn a client's text into a
 * reference that policies trust, and a required field would let a client break every request.
 */
export function checkUntrusted(subject: Subject, field: Field, problems: SchemaProblems): void {
  if (field.required) {
    problems.add(
      subject,
      `\`${pathText(subject)}\` must be optional: a client decides what it sends`,
    );
  }
  checkUntrustedType(subject, field.type, problems);
}

function checkUntrustedType(subject: Subject, type: CedarType, problems: SchemaProblems): void {
  switch (type.kind) {
    case 'string':
    case 'long':
    case 'boolean':
      return;
    case 'set':
      checkUntrustedType(subject, type.element, problems);
      return;
    case 'record':
      for (const [name, field] of type.fields) {
        checkUntrusted(below(subject, name), field, problems);
      }
      return;
    case 'entity':
    case 'extension': {
      const what = type.kind === 'entity' ? 'entity' : 'extension';
      const message = `\`${pathText(subject)}\` has the ${what} type \`${type.name}\`, which data of a client must never become`;
      problems.add(
        subject,
        message,
        'declare it as String, Long, Bool, or a Set or record of these',
      );
    }
  }
}
