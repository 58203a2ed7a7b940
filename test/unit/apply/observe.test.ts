import { describe, expect, it } from 'vitest';
import { observe } from '../../../src/apply/observe.js';
import { createTimeline, eventLine, summaryLines } from '../../../src/apply/timeline.js';
import { APPLY_LINES_MAX, APPLY_WORDS_CHARS_MAX } from '../../../src/constants.js';

const EXPECTED = { name: 'payments', sequence: 43, digest: 'sha256:43' };
const at = (sequence: number, more = {}) => ({
  name: 'payments',
  sequence,
  digest: `sha256:${sequence}`,
  ...more,
});

describe('a sidecar', () => {
  it.each([
    ['that runs it', { rollout: at(43) }, true, 'runs sequence 43'],
    ['that runs a later one', { rollout: at(44) }, true, 'runs sequence 44'],
    ['that runs an earlier one', { rollout: at(42), approved: at(42) }, false, 'runs sequence 42'],
    [
      'that runs another document of that sequence',
      { rollout: at(43, { digest: 'sha256:other' }) },
      false,
      'runs another document with sequence 43',
    ],
    [
      'of another rollout',
      { rollout: at(99, { name: 'orders' }) },
      false,
      'runs another rollout, `orders`',
    ],
    [
      'that has verified it and waits',
      { rollout: at(42), approved: at(43), lag: { since: 'x', reason: 'bundle not on shelf' } },
      false,
      'has verified sequence 43, and runs sequence 42: bundle not on shelf',
    ],
    [
      'that has verified it first of all',
      { approved: at(43), lag: null },
      false,
      'has verified sequence 43, and runs no document',
    ],
    [
      'that refused it',
      { rollout: at(42), last_refusal: { message: 'too few approvals' } },
      false,
      'runs sequence 42, and refused: too few approvals',
    ],
    ['without a document', { rollout: null, approved: null }, false, 'runs no document'],
    ['that says nothing', {}, false, 'runs no document'],
    ['that says null', null, false, 'runs no document'],
    ['that says a list', [], false, 'runs no document'],
    ['whose sequence is text', { rollout: at(43, { sequence: '43' }) }, false, 'runs no document'],
  ])('%s', (_what, status, hasArrived, words) => {
    expect(observe(status, EXPECTED)).toMatchObject({ hasArrived, words });
  });

  it('cannot steer the terminal, or fill it', () => {
    const message = `\x1b[2J\u202e\n${'x'.repeat(10_000)}`;
    const { words } = observe({ rollout: at(1), last_refusal: { message } }, EXPECTED);
    expect(words).toContain('\\u{1b}[2J\\u{202e} x');
    expect(words.length).toBeLessThan(APPLY_WORDS_CHARS_MAX + 50);
  });
});

describe('the timeline', () => {
  const runs = { hasArrived: true, words: 'runs sequence 43', sequence: 43 };

  it.each([
    [0, { kind: 'handed-over', how: 'patched', configMap: 'x' }, '+0.0s patched ConfigMap x'],
    [400, { kind: 'annotated', pods: 3 }, '+0.4s annotated 3 pods'],
    [440, { kind: 'annotated', pods: 1 }, '+0.4s annotated 1 pod'],
    [1_900, { kind: 'seen', target: 'pod-a', observation: runs }, '+1.9s pod-a runs sequence 43'],
    [61_000, { kind: 'not-listed', why: 'no' }, '+61.0s pods not known: no'],
  ] as const)('at %i ms', (afterMs, what, line) => {
    expect(eventLine({ afterMs, what })).toBe(line);
  });

  it('ends at some length', () => {
    const timeline = createTimeline();
    const event = { afterMs: 0, what: { kind: 'annotated', pods: 1 } } as const;
    const lines = Array.from({ length: APPLY_LINES_MAX + 1 }, () => timeline(event));
    expect(lines.filter((line) => line !== undefined)).toHaveLength(APPLY_LINES_MAX);
  });

  it('sums up who has it, and how far behind the others are', () => {
    const targets = [
      { name: 'a', observation: runs, arrivedAfterMs: 1_900 },
      {
        name: 'b',
        observation: { hasArrived: false, words: 'runs sequence 40', sequence: 40 },
        arrivedAfterMs: undefined,
      },
      {
        name: 'c',
        observation: { hasArrived: false, words: 'was not asked', sequence: null },
        arrivedAfterMs: undefined,
      },
    ];
    const report = { expected: EXPECTED, targets, durationMs: 90_000 };
    expect(summaryLines(report)).toEqual([
      '1 of 3 run sequence 43, the last after 1.9s',
      'not after 90.0s: b runs sequence 40 (3 behind)',
      'not after 90.0s: c was not asked',
    ]);
  });
});
