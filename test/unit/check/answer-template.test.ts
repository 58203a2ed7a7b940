import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerTemplates, type Told } from '../../../src/check/answer-template.js';
import { toStruct } from '../../../src/check/struct.js';
import type { Regime } from '../../../src/check/types.js';
import { encodeCheckResponse } from '../../../src/check/wire.js';
import { encodeStruct } from '../../../src/check/wire-struct.js';
import { ANSWER_TEMPLATES_MAX } from '../../../src/constants.js';
import { decodeResponse } from '../../support/check-request.js';

const A = '019ab000-0000-7000-8000-00000000000a';
const B = '019ab000-0000-7000-8000-00000000000b';
const regime = () => ({ stamp: '1' }) as Regime;
const told = (decisionId: string, policies: readonly string[] = []): Told => ({
  decisionId,
  policies,
});

const answerOf = (id: string) => ({
  status: { code: 0 },
  ok_response: {
    response_headers_to_add: [
      { header: { key: 'id', value: id }, append: { value: false } } as const,
    ],
  },
});

const metadataOf = (id: string) => ({ decision_id: id, word: 'é', again: id });

/** Counts how often an answer is really encoded. */
function encoder() {
  const seen: string[] = [];
  const encode = (id: string) => {
    seen.push(id);
    return {
      answer: encodeCheckResponse(answerOf(id)),
      metadata: encodeStruct(toStruct(metadataOf(id))),
    };
  };
  return { encode, seen };
}

const read = decodeResponse;

/** The same answer as the generated code writes it. */
function saying(id: string, policies: readonly string[] = []) {
  const dynamic_metadata = toStruct({ ...metadataOf(id), policies });
  return read(encodeCheckResponse({ ...answerOf(id), dynamic_metadata }));
}

describe('an answer', () => {
  it('carries its own id in every place and its own policies, encoded once', () => {
    const templates = new AnswerTemplates();
    const { encode, seen } = encoder();
    const at = regime();
    expect(read(templates.answer(at, 'k', told(A, ['p']), encode))).toEqual(saying(A, ['p']));
    expect(read(templates.answer(at, 'k', told(B, ['q', 'r']), encode))).toEqual(
      saying(B, ['q', 'r']),
    );
    expect(seen).toHaveLength(1);
  });

  it('says any policies as the generated code reads them, however many and long', () => {
    const templates = new AnswerTemplates();
    const { encode } = encoder();
    const at = regime();
    const id = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ minLength: 100, maxLength: 300 }),
    );
    fc.assert(
      fc.property(fc.array(id, { maxLength: 120 }), (policies) => {
        expect(read(templates.answer(at, 'k', told(A, policies), encode))).toEqual(
          saying(A, policies),
        );
      }),
    );
  });

  it('has its id in the right place whatever the lengths before it', () => {
    const lengths = [1, 2].flatMap((byte) => [byte << 7, byte << 14]);
    for (const text of lengths.map((length) => 'x'.repeat(length - A.length))) {
      const metadata = { id: `${A}${text}` };
      const bytes = new AnswerTemplates().answer(regime(), 'k', told(A), (id) => ({
        answer: encodeCheckResponse(answerOf(`${id}${text}`)),
        metadata: encodeStruct(toStruct({ id: `${id}${text}` })),
      }));
      const dynamic_metadata = toStruct({ ...metadata, policies: [] });
      const wanted = encodeCheckResponse({ ...answerOf(metadata.id), dynamic_metadata });
      expect(bytes.equals(wanted)).toBe(true);
    }
  });

  it('is a copy: what was answered before does not change', () => {
    const templates = new AnswerTemplates();
    const { encode } = encoder();
    const at = regime();
    const first = templates.answer(at, 'k', told(A), encode);
    templates.answer(at, 'k', told(B), encode);
    expect(read(first)).toEqual(saying(A));
  });

  it.each([
    ['another key', (at: Regime) => ({ at, key: 'other' })],
    ['another regime', () => ({ at: regime(), key: 'k' })],
  ])('is encoded anew for %s', (_what, otherOf) => {
    const templates = new AnswerTemplates();
    const { encode, seen } = encoder();
    const at = regime();
    templates.answer(at, 'k', told(A), encode);
    const other = otherOf(at);
    templates.answer(other.at, other.key, told(A), encode);
    expect(seen).toHaveLength(2);
  });

  it('with an id of another length is encoded as it is', () => {
    const { encode, seen } = encoder();
    const bytes = new AnswerTemplates().answer(regime(), 'k', told('short', ['p']), encode);
    expect(read(bytes)).toEqual(saying('short', ['p']));
    expect(seen).toEqual(['short']);
  });

  it('is encoded each time once there are too many kinds', () => {
    const templates = new AnswerTemplates();
    const { encode, seen } = encoder();
    const at = regime();
    for (let n = 0; n < ANSWER_TEMPLATES_MAX; n += 1) {
      templates.answer(at, `k${n}`, told(A), encode);
    }
    for (let n = 0; n < 3; n += 1) {
      expect(read(templates.answer(at, 'one more', told(B), encode))).toEqual(saying(B));
    }
    expect(seen).toHaveLength(ANSWER_TEMPLATES_MAX + 3);
  });
});
