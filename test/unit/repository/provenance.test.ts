import { describe, expect, it } from 'vitest';
import { openRepository } from '../../../src/repository/open.js';
import { activeThere } from '../../../src/repository/provenance.js';
import { addApproval } from '../../../src/rollout/seal.js';
import { changeRepository, ordersBundle, sealNext } from '../../support/change-repository.js';
import { resultValue } from '../../support/result.js';
import { approvalOf, KEYS, type KeyName } from '../../support/rollouts.js';

const BUNDLE = ordersBundle('2026.11.2');
const ISSUED_AT = '2026-11-20T10:00:00.000Z';
const ID = { name: 'orders', environment: 'production' };

/** Since when the bundle of one document is active; approvals by whom and at which hour of the day. */
async function since(approvals: readonly (readonly [KeyName, number])[], enforce: string) {
  let bytes = sealNext([], { active: BUNDLE, issuedAt: ISSUED_AT, source: { enforce } });
  for (const [name, hour] of approvals) {
    const statement = approvalOf(bytes, name, { signedAt: `2026-11-20T${hour}:00:00.000Z` });
    bytes = resultValue(addApproval(bytes, 'x', statement, KEYS[name].privateKey));
  }
  const at = await changeRepository({ 'history/production/orders/0001.json': bytes });
  const { activeSinceMs } = resultValue(
    await activeThere(resultValue(await openRepository(at('.'))), ID),
  );
  return activeSinceMs === undefined ? undefined : new Date(activeSinceMs).getUTCHours();
}

const LOW = '[]';
const HIGH = '[{name: all, match: {}}]';

describe('a bundle is active since', () => {
  it.each<[string, [KeyName, number][], string, number | undefined]>([
    ['its document was made, when nobody signed later', [['bob', 10]], LOW, 10],
    [
      'the last approval that was needed',
      [
        ['bob', 15],
        ['dan', 13],
      ],
      HIGH,
      15,
    ],
    [
      'then, whoever approved it later as well',
      [
        ['bob', 15],
        ['dan', 13],
      ],
      LOW,
      13,
    ],
    [
      'then, whatever the author signed before',
      [
        ['ada', 11],
        ['bob', 13],
      ],
      LOW,
      13,
    ],
    ['never, when approvals are missing', [['bob', 13]], HIGH, undefined],
  ])('%s', async (_when, approvals, enforce, hour) => {
    expect(await since(approvals, enforce)).toBe(hour);
  });
});
