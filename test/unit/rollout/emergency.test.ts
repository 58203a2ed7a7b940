import { describe, expect, it } from 'vitest';
import {
  EMERGENCY_PAYLOAD_TYPE,
  formatSealed,
  parseSealed,
} from '../../../src/rollout/documents.js';
import { addApproval } from '../../../src/rollout/seal.js';
import { type JudgedBy, verifyDocument } from '../../../src/rollout/verify.js';
import { pae } from '../../../src/signing/dsse.js';
import { sign } from '../../../src/signing/keys.js';
import { resultValue } from '../../support/result.js';
import {
  ACTIVE,
  approvalOf,
  BY,
  digestOf,
  type EmergencyOptions,
  KEYS,
  type KeyName,
  makeEmergency,
  makeRollout,
  ROLLBACK,
  rolloutPayload,
  rolloutTrust,
  someDigest,
  type TrustOverrides,
} from '../../support/rollouts.js';

const FILE = '0043.json';
const BASE = makeRollout();

const BLOCK = {
  name: 'attacker',
  ticket: 'INC-7',
  owner: 'team-orders',
  reason: 'scraping',
  match: { callers: ['spiffe://example.org/ns/shop/sa/scraper'] },
  from: '2026-11-21T03:00:00Z',
  until: '2026-11-21T07:00:00Z',
};

function judged(bytes: Uint8Array, by: JudgedBy = BY): string[] {
  const verified = verifyDocument(bytes, FILE, by);
  if (verified.ok) return ['taken'];
  return verified.problems.map(({ code, file, message }) => `${code} | ${file} | ${message}`);
}

const emergency = (payload: EmergencyOptions['payload'] = {}, base: Uint8Array = BASE) =>
  makeEmergency({ base, payload });

const under = (overrides: TrustOverrides): JudgedBy => ({ ...BY, trust: rolloutTrust(overrides) });

/** An emergency whose payload has these fields besides, or instead. */
function signedFields(fields: Record<string, unknown>, key: KeyName = 'erin'): Buffer {
  const sealed = resultValue(parseSealed(emergency(), FILE));
  const whole = { ...JSON.parse(Buffer.from(sealed.payload).toString()), ...fields };
  return signedText(JSON.stringify(whole), key);
}

function signedText(text: string, key: KeyName): Buffer {
  const payload = Buffer.from(text);
  const { privateKey, publicKey } = KEYS[key];
  const sig = sign(privateKey, pae(EMERGENCY_PAYLOAD_TYPE, payload)).toString('base64');
  const signatures = [{ keyid: publicKey.id, sig }];
  const author = { payloadType: EMERGENCY_PAYLOAD_TYPE, signatures };
  return formatSealed({ kind: 'SealedEmergency', payload, author });
}

describe('an emergency', () => {
  it('blocks callers of destinations of its base', () => {
    const match = { destinations: ['shop/orders'] };
    expect(judged(emergency({ blocks: [{ ...BLOCK, match }] }))).toEqual(['taken']);
  });

  it('is taken with one key, with all it says and its base', () => {
    const bytes = emergency({
      relax: ['reads'],
      rollback: true,
      blocks: [BLOCK],
      revoke: [ACTIVE],
    });
    expect(resultValue(verifyDocument(bytes, FILE, BY))).toEqual({
      kind: 'emergency',
      digest: digestOf(bytes),
      sequence: 43,
      base: resultValue(verifyDocument(BASE, FILE, BY)),
      author: 'erin',
      relax: ['reads'],
      rollback: true,
      blocks: [
        {
          ...{ name: 'attacker', ticket: 'INC-7', owner: 'team-orders', reason: 'scraping' },
          match: BLOCK.match,
          fromMs: Date.UTC(2026, 10, 21, 3),
          untilMs: Date.UTC(2026, 10, 21, 7),
        },
      ],
      revoke: [ACTIVE],
      ticket: 'INC-7',
      issuedAtMs: Date.UTC(2026, 10, 21, 3),
      reconcileByMs: Date.UTC(2026, 10, 22, 3),
      bytes,
    });
  });

  it.each<[string, EmergencyOptions['payload']]>([
    ['relaxes all', { relax: 'all' }],
    ['relaxes one slice', { relax: ['probes'] }],
    ['rolls back', { relax: [], rollback: true }],
    ['blocks', { relax: [], blocks: [BLOCK] }],
    ['revokes', { relax: [], revoke: [ACTIVE] }],
    ['is the thousandth after its base', { sequence: 1_042 }],
  ])('is taken when it %s', (_name, payload) => {
    expect(judged(emergency(payload))).toEqual(['taken']);
  });

  it('is refused where nobody may declare one', () => {
    expect(judged(emergency(), under({ emergency: '' }))).toEqual([
      'trust_invalid | 0043.json | trust.yaml has no `roles.emergency`, and without it nobody can judge this document',
    ]);
  });

  it.each<[string, KeyName]>([
    ['nobody', 'mallory'],
    ['an author', 'ada'],
    ['an approver', 'bob'],
  ])('is refused when %s signed it, before it is read', (_name, key) => {
    expect(judged(signedText('no JSON', key))[0]).toContain('signature_threshold | 0043.json');
    expect(judged(signedText('no JSON', 'erin'))[0]).toContain('json_invalid');
  });

  it.each([
    ['is not yet used', ['from: 2026-11-21T03:00:00.001Z'], 'counts from'],
    ['is retired', ['from: 2026-01-01T00:00:00Z', 'retired: 2026-11-21T03:00:00Z'], 'was retired'],
  ])('is refused with a key that %s when it is declared', (_name, lines, expected) => {
    const by = under({ keys: { 'erin-1': lines } });
    expect(judged(emergency(), by)[0]).toContain(`key \`erin-1\` of \`erin\` ${expected}`);
  });

  it('cannot be dated back to when its key still counted: its base is newer than that', () => {
    const keys = { 'erin-1': ['from: 2026-01-01T00:00:00Z', 'retired: 2026-11-20T09:00:00Z'] };
    const times = {
      issuedAt: '2026-11-20T08:00:00.000Z',
      reconcileBy: '2026-11-20T20:00:00.000Z',
    };
    expect(judged(emergency(times))).toEqual(['taken']);
    expect(judged(emergency(times), under({ keys }))[0]).toContain('was retired at');
  });
});

describe('the payload of an emergency', () => {
  const FIELDS = Object.keys(
    JSON.parse(Buffer.from(resultValue(parseSealed(emergency(), FILE)).payload).toString()),
  );

  it('has these fields', () => {
    expect(FIELDS.sort()).toEqual([
      ...['base', 'blocks', 'issuedAt', 'reconcileBy', 'relax', 'revoke', 'rollback'],
      ...['sequence', 'ticket'],
    ]);
  });

  it.each(FIELDS)('is refused without its field `%s`', (name) => {
    expect(judged(signedFields({ [name]: undefined }))[0]).toContain('rollout_invalid');
  });

  it.each<[string, unknown]>([
    ['enforce', [{ name: 'all', match: {} }]],
    ['exceptions', []],
    ['active', ACTIVE],
    ['candidate', ACTIVE],
    ['hold', []],
    ['approvals', []],
  ])('has no word for more: `%s` is unknown', (name, value) => {
    expect(judged(signedFields({ [name]: value }))).toEqual([
      `rollout_invalid | 0043.json (payload) | unknown field \`${name}\``,
    ]);
  });

  it.each<[string, unknown, string]>([
    ['sequence', 1.5, 'no integer'],
    ['relax', 'reads', '`relax` must be `all`, or a list of slices that names none twice'],
    ['relax', ['reads', 'reads'], '`relax` must be `all`, or a list'],
    ['rollback', 'yes', '`rollback` is missing or has another type than boolean'],
    ['revoke', ['x'], '`revoke[0]` must be `sha256:`'],
    ['revoke', [ACTIVE, ACTIVE], '`revoke` names a digest twice'],
    ['ticket', '', '`ticket` must not be empty'],
    ['issuedAt', '2026-11-21T03:00:00Z', '`issuedAt` must be a time in UTC with milliseconds'],
    ['reconcileBy', 'soon', '`reconcileBy` must be a time'],
    ['blocks', [{ ...BLOCK, overrideForbid: true }], 'unknown field `blocks[0].overrideForbid`'],
    ['blocks', [{ ...BLOCK, match: { percent: 5 } }], '`blocks[0].match.percent`'],
    ['blocks', [{ ...BLOCK, until: BLOCK.from }], '`blocks[0].until` must be later than `from`'],
    ['blocks', [BLOCK, BLOCK], '`blocks[1].name` `attacker` is there already'],
  ])('is refused with `%s` %j', (name, value, expected) => {
    expect(judged(signedFields({ [name]: value }))[0]).toContain(expected);
  });
});

describe('the base of an emergency', () => {
  it('is verified like any rollout', () => {
    const unapproved = makeRollout({ approvals: 0 });
    expect(judged(emergency({}, unapproved))[0]).toContain(
      'approvals_missing | 0043.json (base) | a change of low impact needs approvals by 1',
    );
    const forged = makeRollout({ author: 'mallory', payload: { author: 'ada' } });
    expect(judged(emergency({}, forged))[0]).toContain('signature_threshold | 0043.json (base)');
    expect(judged(emergency(), { ...BY, environment: 'test' })[0]).toContain(
      'rollout_environment | 0043.json (base)',
    );
  });

  it('is never an emergency', () => {
    const first = JSON.parse(emergency().toString());
    expect(judged(signedFields({ base: first }))).toEqual([
      'rollout_invalid | 0043.json (payload) | `base` is an emergency: each stands on the last approved rollout, and repeats what should stay',
    ]);
  });

  it('has no fields besides', () => {
    const base = { ...JSON.parse(BASE.toString()), extra: 1 };
    expect(judged(signedFields({ base }))[0]).toContain('unknown field `extra`');
  });
});

describe('what an emergency does', () => {
  const NOTHING = { relax: [], rollback: false, blocks: [], revoke: [] } as const;
  const bare = (resolved: object) =>
    makeRollout({ payload: { resolved: { ...rolloutPayload().resolved, ...resolved } } });

  it.each<[string, Buffer, string]>([
    ['nothing', emergency(NOTHING), 'it does nothing'],
    [
      'relaxing where nothing is enforced',
      emergency({ relax: 'all' }, makeRollout({ source: { enforce: '' } })),
      'it does nothing',
    ],
    [
      'revoking only what is revoked already',
      emergency({ ...NOTHING, revoke: [ACTIVE] }, makeRollout({ payload: { revoked: [ACTIVE] } })),
      'it does nothing',
    ],
    [
      'relaxing a slice that is not enforced',
      emergency({ relax: ['writes'] }),
      '`relax` names `writes`, which its base does not enforce',
    ],
    [
      'rolling back to nothing',
      emergency({ rollback: true }, bare({ rollback: null })),
      'it rolls back, and its base has nothing to roll back to',
    ],
    [
      'rolling back to what its base has revoked',
      emergency({ rollback: true }, makeRollout({ payload: { revoked: [ROLLBACK] } })),
      `it rolls back to \`${ROLLBACK}\`, which is revoked`,
    ],
    [
      'rolling back to what it revokes itself',
      emergency({ rollback: true, revoke: [ROLLBACK] }),
      `it rolls back to \`${ROLLBACK}\`, which is revoked`,
    ],
    [
      'the number of its base',
      emergency({ sequence: 42 }),
      'sequence 42 is not above that of its base, 42',
    ],
    [
      'a number far above its base',
      emergency({ sequence: 1_043 }),
      'sequence 1043 is more than 1000 above its base, 42',
    ],
    [
      'a block with the name of one in its base',
      emergency({ blocks: [BLOCK] }, makeRollout({ source: { blocks: JSON.stringify([BLOCK]) } })),
      'block `attacker` is in its base already',
    ],
    [
      'a block elsewhere',
      emergency({ blocks: [{ ...BLOCK, match: { destinations: ['shop/other'] } }] }),
      'block `attacker`: `shop/other` is no destination of its base',
    ],
    [
      'a time to reconcile that is over',
      emergency({ reconcileBy: '2026-11-21T03:00:00.000Z' }),
      '`reconcileBy` must be later than `issuedAt`',
    ],
  ])('is not %s', (_name, bytes, expected) => {
    expect(judged(bytes)).toHaveLength(1);
    expect(judged(bytes)[0]).toContain(expected);
  });

  it.each<[string, Buffer, string]>([
    [
      'time to reconcile',
      emergency({ reconcileBy: '2026-11-22T03:00:00.001Z' }),
      '`reconcileBy` is later than `limits.reconcileWithin` in trust.yaml allows',
    ],
    ['form of tickets', emergency({ ticket: 'later' }), 'ticket `later` has not the form'],
    [
      'form of tickets of blocks',
      emergency({ blocks: [{ ...BLOCK, ticket: 'later' }] }),
      'ticket `later` has not the form',
    ],
    [
      'longest block',
      emergency({ blocks: [{ ...BLOCK, until: '2026-11-28T03:00:01Z' }] }),
      '`attacker` lasts',
    ],
  ])('keeps to the %s of trust.yaml', (_name, bytes, expected) => {
    expect(judged(bytes)[0]).toContain(`rollout_limit | 0043.json | ${expected}`);
    expect(judged(bytes, under({ limits: '' }))).toEqual(['taken']);
  });
});

describe('the file of an emergency', () => {
  it('has nowhere to put approvals', () => {
    const value = { ...JSON.parse(emergency().toString()), approvals: [] };
    expect(judged(Buffer.from(JSON.stringify(value)))[0]).toContain('unknown field `approvals`');
    const bytes = emergency();
    const added = addApproval(bytes, FILE, approvalOf(bytes, 'bob'), KEYS.bob.privateKey);
    expect(added).toMatchObject({
      ok: false,
      problems: [{ message: 'nobody approves an emergency' }],
    });
  });

  it('is always written alike', () => {
    expect(emergency()).toEqual(emergency());
    expect(digestOf(emergency({ revoke: [someDigest('9')] }))).not.toBe(digestOf(emergency()));
  });
});
