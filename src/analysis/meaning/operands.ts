/** What stands on either side of a comparison: a field of the context, or a constant. */
import { childrenOf, type Expression } from '../../cedar/policy-json.js';
import type { CedarValue } from '../../cedar/types.js';

export type Plain = string | number | boolean;

/** `context.claims.tenant` -> [claims, tenant]; `context` -> []; undefined for anything else. */
export function pathOf(expression: Expression): readonly string[] | undefined {
  if ('Var' in expression) return expression.Var === 'context' ? [] : undefined;
  if (!('.' in expression)) return undefined;
  const { left, attr } = expression['.'] as { left: Expression; attr: string };
  const base = pathOf(left);
  return base === undefined ? undefined : [...base, attr];
}

export function fieldOf(expression: Expression): string | undefined {
  const path = pathOf(expression);
  return path === undefined || path.length === 0 ? undefined : path.join('.');
}

export function mentionsContext(expression: Expression): boolean {
  if ('Var' in expression) return expression.Var === 'context';
  return childrenOf(expression).some(mentionsContext);
}

/** A constant: plain, an address, a time, or a set of plain ones. */
export type Constant =
  | Plain
  | { readonly range: string }
  | { readonly ms: number; readonly written: string }
  | { readonly set: readonly Plain[] };

export function literalOf(expression: Expression): Constant | undefined {
  if ('Value' in expression) {
    const { Value: value } = expression;
    const plain = typeof value === 'string' || typeof value === 'boolean';
    // JavaScript's numbers end at 2^53: beyond, this would be another number.
    return plain || Number.isSafeInteger(value) ? (value as Plain) : undefined;
  }
  if ('neg' in expression) {
    const inner = literalOf((expression as { neg: { arg: Expression } }).neg.arg);
    return typeof inner === 'number' ? -inner : undefined;
  }
  const [name, args] = Object.entries(expression)[0] as [string, unknown];
  const [only] = Array.isArray(args) ? (args as Expression[]) : [];
  if (only === undefined || !('Value' in only) || typeof only.Value !== 'string') return undefined;
  return extension(name, only.Value);
}

function extension(name: string, text: string): Constant | undefined {
  if (name === 'ip') return { range: text };
  if (name !== 'datetime') return undefined;
  // Cedar writes offsets as +0100.
  const ms = Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  return Number.isNaN(ms) ? undefined : { ms, written: text };
}

export function setOf(expression: Expression): readonly Plain[] | undefined {
  if (!('Set' in expression) || !Array.isArray(expression.Set)) return undefined;
  const elements = (expression.Set as Expression[]).map(literalOf);
  const plain = elements.filter((element) => element !== undefined && typeof element !== 'object');
  return plain.length === elements.length ? (plain as Plain[]) : undefined;
}

/** A value of an entity's attribute. */
export function constantIn(value: CedarValue): Constant | undefined {
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const elements = value as readonly CedarValue[];
    if (elements.some((element) => typeof element === 'object')) return undefined;
    return { set: elements as readonly Plain[] };
  }
  const { __extn: call } = value as { __extn?: { fn?: unknown; arg?: unknown } };
  const { fn, arg } = call ?? {};
  return typeof fn === 'string' && typeof arg === 'string' ? extension(fn, arg) : undefined;
}

export function elementsOf(value: Constant): readonly Plain[] {
  if (typeof value !== 'object') return [value];
  return 'set' in value ? value.set : [];
}

export function constantText(value: Constant): string {
  if (typeof value !== 'object') return JSON.stringify(value);
  if ('range' in value) return `ip(${JSON.stringify(value.range)})`;
  return 'ms' in value ? `datetime(${JSON.stringify(value.written)})` : JSON.stringify(value.set);
}
