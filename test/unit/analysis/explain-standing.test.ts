import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeCheckRequest } from '../../../src/analysis/check-request.js';
import { explainStanding } from '../../../src/analysis/explain-standing.js';
import { traitsFrom, traitsOf } from '../../../src/analysis/line-traits.js';
import { parseLoggedDecision } from '../../../src/analysis/logged-decision.js';
import { checkSettings } from '../../../src/analysis/settings.js';
import { compileBundle } from '../../../src/bundle/compile.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { check } from '../../../src/check/check.js';
import { soleGeneration } from '../../../src/check/regime.js';
import { decisionLine, originText } from '../../../src/decision-log/line.js';
import { createRolloutGeneration } from '../../../src/reload/generation.js';
import { approvedState } from '../../support/approved-states.js';
import { maskSettings } from '../../support/decision-logs.js';
import { resultValue } from '../../support/result.js';
import { block, exception, slice } from '../../support/traits.js';
import { smallFiles } from './small-bundle.js';

const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';
const PARTNER = 'spiffe://partner.example/team/a';
const bundle = resultValue(compileBundle(smallFiles({}), { environment: undefined }));
const evaluator = resultValue(createEvaluator(bundle.program));
afterAll(() => evaluator.release());
const active = { bundle, evaluator, loadedAtMs: 0 };

const entries = fc.subarray([
  { name: 'all', match: {} },
  { name: 'half', match: { percent: 50 } },
  { name: 'items', match: { routes: ['item'] } },
  { name: 'orders', match: { callers: [ORDERS] } },
  { name: 'reads', match: { access: 'read' as const } },
  { name: 'unread', match: { unidentified: true as const } },
]);
const timed = entries.map((list) => list.filter(({ match }) => !('percent' in match)));
const states = fc.record({
  enforce: entries,
  hold: timed.map((list) => list.map(({ name, match }) => slice(`h-${name}`, match))),
  exceptions: fc
    .tuple(timed, fc.boolean())
    .map(([list, overrideForbid]) => list.map((one) => exception({ ...one, overrideForbid }))),
  blocks: timed.map((list) => list.map((one) => block({ ...one, name: `b-${one.name}` }))),
});
const requests = fc.record({
  caller: fc.constantFrom(ORDERS, PARTNER, 'anonymous', 'nobody'),
  method: fc.constantFrom('GET', 'POST', 'PATCH'),
  path: fc.constantFrom('/items/1', '/secrets/1', '/a//b', '/a.B/Do'),
});

describe('where a request is said to stand', () => {
  it('is where a sidecar puts it, and what becomes of it there, asked in words or by its line', () => {
    const times = fc.constantFrom(500, 1_500, 2_500);
    // Exceptions end by the date of a document, too.
    const issued = fc.constantFrom(0, 3_000);
    const documents = fc
      .tuple(states, issued)
      .map(([state, issuedAtMs]) => ({ ...state, issuedAtMs }));
    fc.assert(
      fc.property(documents, requests, times, (state, { caller, method, path }, nowMs) => {
        const destinations = [{ service: 'a/b', onFault: 'fail', requireLog: false }] as const;
        const generation = createRolloutGeneration({
          number: 1,
          parts: [{ state: approvedState({ ...state, destinations }), active }],
          clockFloorMs: 0,
        });
        const http = { method, path, headers: [] };
        const sketch = { caller, http, claims: undefined, sourceAddress: undefined };
        const settings = checkSettings('a/b', undefined);
        const message = encodeCheckRequest(sketch, settings.claims.payload);
        const call = { message, deadlineMs: Infinity, nowMs, decisionId: 'x' };
        const { record } = check(call, generation, settings);
        const stands = {
          ...{ mode: record.mode, slice: record.slice ?? null },
          exception: record.exception ?? null,
        };
        const { decision, reason, outcome, wouldDeny } = record;
        const verdict = { decision, reason, outcome, wouldDeny };
        // What the policies say, were it not for the rollout.
        const alone = soleGeneration(1, { mode: 'enforce', stamp: 'x', active });
        const judged = check(call, alone, settings).record;
        const seen = { ...judged, destination: 'a/b', route: judged.route };
        const point = { generation, judged: judged.reason, nowMs };
        const asked = explainStanding({ ...point, traits: traitsFrom(seen) });
        expect(resultValue(asked)).toMatchObject({ ...stands, verdict });

        // A blocked line does not say whether its path could be read.
        if (reason === 'blocked') return;
        const line = decisionLine(record, {
          origin: originText({ workload: 'w', environment: undefined, cluster: undefined }),
          ...{
            timestampMs: nowMs,
            durationUs: 0,
            firstSeen: false,
            sampledShare: 1,
            mask: maskSettings(),
          },
        });
        const traits = traitsOf(resultValue(parseLoggedDecision(line)));
        if (traits === undefined) throw new Error('the line is none');
        const again = explainStanding({ ...point, traits });
        expect(resultValue(again)).toMatchObject({ ...stands, verdict });
      }),
      { numRuns: 200 },
    );
  });
});
