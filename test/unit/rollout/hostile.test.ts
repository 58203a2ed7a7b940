import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EMERGENCY_PAYLOAD_TYPE,
  formatSealed,
  ROLLOUT_PAYLOAD_TYPE,
} from '../../../src/rollout/documents.js';
import { verifyDocument } from '../../../src/rollout/verify.js';
import { pae } from '../../../src/signing/dsse.js';
import { sign } from '../../../src/signing/keys.js';
import { BY, KEYS, makeEmergency, makeRollout } from '../../support/rollouts.js';

/** Whether it was taken; every refusal must say why, and none may be a crash. */
function isTaken(bytes: Uint8Array): boolean {
  const verified = verifyDocument(bytes, '0042.json', BY);
  if (!verified.ok) for (const { message } of verified.problems) expect(message).not.toBe('');
  return verified.ok;
}

/** The payload of a whole document, to be broken. */
const payloadOf = (bytes: Buffer): Record<string, unknown> =>
  JSON.parse(Buffer.from(JSON.parse(bytes.toString()).payload, 'base64').toString());

function signed(kind: 'rollout' | 'emergency', text: string): Buffer {
  const payload = Buffer.from(text);
  const [payloadType, key] =
    kind === 'rollout'
      ? ([ROLLOUT_PAYLOAD_TYPE, KEYS.ada] as const)
      : ([EMERGENCY_PAYLOAD_TYPE, KEYS.erin] as const);
  const sig = sign(key.privateKey, pae(payloadType, payload)).toString('base64');
  const author = { payloadType, signatures: [{ keyid: '', sig }] };
  return kind === 'rollout'
    ? formatSealed({ kind: 'SealedRollout', payload, author, approvals: [] })
    : formatSealed({ kind: 'SealedEmergency', payload, author });
}

describe('whatever bytes are mounted', () => {
  it('are refused with a reason', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => !isTaken(bytes)));
    fc.assert(fc.property(fc.json(), (text) => !isTaken(Buffer.from(text))));
  });
});

describe.each([
  ['rollout', payloadOf(makeRollout())],
  ['emergency', payloadOf(makeEmergency())],
] as const)('whatever the author of a %s signs', (kind, whole) => {
  it('is answered, whichever field holds what', () => {
    const field = fc.oneof(fc.constantFrom(...Object.keys(whole)), fc.string());
    fc.assert(
      fc.property(field, fc.jsonValue(), (name, value) => {
        isTaken(signed(kind, JSON.stringify({ ...whole, [name]: value })));
      }),
      { numRuns: 150 },
    );
  });

  it('is refused when it is no payload at all', () => {
    fc.assert(fc.property(fc.json(), (text) => !isTaken(signed(kind, text))));
  });
});
