/** Policies in memory that threads share: nothing of them is lost, and each is found. */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type PackedProgram,
  packProgram,
  policyAt,
  unpackProgram,
} from '../../../src/cedar/packed-policies.js';
import { numberOf, packNames, packTexts, textAt } from '../../../src/cedar/packed-texts.js';
import { policy, programOf } from './support.js';

/** As another thread gets it. */
function sent<T>(value: T): T {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(value);
  const received = receiveMessageOnPort(port2)?.message as T;
  port1.close();
  return received;
}

describe('packed texts', () => {
  it('are what was packed, each at its place, whatever they hold', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(texts, (given) => {
        const packed = packTexts(given);
        expect(given.map((_, index) => textAt(packed, index))).toEqual(given);
        expect(() => textAt(packed, given.length)).toThrow('there is no text');
      }),
    );
  });

  it('are found by what they are, and others are not found', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '"', '\u00e9', '\u{1f600}') });
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.array(name), (given, others) => {
        const packed = packNames(given);
        for (const text of [...given, ...others]) {
          const place = given.indexOf(text);
          expect(numberOf(packed, text)).toBe(place < 0 ? undefined : place);
        }
      }),
    );
  });
});

describe('a packed program', () => {
  const program = programOf({
    policies: Array.from({ length: 20 }, (_, n) =>
      policy(`p${n}`, `permit (principal, action, resource == Service::"shop/${n % 4}");`),
    ).join('\n'),
  });

  it('is the same program for another thread, and all of its policies are shared', () => {
    const packed = packProgram(program);
    const there: PackedProgram = sent(packed);
    expect(unpackProgram(there)).toEqual(program);
    expect(policyAt(there.packed, 7)).toEqual(program.policies[7]);
    packed.packed.texts.bytes.fill(0x20);
    packed.packed.scopes.scopeOf.fill(9);
    expect(there.packed.texts.bytes[0]).toBe(0x20);
    expect(there.packed.scopes.scopeOf[0]).toBe(9);
  });
});
