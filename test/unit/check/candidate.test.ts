/** A candidate is decided beside the active bundle on every request, and touches no answer. */
import { afterAll, describe, expect, it } from 'vitest';
import { type CheckCall, check } from '../../../src/check/check.js';
import type { ActiveBundle, CheckRecord, OnFault, Outcome } from '../../../src/check/types.js';
import { type ApprovedPart, createRolloutGeneration } from '../../../src/reload/generation.js';
import type { ApprovedState } from '../../../src/rollout/types.js';
import { approvedState } from '../../support/approved-states.js';
import { checkBundle, PAYMENTS_SETTINGS } from '../../support/check-bundles.js';
import { decodeResponse, httpRequest, type RequestParts } from '../../support/check-request.js';
import { block, exception, ORDERS, slice } from '../../support/traits.js';

const made: ActiveBundle[] = [];
const bundle = (...edits: Parameters<typeof checkBundle>) => {
  const active = checkBundle(...edits);
  made.push(active);
  return active;
};
afterAll(() => {
  for (const { evaluator } of made) evaluator.release();
});

const MAIN = 'a.cedar';
const FORBIDS_ALL = `
@id("none") @owner("o") @description("nobody does anything") forbid (principal, action, resource);
`;
const FAILS = `
@id("fails") @owner("o") @description("cannot be evaluated")
forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };
`;
const active = bundle();
const forbidding = bundle({ [MAIN]: (text) => text + FORBIDS_ALL });
const failing = bundle({ [MAIN]: (text) => text + FAILS });
const permitting = bundle({
  [MAIN]: (text) => text.replace('context.path like "/secrets*"', 'context.path == "/secrets"'),
});
const throwing: ActiveBundle = {
  ...active,
  evaluator: {
    ...active.evaluator,
    evaluate: () => {
      throw new Error('the candidate breaks');
    },
  },
};

interface Asked extends RequestParts {
  readonly call?: Partial<CheckCall>;
  readonly state?: Partial<ApprovedState>;
  readonly part?: Partial<ApprovedPart>;
}

function ask(candidate: ActiveBundle | undefined, { call, state, part, ...parts }: Asked = {}) {
  const generation = createRolloutGeneration({
    number: 1,
    parts: [{ state: approvedState(state), active, candidate, ...part }],
    clockFloorMs: 0,
  });
  const message = httpRequest({ principal: ORDERS, path: '/accounts', ...parts });
  const { record, answer } = check(
    { message, deadlineMs: Infinity, nowMs: 1_500, decisionId: 'id', ...call },
    generation,
    PAYMENTS_SETTINGS,
  );
  if (!('response' in answer)) throw new Error('no response');
  return { record, response: decodeResponse(answer.response) };
}

describe('a candidate', () => {
  it.each<[string, ActiveBundle, RequestParts, object]>([
    [
      'that denies what is allowed names its forbid',
      forbidding,
      {},
      { decision: 'deny', reason: 'policy_forbid', policies: ['none'], flip: true },
    ],
    [
      'that allows what is denied names its permit',
      permitting,
      { path: '/secrets/1' },
      { decision: 'allow', reason: 'policy_permit', policies: ['reads'], flip: true },
    ],
    [
      'that cannot say names the policy that failed',
      failing,
      {},
      {
        ...{ decision: 'error', reason: 'policy_error', policies: [], flip: true },
        errors: [{ code: 'policy_evaluation', policy: 'fails' }],
      },
    ],
    [
      'that agrees is no flip',
      permitting,
      {},
      { decision: 'allow', policies: ['reads'], flip: false },
    ],
    [
      'that agrees for other reasons is none either',
      forbidding,
      { path: '/secrets/1' },
      { decision: 'deny', policies: ['no-secrets', 'none'], flip: false },
    ],
    [
      'is asked by its own schema',
      bundle({
        'schema.cedarschema': (text) => text.replace('action POST', 'action POST, DELETE'),
        [MAIN]: (text) => text.replace('action in Action::"read", resource', 'action, resource'),
      }),
      { method: 'DELETE' },
      { flip: true },
    ],
    [
      'is asked by its own path rules',
      bundle({ 'bundle.yaml': (text) => `${text}path: {allow: [semicolon]}\n` }),
      { path: '/accounts;v=1' },
      { decision: 'allow', flip: true },
    ],
    [
      'that breaks says so',
      throwing,
      {},
      { decision: 'error', reason: 'internal_fault', flip: true },
    ],
  ])('%s', (_what, candidate, parts, expected) => {
    const { record, response } = ask(candidate, parts);
    expect(record.candidate).toMatchObject({ digest: candidate.bundle.digest, ...expected });
    expect(response.dynamic_metadata?.fields).toMatchObject({
      candidate_version: { stringValue: candidate.bundle.manifest.version },
      candidate_decision: { stringValue: record.candidate?.decision },
    });
  });

  const block1 = block({ match: {} });
  it.each<[string, Asked]>([
    ['a request that is blocked', { state: { blocks: [block1] } }],
    ['without a bundle that decides', { part: { active: undefined } }],
    ['after the deadline', { call: { deadlineMs: 1_000 } }],
    ['when there is little time', { call: { load: 'busy' } }],
    ['when there is none', { call: { load: 'overload' } }],
  ])('is not asked: %s', (_what, asked) => {
    const { record, response } = ask(throwing, asked);
    expect(record.candidate).toBeUndefined();
    expect(response.dynamic_metadata?.fields).not.toHaveProperty('candidate_decision');
  });

  it('is asked about the policies alone: an exception is no flip', () => {
    const state = { enforce: [slice('all')], exceptions: [exception({ match: {} })] };
    const denied = { method: 'POST', state };
    expect(ask(forbidding, denied).record).toMatchObject({
      ...{ outcome: 'allow', decision: 'deny', reason: 'exception' },
      candidate: { decision: 'deny', flip: false },
    });
  });
});

type What = 'allow' | 'deny' | 'forbid' | 'error' | 'request' | 'fault' | 'overload';
const REQUESTS: Readonly<Record<What, Asked>> = {
  allow: {},
  deny: { method: 'POST', path: '/x' },
  forbid: { path: '/secrets/1' },
  error: { path: '/overflow/forbid' },
  request: { path: '/a//b' },
  fault: { part: { active: undefined } },
  overload: { call: { load: 'overload' } },
};
/** What enforcing answers, design 3. */
const ENFORCED: Readonly<Record<What, Outcome>> = {
  ...{ allow: 'allow', deny: 'deny', forbid: 'deny', error: 'deny', request: 'deny' },
  ...{ fault: 'fail', overload: 'fail' },
};
const PLACES = {
  none: {},
  enforce: { enforce: [slice('all')] },
  hold: { enforce: [slice('all')], hold: [slice('held')] },
  block: { blocks: [block({ match: {} })] },
  both: { enforce: [slice('all')], blocks: [block({ match: {} })] },
} as const;
const EXCEPTIONS = {
  none: [],
  weak: [exception({ match: {} })],
  strong: [exception({ match: {}, overrideForbid: true })],
  ended: [exception({ match: {}, overrideForbid: true, untilMs: 1_500 })],
};
const CANDIDATES = [forbidding, permitting, failing, throwing];
const bare = ({ candidate: _, regime: __, ...rest }: CheckRecord) => rest;
const cells = (Object.keys(REQUESTS) as What[]).flatMap((what) =>
  (Object.keys(PLACES) as (keyof typeof PLACES)[]).flatMap((place) =>
    (Object.keys(EXCEPTIONS) as (keyof typeof EXCEPTIONS)[]).map((excepted) => {
      return [what, place, excepted] as const;
    }),
  ),
);

/** By the words of the design, not by the code. */
function expected(
  what: What,
  place: keyof typeof PLACES,
  excepted: keyof typeof EXCEPTIONS,
  onFault: OnFault,
) {
  if (place === 'block' || place === 'both') return { outcome: 'deny', wouldDeny: false };
  const speaks =
    (what === 'deny' && (excepted === 'weak' || excepted === 'strong')) ||
    (what === 'forbid' && excepted === 'strong');
  if (place !== 'enforce') {
    return { outcome: 'allow', wouldDeny: ENFORCED[what] === 'deny' && !speaks };
  }
  if (speaks) return { outcome: 'allow', wouldDeny: false };
  const outcome = ENFORCED[what] === 'fail' ? onFault : ENFORCED[what];
  return { outcome, wouldDeny: false };
}

describe('every cell of decision, place, exception, fault and candidate', () => {
  it.each(cells)('%s, %s, exception %s', (what, place, excepted) => {
    for (const onFault of ['fail', 'allow', 'deny'] as const) {
      const state = {
        ...PLACES[place],
        exceptions: EXCEPTIONS[excepted],
        destinations: [{ service: 'shop/payments', onFault, requireLog: false }],
      };
      const asked = { ...REQUESTS[what], state };
      const alone = bare(ask(undefined, asked).record);
      expect({ onFault, ...alone }).toMatchObject(expected(what, place, excepted, onFault));
      // Nothing but its own field tells whether there is one.
      for (const candidate of CANDIDATES) {
        expect(bare(ask(candidate, asked).record)).toEqual(alone);
      }
    }
  });
});
