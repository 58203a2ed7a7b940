import { describe, expect, it } from 'vitest';
import { AnswerTemplates } from '../../../src/check/answer-template.js';
import type { Regime } from '../../../src/check/types.js';
import { ANSWER_TEMPLATES_MAX } from '../../../src/constants.js';

const A = '019ab000-0000-7000-8000-00000000000a';
const B = '019ab000-0000-7000-8000-00000000000b';
const regime = () => ({ stamp: '1' }) as Regime;

/** Counts how often an answer is really encoded. */
function encoder(text: (id: string) => string) {
  const seen: string[] = [];
  const encode = (id: string) => {
    seen.push(id);
    return Buffer.from(text(id));
  };
  return { encode, seen };
}

describe('an answer', () => {
  it('carries its own id in every place, encoded once', () => {
    const templates = new AnswerTemplates();
    const { encode, seen } = encoder((id) => `é ${id}, again ${id}.`);
    const at = regime();
    expect(templates.answer(at, 'k', A, encode).toString()).toBe(`é ${A}, again ${A}.`);
    expect(templates.answer(at, 'k', B, encode).toString()).toBe(`é ${B}, again ${B}.`);
    expect(seen).toHaveLength(1);
  });

  it('is a copy: what was answered before does not change', () => {
    const templates = new AnswerTemplates();
    const { encode } = encoder((id) => id);
    const at = regime();
    const first = templates.answer(at, 'k', A, encode);
    templates.answer(at, 'k', B, encode);
    expect(first.toString()).toBe(A);
  });

  it.each([
    ['another key', (at: Regime) => ({ at, key: 'other' })],
    ['another regime', () => ({ at: regime(), key: 'k' })],
  ])('is encoded anew for %s', (_what, otherOf) => {
    const templates = new AnswerTemplates();
    const { encode, seen } = encoder((id) => id);
    const at = regime();
    templates.answer(at, 'k', A, encode);
    const other = otherOf(at);
    templates.answer(other.at, other.key, A, encode);
    expect(seen).toHaveLength(2);
  });

  it('with an id of another length is encoded as it is', () => {
    const { encode, seen } = encoder((id) => id);
    expect(new AnswerTemplates().answer(regime(), 'k', 'short', encode).toString()).toBe('short');
    expect(seen).toEqual(['short']);
  });

  it('is encoded each time once there are too many kinds', () => {
    const templates = new AnswerTemplates();
    const { encode, seen } = encoder((id) => id);
    const at = regime();
    for (let n = 0; n < ANSWER_TEMPLATES_MAX; n += 1) templates.answer(at, `k${n}`, A, encode);
    for (let n = 0; n < 3; n += 1) {
      expect(templates.answer(at, 'one more', B, encode).toString()).toBe(B);
    }
    expect(seen).toHaveLength(ANSWER_TEMPLATES_MAX + 3);
  });
});
