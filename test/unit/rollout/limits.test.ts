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

  it('bound those in a row that are about the same requests, however that is written', () => {
    const at = (name: string, from: number, until: number, match: Exception['match']) => {
      return { ...lasting(0), name, match, fromMs: from * HOUR_MS, untilMs: until * HOUR_MS };
    };
    const same = { namespaces: ['x', 'y'], access: 'read' } as const;
    const again = { access: 'read', namespaces: ['y', 'x'] } as const;
    const findings = (...exceptions: readonly Exception[]) =>
      checkLimits(sourceOf({ exceptions }), trust).map(({ message }) => message);
    const a = at('a', 0, 10, same);
    const message = '`c` goes on with `a`, and so lasts 25h, and `limits.maxException` is 1d';
    expect(findings(at('c', 18, 25, again), at('b', 10, 20, again), a)).toEqual([message]);
    expect(findings(a, at('b', 10, 20, again), at('c', 18, 24, again))).toEqual([]);
    expect(findings(a, at('b', 10, 20, again), at('c', 21, 25, again))).toEqual([]);
    expect(findings(a, at('b', 10, 25, { namespaces: ['x'] }))).toEqual([]);
    expect(findings(a, a)).toEqual([]);
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
