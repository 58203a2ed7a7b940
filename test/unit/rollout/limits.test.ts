import { describe, expect, it } from 'vitest';
import { checkEmergencyLimits, checkLimits } from '../../../src/rollout/limits.js';
import type { Exception } from '../../../src/rollout/types.js';

const HOUR_MS = 3_600_000;

function lasting(ms: number, ticket = 'INC-1'): Exception {
  const about = { name: 'a', owner: 'sre', reason: 'r', match: { namespaces: ['x'] } };
  return { ...about, ticket, fromMs: 1_000, untilMs: 1_000 + ms, overrideForbid: false };
}

function sourceOf(parts: {
  readonly ticket?: string;
  readonly exceptions?: readonly Exception[];
  readonly blocks?: readonly Exception[];
}) {
  const { ticket = 'CHG-1', exceptions = [], blocks = [] } = parts;
  const change = { type: 'normal', ticket, owner: 'o', reason: 'r', reviewByMs: 0 };
  return { change, exceptions, blocks };
}

const trust = {
  limits: {
    maxException: 24 * HOUR_MS,
    maxBlock: 4 * HOUR_MS,
    ticketPattern: '(CHG|INC)-[0-9]+',
  },
};

describe('the limits of trust.yaml', () => {
  it('are kept by what lasts as long as it may, with tickets of the form', () => {
    const source = sourceOf({
      exceptions: [lasting(24 * HOUR_MS)],
      blocks: [lasting(4 * HOUR_MS, 'CHG-22')],
    });
    expect(checkLimits(source, trust)).toEqual([]);
  });

  it('bound nothing where they are not set', () => {
    const source = sourceOf({
      ticket: 'x',
      exceptions: [lasting(1e12, 'x')],
      blocks: [lasting(1e12, 'x')],
    });
    expect(checkLimits(source, { limits: {} })).toEqual([]);
  });

  it('bound exceptions', () => {
    const source = sourceOf({ exceptions: [lasting(HOUR_MS), lasting(24 * HOUR_MS + 1_000)] });
    expect(checkLimits(source, trust)).toEqual([
      {
        message: '`a` lasts 86401s, and `limits.maxException` is 1d',
        path: ['exceptions', 1, 'until'],
      },
    ]);
  });

  it('bound blocks', () => {
    const source = sourceOf({ blocks: [lasting(4 * HOUR_MS + 60_000)] });
    expect(checkLimits(source, trust)).toEqual([
      { message: '`a` lasts 241m, and `limits.maxBlock` is 4h', path: ['blocks', 0, 'until'] },
    ]);
  });

  it.each(['', 'CHG-', 'xCHG-1', 'CHG-1x', 'CHG-1\n', 'chg-1'])(
    'want tickets of a form, as a whole: not %j',
    (ticket) => {
      const bad = { exceptions: [lasting(1_000, ticket)], blocks: [lasting(1_000, ticket)] };
      const findings = checkLimits(sourceOf({ ticket, ...bad }), trust);
      expect(findings.map(({ path }) => path.join('.'))).toEqual([
        'change.ticket',
        'exceptions.0.ticket',
        'blocks.0.ticket',
      ]);
      expect(findings[0]?.help).toContain('(CHG|INC)-[0-9]+');
    },
  );

  it('are the same for an emergency', () => {
    const blocks = [lasting(5 * HOUR_MS, 'x')];
    expect(checkEmergencyLimits({ ticket: 'INC-1', blocks: [] }, trust)).toEqual([]);
    const findings = checkEmergencyLimits({ ticket: 'x', blocks }, trust);
    expect(findings.map(({ path }) => path.join('.'))).toEqual([
      'ticket',
      'blocks.0.ticket',
      'blocks.0.until',
    ]);
  });
});
