import { afterAll, describe, expect, it } from 'vitest';
import { compileBundle } from '../../src/bundle/compile.js';
import { createEvaluator } from '../../src/cedar/evaluator.js';
import type { Load } from '../../src/check/check.js';
import type { CheckRecord } from '../../src/check/types.js';
import { createCheckHandler, createSeenClock } from '../../src/check-handler.js';
import { createRolloutGeneration } from '../../src/reload/generation.js';
import { createExceptionUses } from '../../src/telemetry/exception-uses.js';
import { approvedState } from '../support/approved-states.js';
import { decodeResponse, httpRequest } from '../support/check-request.js';
import { rememberingLog } from '../support/decision-logs.js';
import { resultValue } from '../support/result.js';
import { exception, slice } from '../support/traits.js';
import { smallFiles } from './analysis/small-bundle.js';

const bundle = resultValue(compileBundle(smallFiles({}), { environment: undefined }));
const evaluator = resultValue(createEvaluator(bundle.program));
afterAll(() => evaluator.release());

const state = approvedState({
  destinations: [{ service: 'a/b', onFault: 'fail', requireLog: true }],
  enforce: [slice('all')],
  // From 1,000 ms to 2,000 ms.
  exceptions: [exception({ name: 'late' })],
});
const current = createRolloutGeneration({
  ...{ number: 1, clockFloorMs: 0 },
  parts: [{ state, active: { bundle, evaluator, loadedAtMs: 0 } }],
});

/** One that nobody permits: what comes of it is up to the exception. */
const MESSAGE = Buffer.from(httpRequest({ principal: '', path: '/items/1' }));

function rig({ broken = false } = {}) {
  const now = { nowMs: 1_500, load: 'normal' as Load, hasRoom: true };
  const records: CheckRecord[] = [];
  const programLog = rememberingLog();
  const handle = createCheckHandler({
    settings: {
      ...{ destinationFrom: 'service', service: 'a/b', environment: undefined },
      ...{ strictIdentity: false, failResponse: 'error_response', helpUrl: undefined },
      claims: { payload: 'p', taskId: 'i', taskKind: 'k', taskIntent: 'n' },
      headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: false },
    },
    reloader: { current },
    clock: createSeenClock(() => now.nowMs),
    gauge: { check: () => now.load },
    decisionLog: {
      decision: (record) => void records.push(record),
      hasRoom: () => now.hasRoom,
    },
    metrics: {
      check() {
        if (broken) throw new Error('no number');
      },
    },
    uses: createExceptionUses(),
    programLog,
  });
  const ask = (changes: Partial<typeof now> = {}, message = MESSAGE) => {
    Object.assign(now, changes);
    const answer = handle(message, Number.POSITIVE_INFINITY);
    const response = 'response' in answer ? decodeResponse(answer.response) : undefined;
    const record = records.at(-1);
    return { reason: record?.reason, code: record?.errors[0]?.code, response };
  };
  return { ask, said: programLog.said };
}

describe('a check of the running program', () => {
  it('ends exceptions by the largest clock that was seen, and never begins them again', () => {
    const { ask } = rig();
    expect(ask().reason).toBe('exception');
    expect(ask({ nowMs: 2_000 }).reason).toBe('no_permit');
    expect(ask({ nowMs: 1_500 }).reason).toBe('no_permit');
  });

  it('is not decided where its line has no room, nor under overload', () => {
    const { ask, said } = rig();
    expect(ask({ hasRoom: false })).toMatchObject({ reason: 'overload', code: 'log_full' });
    expect(said).toEqual([]);
    expect(ask({ hasRoom: true, load: 'overload' })).toMatchObject({ code: 'overload' });
    expect(ask({ load: 'normal' }).reason).toBe('exception');
    const warnings = said.filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([{ message: expect.stringContaining('are not asked') }]);
  });

  it('tells of the first use of an exception, once', () => {
    const { ask, said } = rig();
    ask();
    ask();
    expect(said).toMatchObject([
      {
        level: 'info',
        fields: { exception: 'late', rollout: state.name, decision_id: expect.any(String) },
      },
    ]);
  });

  it('is answered whatever becomes of those who take it down', () => {
    const { ask, said } = rig({ broken: true });
    expect(ask().response?.status?.code ?? 0).toBe(0);
    expect(said).toMatchObject([
      { level: 'error', message: 'a check could not be told of', fields: { cause: 'no number' } },
    ]);
  });
});
