import { expect, it } from 'vitest';
import { createIdSource } from '../../../src/decision-log/decision-id.js';

it('decision ids are UUIDv7 that carry their time, sort by it and never repeat', () => {
  const next = createIdSource();
  const nowMs = Date.UTC(2026, 10, 22, 14, 0, 0, 123);
  const ids = Array.from({ length: 2_000 }, (_, n) => next(nowMs + n));
  for (const [n, id] of ids.entries()) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).toBe(nowMs + n);
  }
  expect([...ids].sort()).toEqual(ids);
  const sameMoment = Array.from({ length: 2_000 }, () => next(nowMs));
  expect(new Set(sameMoment).size).toBe(sameMoment.length);
});
