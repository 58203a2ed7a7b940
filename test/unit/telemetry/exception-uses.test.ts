import { expect, it } from 'vitest';
import { EXCEPTION_USES_MAX } from '../../../src/constants.js';
import { createExceptionUses } from '../../../src/telemetry/exception-uses.js';
import { checkRecord, ROLLOUT, regime } from '../../support/check-records.js';

const used = (exception: string | undefined, name = 'payments') =>
  checkRecord({ exception, regime: regime({ rollout: { ...ROLLOUT, name } }) });

it('uses of exceptions are counted by rollout and name, from the first to the last', () => {
  const uses = createExceptionUses();
  expect(uses.of('payments', 'refunds')).toBeUndefined();
  expect(uses.add(used('refunds'), 10)).toBe(true);
  expect(uses.add(used('refunds'), 20)).toBe(false);
  expect(uses.add(used('refunds', 'orders'), 30)).toBe(true);
  expect(uses.of('payments', 'refunds')).toEqual({ count: 2, firstMs: 10, lastMs: 20 });
  expect(uses.of('orders', 'refunds')).toEqual({ count: 1, firstMs: 30, lastMs: 30 });
});

it('a request without an exception, or without a rollout, is no use', () => {
  const uses = createExceptionUses();
  expect(uses.add(used(undefined), 0)).toBe(false);
  expect(uses.add(checkRecord({ exception: 'refunds' }), 0)).toBe(false);
});

it('a rollout that is replaced for ever does not fill the memory', () => {
  const uses = createExceptionUses();
  for (let i = 0; i <= EXCEPTION_USES_MAX; i += 1) uses.add(used(`e${i}`), i);
  expect(uses.of('payments', 'e0')).toBeUndefined();
  expect(uses.of('payments', 'e1')?.count).toBe(1);
});
