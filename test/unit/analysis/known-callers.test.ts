import { describe, expect, it } from 'vitest';
import { KnownCallers } from '../../../src/analysis/known-callers.js';
import { EVIDENCE_CALLERS_MAX } from '../../../src/constants.js';
import type { Match } from '../../../src/rollout/types.js';
import { CALLER, callers, decisionLine, reads } from '../../support/log-lines.js';

const SOURCE = {
  name: 'orders',
  environment: 'dev',
  destinations: [{ service: 'shop/orders', onFault: 'fail', requireLog: false }],
} as const;

function seen(match: Match, ...lines: readonly string[]) {
  const slices = [{ name: 's', match }];
  const tenants = new Map([[CALLER, 'red']]);
  const known = new KnownCallers({ source: SOURCE, slices, tenants });
  for (const line of lines.flatMap((each) => each.split('\n'))) known.line('a.log', line);
  return known.result();
}

const namesIn = (match: Match, ...lines: readonly string[]) =>
  seen(match, ...lines).slices[0]?.callers.map(({ caller }) => caller);

describe('known callers', () => {
  it('are those whose requests the slice takes, whatever its percentage, most requests first', () => {
    const [a = '', b = ''] = callers(2);
    const lines = reads([a, b, b]);
    const { slices, logs, lines: counts, span } = seen({ access: 'read', percent: 1 }, lines);
    expect(slices).toMatchObject([
      {
        requests: 3,
        callers: [
          { caller: b, requests: 2 },
          { caller: a, requests: 1 },
        ],
      },
    ]);
    expect({ logs, counts }).toEqual({
      logs: [{ name: 'a.log', lines: 3 }],
      counts: { counted: 3, elsewhere: 0, other: 0, bad: 0 },
    });
    const atMs = Date.parse('2026-11-20T08:00:00Z');
    expect(span).toEqual({ fromMs: atMs, toMs: atMs });
    expect(namesIn({ access: 'write', percent: 1 }, lines)).toEqual([]);
  });

  it('are found by tenant and by route', () => {
    expect(namesIn({ tenants: ['red'] }, decisionLine())).toEqual([CALLER]);
    expect(namesIn({ tenants: ['blue'] }, decisionLine())).toEqual([]);
    expect(namesIn({ routes: ['refund'] }, decisionLine())).toEqual([CALLER]);
    expect(namesIn({ routes: ['charge'] }, decisionLine())).toEqual([]);
    const unreadable = decisionLine({ reason: 'path_rejected', resource: 'shop/orders' });
    expect(namesIn({ routes: ['charge'] }, unreadable)).toEqual([CALLER]);
  });

  it.each([
    ['of another environment', { environment: 'test' }],
    ['without an environment', { environment: null }],
    ['of another rollout', { rollout: 'carts' }],
    ['to another destination', { resource: 'shop/carts/refund' }],
    ['to no destination', { resource: null }],
  ])('are not those %s', (_, changes) => {
    const { slices, lines, span } = seen({}, decisionLine(changes));
    expect(slices[0]).toMatchObject({ requests: 0, callers: [] });
    expect(lines).toEqual({ counted: 0, elsewhere: 1, other: 0, bad: 0 });
    expect(span).toBeUndefined();
  });

  it('are those of a sidecar that watches before there is a rollout, and of the rollout', () => {
    for (const rollout of [null, 'orders']) {
      expect(namesIn({}, decisionLine({ rollout }))).toEqual([CALLER]);
    }
  });

  it('are, for a percentage, such as can be told apart; for a whole slice anonymous ones, too', () => {
    const lines = [null, 'anonymous', 'spiffe://example.org/ns/*/sa/x', ''].map((principal) =>
      decisionLine({ principal }),
    );
    expect(seen({ percent: 50 }, ...lines).slices[0]).toMatchObject({ requests: 4, callers: [] });
    expect(namesIn({}, ...lines)).toEqual(['anonymous']);
  });

  it('are told apart up to a limit, and counted beyond it', () => {
    const lines = reads([...callers(EVIDENCE_CALLERS_MAX + 1), ...callers(1)]);
    const [slice] = seen({}, lines).slices;
    expect(slice?.callers).toHaveLength(EVIDENCE_CALLERS_MAX);
    expect(slice?.callers[0]).toEqual({ caller: callers(1)[0], requests: 2 });
    expect(slice?.requests).toBe(EVIDENCE_CALLERS_MAX + 2);
  });

  it('are told apart from lines that are none', () => {
    const others = ['{"type":"change"}', '{"type":"program"}', '', 'panic: x', '{}', 'null'];
    const { lines } = seen({}, ...others, decisionLine({ access: 'rw' }));
    expect(lines).toEqual({ counted: 0, elsewhere: 0, other: 2, bad: 4 });
  });
});
