import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VerifiedDocument } from '../../../src/rollout/types.js';
import { verifyDocument } from '../../../src/rollout/verify.js';
import { BY, makeEmergency, makeRollout } from '../../support/rollouts.js';

/** What a document says; not how its file is laid out. */
function meaning(document: VerifiedDocument): object {
  const { bytes: _, ...rest } = document;
  return rest.kind === 'emergency' ? { ...rest, base: meaning(rest.base) } : rest;
}

/** Its meaning; undefined when it is refused. */
function read(bytes: Uint8Array): object | undefined {
  const verified = verifyDocument(bytes, '0042.json', BY);
  return verified.ok ? meaning(verified.value) : undefined;
}

const HIGH = { source: { enforce: '[{name: all, match: {}}]' }, approvals: 2 };

describe.each([
  ['rollout', makeRollout(HIGH)],
  // Its signature has a form of its own, which has room for more than one text in other programs.
  ['rollout signed with ECDSA', makeRollout({ author: 'ada2', approvals: ['bob2'] })],
  ['emergency', makeEmergency({ base: makeRollout(HIGH) })],
])('a sealed %s', (_name, file) => {
  const whole = read(file);
  const places = fc.integer({ min: 0, max: file.length - 1 });
  const bytes = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(...Buffer.from(' \n"\\{}[],:+/-_=Aa09')),
  );

  it('is taken', () => {
    expect(whole).toBeDefined();
  });

  it('with one byte changed is refused, or means the same', () => {
    fc.assert(
      fc.property(places, bytes, (place, byte) => {
        const changed = Buffer.from(file);
        changed[place] = byte;
        const now = read(changed);
        if (now !== undefined) expect(now).toEqual(whole);
      }),
      { numRuns: 400 },
    );
  });

  it('means the same only where nothing is signed: alphabets of base64, and key ids', () => {
    const text = file.toString();
    const hints = [...text.matchAll(/"keyid":"[^"]*"/g)].map(({ index }) => [index, index + 82]);
    const isHint = (place: number) =>
      hints.some(([from = 0, to = 0]) => place >= from && place < to);
    fc.assert(
      fc.property(places, bytes, (place, byte) => {
        const changed = Buffer.from(file);
        changed[place] = byte;
        if (changed.equals(file) || read(changed) === undefined) return;
        const pair = [file[place], byte].map((code) => String.fromCharCode(code ?? 0)).join('');
        expect(isHint(place) || ['+-', '/_'].includes(pair)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('cut short or with something after it is refused', () => {
    fc.assert(
      fc.property(places, (length) => {
        expect(read(file.subarray(0, length))).toBeUndefined();
      }),
      { numRuns: 50 },
    );
    expect(read(Buffer.concat([file, Buffer.from('{}')]))).toBeUndefined();
  });
});

it('approvals beyond those that are needed may be lost, and nothing else with them', () => {
  const file = makeRollout({ ...HIGH, approvals: 3 });
  const whole = read(file) as { approvers: readonly string[] };
  const places = fc.integer({ min: 0, max: file.length - 1 });
  fc.assert(
    fc.property(places, fc.integer({ min: 1, max: 255 }), (place, mask) => {
      const changed = Buffer.from(file);
      changed[place] = (changed[place] ?? 0) ^ mask;
      const now = read(changed) as { approvers: readonly string[] } | undefined;
      if (now === undefined) return;
      expect(whole.approvers).toEqual(expect.arrayContaining([...now.approvers]));
      expect(now.approvers.length).toBeGreaterThanOrEqual(2);
      expect({ ...now, approvers: whole.approvers }).toEqual(whole);
    }),
    { numRuns: 400 },
  );
});
