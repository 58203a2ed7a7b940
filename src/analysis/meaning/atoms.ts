/**
 * What conditions ask of the context: tests of one field against constants (atoms), which split its
 * values exactly. Whatever has another form is named, and the field is only sampled.
 */
import { childrenOf, type Expression } from '../../cedar/policy-json.js';
import type { Condition } from '../../cedar/policy-parts.js';
import { expressionText } from '../../cedar/policy-parts.js';
import type { CedarValue } from '../../cedar/types.js';
import {
  type Constant,
  constantIn,
  constantText,
  elementsOf,
  fieldOf,
  literalOf,
  mentionsContext,
  type Plain,
  pathOf,
  setOf,
} from './operands.js';
import { ANY_RUN, literal, type Pattern } from './strings.js';

/** A test of one field. `text` is Cedar text for people and tells atoms apart. */
export type Atom = { readonly text: string } & (
  | { readonly kind: 'equals'; readonly value: Plain }
  | { readonly kind: 'like'; readonly pattern: Pattern }
  /** Of a set. */
  | { readonly kind: 'contains'; readonly value: Plain }
  /** A number or a time (milliseconds since the epoch) with the side on which the limit itself is. */
  | Limit
  /** An address or range as `ip` takes it. */
  | { readonly kind: 'range'; readonly range: string }
  /** Compared with another field: both have a value in common to try. */
  | { readonly kind: 'beside'; readonly other: string }
);

export interface Limit {
  readonly kind: 'limit';
  readonly value: number;
  /** As the constant is written. */
  readonly written: string;
  /** `<` parts below from the rest, `<=` above from the rest, `==` the limit from the rest. */
  readonly by: '<' | '<=' | '==';
}

export interface Reads {
  /** `claims.tenant` -> its atoms by text. `claims` alone stands for the presence of the record. */
  readonly fields: ReadonlyMap<string, ReadonlyMap<string, Atom>>;
  /** Expressions that are not understood, as text. */
  readonly inexact: readonly string[];
  /** Whether the conditions look at the action. */
  readonly action: boolean;
}

/** All values that an attribute has anywhere, for tests of a field against an attribute. */
export type AttributeValues = (name: string) => readonly CedarValue[];

/** A text that two fields are given so that they can be equal. */
export const SHARED_TEXT = 'same';

export function readsOfConditions(
  conditions: readonly Condition[],
  valuesOf: AttributeValues,
): Reads {
  const reader = new Reader(valuesOf);
  for (const { body } of conditions) reader.truth(body);
  const { fields, inexact, action } = reader;
  return { fields, inexact: [...inexact], action };
}

interface Operands {
  readonly left: Expression;
  readonly right: Expression;
  readonly arg: Expression;
  readonly attr: string | readonly string[];
  readonly pattern: readonly ('Wildcard' | { readonly Literal: string })[];
}

const ORDER: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);
const LOGIC: ReadonlySet<string> = new Set(['!', '&&', '||', 'if-then-else']);
const SETS: ReadonlySet<string> = new Set(['contains', 'containsAll', 'containsAny']);
/** Ranges that the tests of the same name stand for. */
const ADDRESS_TESTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['isIpv4', ['0.0.0.0/0']],
  ['isIpv6', ['::/0']],
  ['isLoopback', ['127.0.0.0/8', '::1']],
  ['isMulticast', ['224.0.0.0/4', 'ff00::/8']],
]);

class Reader {
  readonly fields = new Map<string, Map<string, Atom>>();
  readonly inexact = new Set<string>();
  action = false;

  constructor(private readonly valuesOf: AttributeValues) {}

  /** An expression in a place where a truth value is wanted. */
  truth(expression: Expression): void {
    const [operator, inner] = Object.entries(expression)[0] as [string, unknown];
    const operands = inner as Operands;
    if (fieldOf(expression) !== undefined) {
      this.#atom(expression, { kind: 'equals', value: true, text: expressionText(expression) });
    } else if (LOGIC.has(operator)) {
      for (const child of childrenOf(expression)) this.truth(child);
    } else if (operator === '==' || operator === '!=') this.#equality(expression, operands);
    else if (ORDER.has(operator)) this.#order(expression, operands);
    else if (operator === 'like' && fieldOf(operands.left) !== undefined) {
      const pattern = operands.pattern.flatMap((part): Pattern => {
        return part === 'Wildcard' ? [ANY_RUN] : literal(part.Literal);
      });
      this.#atom(operands.left, { kind: 'like', pattern, text: expressionText(expression) });
    } else if (operator === 'has') this.#presence(operands);
    else if (SETS.has(operator)) this.#sets(expression, operands);
    else if (operator === 'isEmpty' && fieldOf(operands.arg) !== undefined) {
      this.#field(operands.arg);
    } else if (Array.isArray(inner) && operator !== 'Set') this.#call(expression, operator, inner);
    else this.#other(expression);
  }

  #presence({ left, attr }: Operands): void {
    const base = pathOf(left);
    if (base === undefined) {
      this.#other(left);
      return;
    }
    const names = typeof attr === 'string' ? [attr] : attr;
    names.forEach((_, index) => {
      this.#fieldNamed([...base, ...names.slice(0, index + 1)].join('.'));
    });
  }

  #equality(expression: Expression, { left, right }: Operands): void {
    const [field, other] = fieldOf(left) === undefined ? [right, left] : [left, right];
    const name = fieldOf(field);
    if (name === undefined) {
      this.#both(left, right);
      return;
    }
    const value = literalOf(other);
    const set = setOf(other);
    const beside = fieldOf(other);
    const values = value === undefined ? this.#attribute(other) : [value];
    if (beside !== undefined) this.#beside(expression, field, other);
    else if (set !== undefined) {
      this.#field(field);
      for (const element of set) this.#contains(field, element);
    } else if (values === undefined) this.#other(expression);
    else {
      this.#field(field);
      for (const each of values) this.#equals(field, each);
    }
  }

  /** A field against one value, of whatever type. */
  #equals(field: Expression, value: Constant): void {
    const text = `${expressionText(field)} == ${constantText(value)}`;
    if (typeof value === 'number' || (typeof value === 'object' && 'ms' in value)) {
      this.#limit(field, value, '==');
    } else if (typeof value !== 'object') this.#atom(field, { kind: 'equals', value, text });
    else if ('range' in value) this.#atom(field, { kind: 'range', range: value.range, text });
    else for (const element of value.set) this.#contains(field, element);
  }

  #contains(field: Expression, value: Plain): void {
    const text = `${expressionText(field)}.contains(${JSON.stringify(value)})`;
    this.#atom(field, { kind: 'contains', value, text });
  }

  #order(expression: Expression, { left, right }: Operands): void {
    const leftField = fieldOf(left);
    const [field, other] = leftField === undefined ? [right, left] : [left, right];
    if (fieldOf(field) === undefined) {
      this.#both(left, right);
      return;
    }
    if (fieldOf(other) !== undefined) {
      this.#beside(expression, field, other);
      return;
    }
    const value = literalOf(other);
    const values = value === undefined ? this.#attribute(other) : [value];
    if (values === undefined) {
      this.#other(expression);
      return;
    }
    this.#field(field);
    const [operator = ''] = Object.keys(expression);
    // `900 >= x` is `x <= 900`; an opposite parts the values at the same place.
    const inclusive = operator === '<=' || operator === '>';
    const by = inclusive === (field === left) ? '<=' : '<';
    for (const each of values) this.#limit(field, each, by);
  }

  #limit(field: Expression, limit: Constant, by: Limit['by']): void {
    const value = typeof limit === 'object' && 'ms' in limit ? limit.ms : limit;
    if (typeof value !== 'number') return;
    const written = constantText(limit);
    const text = `${expressionText(field)} ${by} ${written}`;
    this.#atom(field, { kind: 'limit', value, written, by, text });
  }

  /** `time` against `task.expiresAt` is understood; of other pairs only some values are tried. */
  #beside(expression: Expression, one: Expression, other: Expression): void {
    const names = [fieldOf(one) ?? '', fieldOf(other) ?? ''];
    const understood = names.includes('time') && names.includes('task.expiresAt');
    if (!understood) this.inexact.add(expressionText(expression));
    const text = expressionText(expression);
    this.#atom(one, { kind: 'beside', other: names[1] ?? '', text });
    this.#atom(other, { kind: 'beside', other: names[0] ?? '', text });
  }

  #sets(expression: Expression, { left, right }: Operands): void {
    const [field, other] = fieldOf(left) === undefined ? [right, left] : [left, right];
    const fieldIsSet = field === left || !('contains' in expression);
    if (fieldOf(field) === undefined || fieldOf(other) !== undefined) {
      this.#other(expression);
      return;
    }
    const value = literalOf(other);
    const values = setOf(other) ?? (value === undefined ? this.#attribute(other) : [value]);
    if (values === undefined) {
      this.#other(expression);
      return;
    }
    this.#field(field);
    for (const each of values.flatMap(elementsOf)) {
      if (fieldIsSet) this.#contains(field, each);
      else this.#equals(field, each);
    }
  }

  #call(expression: Expression, name: string, [subject, range]: Expression[]): void {
    if (subject === undefined || fieldOf(subject) === undefined) {
      this.#other(expression);
      return;
    }
    const text = expressionText(expression);
    const ranges = ADDRESS_TESTS.get(name) ?? this.#ranges(name, range);
    if (ranges === undefined) {
      this.#other(expression);
      return;
    }
    for (const each of ranges) this.#atom(subject, { kind: 'range', range: each, text });
  }

  #ranges(name: string, range: Expression | undefined): readonly string[] | undefined {
    if (name !== 'isInRange' || range === undefined) return undefined;
    const value = literalOf(range);
    const values = value === undefined ? this.#attribute(range) : [value];
    return values?.flatMap((each) => {
      return typeof each === 'object' && 'range' in each ? [each.range] : [];
    });
  }

  #both(left: Expression, right: Expression): void {
    for (const side of [left, right]) {
      if (mentionsContext(side)) this.truth(side);
      else this.#lookForAction(side);
    }
  }

  /** Anything else: its fields are read, and how is not understood. */
  #other(expression: Expression): void {
    this.#lookForAction(expression);
    if (!mentionsContext(expression)) return;
    this.inexact.add(expressionText(expression));
    const rest = [expression];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      if (fieldOf(next) !== undefined) this.#field(next);
      else rest.push(...childrenOf(next));
    }
  }

  /** The values of the attribute that an expression ends in, when it has no part of the context. */
  #attribute(expression: Expression): readonly Constant[] | undefined {
    if (!('.' in expression) || mentionsContext(expression)) return undefined;
    this.#lookForAction(expression);
    return this.valuesOf((expression['.'] as { attr: string }).attr).flatMap(
      (value) => constantIn(value) ?? [],
    );
  }

  #lookForAction(expression: Expression): void {
    const rest = [expression];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      if ('Var' in next && next.Var === 'action') this.action = true;
      rest.push(...childrenOf(next));
    }
  }

  #field(expression: Expression): Map<string, Atom> {
    return this.#fieldNamed(fieldOf(expression) ?? '');
  }

  #fieldNamed(name: string): Map<string, Atom> {
    const atoms = this.fields.get(name) ?? new Map<string, Atom>();
    this.fields.set(name, atoms);
    return atoms;
  }

  #atom(field: Expression, atom: Atom): void {
    this.#field(field).set(atom.text, atom);
  }
}
