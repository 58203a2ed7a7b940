/** That answers are put together from templates must not be seen in them. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { enforce } from '../../../src/check/enforce.js';
import { REASONS, type Reason } from '../../../src/check/reasons.js';
import { soleRegime } from '../../../src/check/regime.js';
import { type RespondSettings, respond } from '../../../src/check/respond.js';
import { unsliced } from '../../../src/check/slices.js';
import type { CheckRecord } from '../../../src/check/types.js';
import { ROLLOUT, regime } from '../../support/check-records.js';
import { official } from './descriptors.js';

const settings = (): RespondSettings => ({
  headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: true },
  failResponse: 'error_response',
  helpUrl: 'https://help.example/denied',
});
const PLAIN = ['1.0.0+aaaaaaaaaaaa.unsigned', 'none'].map((stamp) => {
  return soleRegime({ mode: 'shadow', stamp, active: undefined });
});
const REGIMES = [...PLAIN, regime({ stamp: 'none.r42', rollout: ROLLOUT })];

const records = fc
  .record({
    decisionId: fc.uuid(),
    reason: fc.constantFrom(...(Object.keys(REASONS) as Reason[])),
    standing: fc.record({
      mode: fc.constantFrom('shadow' as const, 'enforce' as const),
      slice: fc.constantFrom('reads', 'writes', undefined),
      blocked: fc.boolean(),
    }),
    policies: fc.array(fc.constantFrom('a', 'b', 'a.b', 'orders-read'), { maxLength: 3 }),
    candidate: fc.constantFrom(
      undefined,
      ...(['allow', 'deny', 'error'] as const).map((decision) => ({ version: '2', decision })),
    ),
    regime: fc.constantFrom(...REGIMES),
  })
  .map(
    ({ standing, reason, ...rest }) =>
      ({ ...rest, ...enforce(reason, standing, 'fail', undefined) }) as unknown as CheckRecord,
  );

it('an answer is the same, byte for byte, whatever was answered before', () => {
  fc.assert(
    fc.property(fc.array(records, { minLength: 2, maxLength: 30 }), (sequence) => {
      const shared = settings();
      for (const record of sequence) {
        // Settings of its own: templates of its own.
        expect(respond(record, shared)).toEqual(respond(record, settings()));
      }
    }),
    { numRuns: 60 },
  );
});

it('an answer with its id stands up to Envoy’s own decoder', () => {
  const [plain] = REGIMES;
  const record = {
    ...enforce('no_permit', unsliced('enforce'), 'fail', undefined),
    policies: [],
    regime: plain,
  } as unknown as CheckRecord;
  const shared = settings();
  for (const decisionId of ['a', 'b'].map((end) => `019ab000-0000-7000-8000-00000000000${end}`)) {
    const answer = respond({ ...record, decisionId }, shared);
    if (!('response' in answer)) throw new Error('no answer');
    const { denied_response } = official.decode(
      'envoy.service.auth.v3.CheckResponse',
      answer.response,
    ) as { denied_response: { body: string; headers: { header: object }[] } };
    expect(denied_response.body).toContain(`decision id: ${decisionId}\n`);
    expect(denied_response.headers.map(({ header }) => header)).toContainEqual({
      key: 'x-cedargate-decision-id',
      value: decisionId,
    });
  }
});
