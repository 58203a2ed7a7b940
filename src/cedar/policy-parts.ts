/**
 * A policy taken apart: whom, what and where its scope names, and its conditions as expressions. For
 * analysis only; what is evaluated is always the text.
 */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { engine } from './engine.js';
import type { Expression } from './policy-json.js';
import { tokensOf } from './tokens.js';
import type { EntityUid, PolicySource } from './types.js';

/** One part of a scope. `among`: the entity is one of these or in one of them. */
export type ScopeTest =
  | { readonly kind: 'any' }
  | { readonly kind: 'equals'; readonly entity: EntityUid }
  | { readonly kind: 'among'; readonly entities: readonly EntityUid[] }
  | { readonly kind: 'is'; readonly type: string; readonly among: EntityUid | undefined };

export interface Condition {
  readonly kind: 'when' | 'unless';
  readonly body: Expression;
}

export interface PolicyParts {
  readonly principal: ScopeTest;
  readonly action: ScopeTest;
  readonly resource: ScopeTest;
  readonly conditions: readonly Condition[];
  /** Equal for policies that differ in annotations, comments and white space only. */
  readonly meaning: string;
}

/** Throws for a text that does not parse: policies of a compiled program do. */
export function policyParts(policy: PolicySource): PolicyParts {
  const answer = engine().run((api) => api.policyToJson(policy.text));
  if (answer.type === 'failure') throw new Error(`policy ${policy.id} does not parse again`);
  const { json } = answer;
  return {
    principal: scopeTest(json.principal),
    action: scopeTest(json.action),
    resource: scopeTest(json.resource),
    conditions: json.conditions,
    meaning: splitText(policy.text).statement,
  };
}

type Constraint = PolicyJson['principal'] | PolicyJson['action'] | PolicyJson['resource'];
type Reference = EntityUid | { readonly __entity: EntityUid };

function scopeTest(constraint: Constraint): ScopeTest {
  switch (constraint.op) {
    case 'All':
      return { kind: 'any' };
    case '==':
      return { kind: 'equals', entity: uidOf(entityIn(constraint)) };
    case 'in': {
      const list = 'entities' in constraint ? constraint.entities : [entityIn(constraint)];
      return { kind: 'among', entities: (list as Reference[]).map(uidOf) };
    }
    case 'is': {
      const among = constraint.in === undefined ? undefined : uidOf(entityIn(constraint.in));
      return { kind: 'is', type: constraint.entity_type, among };
    }
  }
}

function entityIn(holder: object): Reference {
  if (!('entity' in holder)) throw new Error('a policy with a slot was compiled');
  return holder.entity as Reference;
}

function uidOf(reference: Reference): EntityUid {
  const { type, id } = '__entity' in reference ? reference.__entity : reference;
  return { type, id };
}

export interface SplitText {
  /** Annotations other than id, owner and description, one a line, without white space. */
  readonly annotations: string;
  /** From the effect on: its tokens, one space apart. */
  readonly statement: string;
}

const KNOWN_ANNOTATIONS: ReadonlySet<string> = new Set(['id', 'owner', 'description']);

/** The text without comments and layout: equal texts mean the same. */
export function splitText(text: string): SplitText {
  const annotations: string[] = [];
  const tokens = [...tokensOf(text)].map((token) => token.text);
  let at = 0;
  while (tokens[at] === '@') {
    const name = tokens[at + 1] ?? '';
    const valued = tokens[at + 2] === '(';
    const value = valued ? (tokens[at + 3] ?? '') : '';
    if (!KNOWN_ANNOTATIONS.has(name)) annotations.push(`@${name}(${value})`);
    at += valued ? 5 : 2;
  }
  return { annotations: annotations.join('\n'), statement: tokens.slice(at).join(' ') };
}

/** An expression as Cedar text, for people. */
export function expressionText(expression: Expression): string {
  const all = { op: 'All' } as const;
  const conditions = [{ kind: 'when' as const, body: expression }];
  const json: PolicyJson = {
    effect: 'permit',
    principal: all,
    action: all,
    resource: all,
    conditions,
  };
  const answer = engine().run((api) => api.policyToText(json));
  if (answer.type === 'failure') return '(cannot be shown)';
  return /when \{\s*(.*?)\s*\};?\s*$/s.exec(answer.text)?.[1] ?? answer.text;
}
