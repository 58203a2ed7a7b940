/**
 * A policy taken apart for analysis: its conditions as expressions, its text without layout, the
 * entities it names. What is evaluated is always the text itself.
 */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { engine } from './engine.js';
import type { Expression } from './policy-json.js';
import { tokensOf } from './tokens.js';

export interface Condition {
  readonly kind: 'when' | 'unless';
  readonly body: Expression;
}

/** Throws for a text that does not parse: policies of a compiled program do. */
export function policyConditions(text: string): readonly Condition[] {
  const answer = engine().run((api) => api.policyToJson(text));
  if (answer.type === 'failure') throw new Error('a policy does not parse again');
  return answer.json.conditions;
}

/** References as they are written, `Type::"id"`, wherever they stand in the policy. */
export function referencesIn(text: string): string[] {
  const found: string[] = [];
  let before = ['', ''];
  for (const { text: token } of tokensOf(text)) {
    if (before[1] === '::' && token.startsWith('"')) found.push(`${before[0]}::${token}`);
    before = [before[1] ?? '', token];
  }
  return found;
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
