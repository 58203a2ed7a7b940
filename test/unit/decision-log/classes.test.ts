import { describe, expect, test } from 'vitest';
import { createClassSet } from '../../../src/decision-log/classes.js';
import { checkRecord, regime } from '../../support/check-records.js';

const OTHERS = {
  caller: { principal: 'spiffe://example.org/ns/shop/sa/batch' },
  'unreadable caller': { principal: undefined },
  action: { action: 'POST' },
  destination: { destination: 'shop/stock' },
  route: { route: undefined },
};

describe('a class', () => {
  test.each(Object.entries(OTHERS))('is another one with another %s', (_, changes) => {
    const classes = createClassSet(10);
    expect(classes.add(checkRecord())).toBe(true);
    expect(classes.add(checkRecord(changes))).toBe(true);
    expect(classes.add(checkRecord(changes))).toBe(false);
    expect(classes.add(checkRecord())).toBe(false);
  });

  test('does not depend on path, request id or outcome', () => {
    const classes = createClassSet(10);
    classes.add(checkRecord());
    const changes = {
      path: '/other',
      requestId: 'x',
      outcome: 'deny',
      reason: 'no_permit',
    } as const;
    expect(classes.add(checkRecord(changes))).toBe(false);
  });

  test('is not made by methods that a client invents', () => {
    const classes = createClassSet(10);
    expect(classes.add(checkRecord({ action: 'AAA' }))).toBe(true);
    expect(classes.add(checkRecord({ action: 'BBB' }))).toBe(false);
    const none = regime({ active: undefined });
    expect(classes.add(checkRecord({ action: 'GET', regime: none }))).toBe(false);
  });
});

test('a full set finds nothing new and says that it is full', () => {
  const classes = createClassSet(2);
  for (const route of ['a', 'b']) expect(classes.add(checkRecord({ route }))).toBe(true);
  expect(classes.overflowed).toBe(false);
  expect(classes.add(checkRecord({ route: 'a' }))).toBe(false);
  expect(classes.overflowed).toBe(false);
  expect(classes.add(checkRecord({ route: 'c' }))).toBe(false);
  expect(classes.overflowed).toBe(true);
});
