import { describe, expect, it } from 'vitest';
import type { Result } from '../../../src/result.js';
import {
  APPROVAL_PAYLOAD_TYPE,
  formatSealed,
  ROLLOUT_PAYLOAD_TYPE,
} from '../../../src/rollout/documents.js';
import { addApproval } from '../../../src/rollout/seal.js';
import { examineRollout, type JudgedBy, verifyDocument } from '../../../src/rollout/verify.js';
import { pae } from '../../../src/signing/dsse.js';
import { sign } from '../../../src/signing/keys.js';
import { resultValue } from '../../support/result.js';
import {
  ACTIVE,
  approvalOf,
  BY,
  CANDIDATE,
  digestOf,
  KEYS,
  type KeyName,
  makeEmergency,
  makeRollout,
  ROLLBACK,
  type RolloutOptions,
  rolloutPayload,
  rolloutTrust,
  sealedRollout,
  someDigest,
  sourceText,
  type TrustOverrides,
} from '../../support/rollouts.js';

const FILE = 'history/production/orders/0042.json';

function problemsOf(result: Result<unknown>): string[] {
  if (result.ok) return ['taken'];
  return result.problems.map(({ code, file, line, message }) => {
    const place = [file === FILE ? '' : file?.replace(`${FILE} `, ''), line].filter((part) => part);
    return [code, ...place, message].join(' | ');
  });
}

function judged(bytes: Uint8Array, by: JudgedBy = BY): string[] {
  return problemsOf(verifyDocument(bytes, FILE, by));
}

const under = (overrides: TrustOverrides): JudgedBy => ({
  trust: rolloutTrust(overrides),
  environment: 'production',
});

/** A rollout whose payload is any text, signed by ada. */
function signedText(
  payload: string | Uint8Array,
  key: KeyName = 'ada',
  type = ROLLOUT_PAYLOAD_TYPE,
) {
  const bytes = Buffer.from(payload);
  const { privateKey, publicKey } = KEYS[key];
  const sig = sign(privateKey, pae(type, bytes)).toString('base64');
  const author = { payloadType: ROLLOUT_PAYLOAD_TYPE, signatures: [{ keyid: publicKey.id, sig }] };
  return formatSealed({ kind: 'SealedRollout', payload: bytes, author, approvals: [] });
}

describe('a rollout that was approved', () => {
  it('is taken, with all it says', () => {
    const options: RolloutOptions = {
      source: { candidate: 'orders@2026.11.4' },
      payload: {
        revoked: [someDigest('9')],
        reconciles: [someDigest('e')],
        evidence: someDigest('f'),
      },
    };
    const bytes = makeRollout(options);
    expect(resultValue(verifyDocument(bytes, FILE, BY))).toMatchObject({
      kind: 'rollout',
      digest: digestOf(bytes),
      name: 'orders',
      environment: 'production',
      sequence: 42,
      previous: someDigest('4'),
      author: 'ada',
      approvers: ['bob'],
      impact: 'low',
      source: { name: 'orders', change: { ticket: 'CHG-1041' } },
      sourceText: sourceText(options.source),
      resolved: {
        active: { name: 'orders', version: '2026.11.3', digest: ACTIVE },
        candidate: { name: 'orders', version: '2026.11.4', digest: CANDIDATE },
        rollback: { name: 'orders', version: '2026.11.2', digest: ROLLBACK },
      },
      superseded: [ROLLBACK],
      revoked: [someDigest('9')],
      trust: someDigest('7'),
      seed: '5eed5eed5eed5eed5eed5eed5eed5eed',
      issuedAtMs: Date.UTC(2026, 10, 20, 10),
      expiresAtMs: Date.UTC(2027, 2, 24),
      evidence: someDigest('f'),
      reconciles: [someDigest('e')],
      bytes,
    });
  });

  it('may be laid out with white space, outside and inside', () => {
    const sealed = sealedRollout(makeRollout({ approvals: 0 }));
    const loose = JSON.stringify(JSON.parse(Buffer.from(sealed.payload).toString()), null, 2);
    const signed = signedText(`\n${loose}\n`);
    const approved = resultValue(
      addApproval(signed, FILE, approvalOf(signed, 'bob'), KEYS.bob.privateKey),
    );
    const outside = JSON.stringify(JSON.parse(approved.toString()), null, '\t');
    expect(judged(Buffer.from(`${outside}\r\n`))).toEqual(['taken']);
  });

  it('may be the first, without anything before it', () => {
    const payload = {
      sequence: 1,
      previous: null,
      superseded: [],
      resolved: { ...rolloutPayload().resolved, rollback: null },
    };
    expect(judged(makeRollout({ payload }))).toEqual(['taken']);
  });

  it('is taken when it has expired: whether that matters is asked elsewhere', () => {
    const payload = { expiresAt: '2026-11-20T10:00:00.001Z' };
    expect(judged(makeRollout({ payload }))).toEqual(['taken']);
  });
});

describe('the file around it', () => {
  const whole = makeRollout();
  const edited = (edit: (value: Record<string, unknown>) => void) => {
    const value = JSON.parse(whole.toString());
    edit(value);
    return Buffer.from(JSON.stringify(value));
  };
  const approval = (value: Record<string, unknown>) =>
    (value.approvals as Record<string, unknown>[])[0] as Record<string, unknown>;

  it.each<[string, Buffer, string]>([
    ['no JSON', Buffer.from('nonsense'), 'json_invalid | 1 | `nonsense` is no JSON'],
    ['bad UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not_utf8 | the file is not valid UTF-8'],
    [
      'a byte order mark',
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), whole]),
      'json_invalid | 1 | ',
    ],
    [
      'a key twice',
      Buffer.from(whole.toString().replace('{', '{"kind":"SealedRollout",')),
      'json_invalid | 1 | the key `kind` appears twice',
    ],
    [
      'deep nesting',
      Buffer.from('['.repeat(100_000)),
      'json_invalid | 1 | values are nested more than 32 deep',
    ],
    [
      'nothing of the kind',
      Buffer.from('[]'),
      'rollout_invalid | `kind` must be `SealedRollout` or',
    ],
    [
      'another kind',
      edited((value) => Object.assign(value, { kind: 'PolicyRollout' })),
      'rollout_invalid | `kind` must be `SealedRollout` or `SealedEmergency`',
    ],
    [
      'an unknown field',
      edited((value) => Object.assign(value, { extra: 1 })),
      'rollout_invalid | unknown field `extra`',
    ],
    [
      'a field called `__proto__`',
      Buffer.from(whole.toString().replace('{', '{"__proto__":{},')),
      'rollout_invalid | unknown field `__proto__`',
    ],
    [
      'an unknown field in an approval',
      edited((value) => Object.assign(approval(value), { extra: 1 })),
      'rollout_invalid | unknown field `approvals[0].extra`',
    ],
    [
      'no approvals at all',
      edited((value) => delete value.approvals),
      'rollout_invalid | `approvals` is missing',
    ],
    [
      'a payload that is no base64',
      edited((value) => Object.assign(value, { payload: 'a b' })),
      'rollout_invalid | `payload` must be base64, and not empty',
    ],
    [
      'an empty payload',
      edited((value) => Object.assign(value, { payload: '' })),
      'rollout_invalid | `payload` must be base64, and not empty',
    ],
    [
      'signatures for another type',
      edited((value) => Object.assign(value.author as object, { payloadType: 'application/json' })),
      `rollout_invalid | \`author.payloadType\` must be \`${ROLLOUT_PAYLOAD_TYPE}\``,
    ],
    [
      'an approval of another type',
      edited((value) => Object.assign(approval(value), { payloadType: ROLLOUT_PAYLOAD_TYPE })),
      `rollout_invalid | \`approvals[0].payloadType\` must be \`${APPROVAL_PAYLOAD_TYPE}\``,
    ],
    [
      'two signatures on one approval',
      edited((value) => {
        const { signatures } = approval(value) as { signatures: unknown[] };
        signatures.push(signatures[0]);
      }),
      'rollout_invalid | `approvals[0].signatures` must have one signature',
    ],
    [
      'too many approvals',
      edited((value) => Object.assign(value, { approvals: Array(101).fill(approval(value)) })),
      'rollout_invalid | `approvals` must be at most 100',
    ],
    [
      'more bytes than a rollout may have',
      Buffer.from(whole.toString() + ' '.repeat(1_048_576)),
      'rollout_invalid | the file has more than 1048576 bytes',
    ],
    [
      'more bytes than any document may have',
      Buffer.alloc(2_097_153, 0x20),
      'rollout_invalid | the file has more than 2097152 bytes',
    ],
  ])('is refused with %s', (_name, bytes, expected) => {
    expect(judged(bytes)[0]).toContain(expected);
  });
});

describe('the author', () => {
  it.each<[string, Buffer, string]>([
    [
      'a key of nobody',
      signedText('no JSON', 'mallory'),
      'signature_threshold | the author: 1 person must have signed, 0 did; signature 1',
    ],
    [
      'a key of somebody who may only approve',
      makeRollout({ author: 'bob' }),
      'it verifies with no key of the people who may sign',
    ],
    [
      'a signature for another type of payload',
      signedText(JSON.stringify(rolloutPayload()), 'ada', APPROVAL_PAYLOAD_TYPE),
      'it does not verify with key `ada-1`, which it names, nor with any other',
    ],
    [
      'no signature',
      formatSealed({
        ...sealedRollout(makeRollout()),
        author: { payloadType: ROLLOUT_PAYLOAD_TYPE, signatures: [] },
      }),
      'signature_threshold | the author: 1 person must have signed, and there are no signatures',
    ],
    [
      'the key of another author than the payload names',
      makeRollout({ payload: { author: 'carol' } }),
      'signature_threshold | it names `carol` as its author, and `ada` signed',
    ],
  ])('has not signed with %s', (_name, bytes, expected) => {
    expect(judged(bytes)[0]).toContain(expected);
  });

  it('is asked for before a byte of the payload is read', () => {
    expect(judged(signedText('no JSON', 'mallory'))[0]).toContain('signature_threshold');
    expect(judged(signedText('no JSON', 'ada'))[0]).toContain('json_invalid | (payload) | 1');
  });

  it('may sign with any of their keys', () => {
    expect(judged(makeRollout({ author: 'ada2', approvals: ['bob2'] }))).toEqual(['taken']);
  });

  it.each([
    ['is not yet used', 'from: 2026-11-20T10:00:00.001Z', 'counts from 2026-11-20T10:00:00.001Z'],
    ['has been retired', 'retired: 2026-11-20T10:00:00Z', 'was retired at'],
    ['has run out', 'until: 2026-11-20T10:00:00Z', 'counts until'],
  ])('does not count with a key that %s when the document is issued', (_name, line, expected) => {
    const from = line.startsWith('from') ? [] : ['from: 2026-01-01T00:00:00Z'];
    expect(judged(makeRollout(), under({ keys: { 'ada-1': [...from, line] } }))[0]).toContain(
      `key \`ada-1\` of \`ada\` ${expected}`,
    );
  });

  it('is one of as many as the role asks for', () => {
    const by = under({ author: '{people: [ada, carol], threshold: 2}' });
    expect(judged(makeRollout(), by)[0]).toContain('2 people must have signed, 1 did');
  });
});

describe('the payload', () => {
  const field = (name: string, value: unknown) =>
    signedText(JSON.stringify({ ...rolloutPayload(), [name]: value }));

  it.each(Object.keys(rolloutPayload()))('is refused without its field `%s`', (name) => {
    const { [name as 'seed']: _, ...rest } = rolloutPayload();
    const missing = judged(signedText(JSON.stringify(rest)))[0];
    expect(missing).toContain('rollout_invalid | (payload)');
    expect(missing).toContain(`\`${name}\``);
  });

  it.each<[string, unknown, string]>([
    ['extra', 1, 'unknown field `extra`'],
    ['apiVersion', 'cedargate.dev/v2', '`apiVersion` must be `cedargate.dev/v1`'],
    ['kind', 'Bundle', '`kind` must be `PolicyRollout`'],
    ['sequence', 0, '`sequence` must be at least 1'],
    ['previous', 'sha256:12', '`previous` '],
    ['author', 'Ada', '`author` must be 1 to 63'],
    ['resolved', { active: null, candidate: null, rollback: null }, '`resolved.active` is missing'],
    ['superseded', [ACTIVE, ACTIVE], '`superseded` names a digest twice'],
    ['revoked', null, '`revoked` is missing or has another type'],
    ['seed', 'a\u0000b', '`seed` must be printable ASCII'],
    ['seed', 'a'.repeat(129), '`seed` must be at most 128'],
    ['issuedAt', '2026-11-20T10:00:00Z', '`issuedAt` must be a time in UTC with milliseconds'],
    ['expiresAt', '2026-02-30T10:00:00.000Z', '`expiresAt` must be a time in UTC'],
    ['minReader', 0, '`minReader` must be at least 1'],
    ['evidence', '', '`evidence` '],
    ['reconciles', ['x'], '`reconciles[0]` '],
  ])('is refused with `%s` %j', (name, value, expected) => {
    expect(judged(field(name, value))[0]).toContain(`rollout_invalid | (payload) | ${expected}`);
  });

  it('is refused when it needs a newer reader, whatever else is in it', () => {
    const later = JSON.stringify({ ...rolloutPayload(), minReader: 2, invention: true });
    expect(judged(signedText(later))).toEqual([
      'reader_too_old | (payload) | the document needs a reader of formats 2; this one reads 1',
    ]);
  });

  it('is for this environment, or refused', () => {
    expect(judged(makeRollout(), { ...BY, environment: 'test' })).toEqual([
      'rollout_environment | it is for environment `production`, and this is `test`',
    ]);
  });

  it.each<[string, RolloutOptions, string]>([
    [
      'name',
      { payload: { name: 'payments' } },
      '`name` is `payments`, and the source says `orders`',
    ],
    [
      'environment',
      { source: { environment: 'test' }, payload: { environment: 'production' } },
      '`environment` is `production`, and the source says `test`',
    ],
    [
      'active bundle',
      { source: { bundle: 'orders@2' }, payload: { resolved: rolloutPayload().resolved } },
      '`resolved.active` is `orders@2026.11.3`, and the source says `orders@2`',
    ],
    [
      'candidate, which the source lacks',
      {
        payload: {
          resolved: {
            ...rolloutPayload().resolved,
            candidate: { name: 'orders', version: '9', digest: CANDIDATE },
          },
        },
      },
      '`resolved.candidate` is `orders@9`, and the source says `none`',
    ],
    [
      'candidate, which it lacks',
      { source: { candidate: 'orders@9' }, payload: { resolved: rolloutPayload().resolved } },
      '`resolved.candidate` is `none`, and the source says `orders@9`',
    ],
  ])('agrees with its source on the %s, or is refused', (_name, options, expected) => {
    expect(judged(makeRollout(options))).toEqual([`rollout_invalid | ${expected}`]);
  });

  it('is refused with a source that is none, naming its line', () => {
    const options = { source: { enforce: '[{name: reads, match: {acess: read}}]' } };
    expect(judged(makeRollout(options))).toEqual([
      'rollout_invalid | (source) | 8 | unknown field `enforce[0].match.acess`',
    ]);
  });

  it('stays within the limits of trust.yaml, or is refused, naming the line', () => {
    const options = {
      source: {
        change: '{type: normal, ticket: CHORE-1, owner: me, reason: none, reviewBy: 2027-02-22}',
      },
    };
    expect(judged(makeRollout(options))).toEqual([
      'rollout_limit | (source) | 6 | ticket `CHORE-1` has not the form that trust.yaml wants',
    ]);
    expect(judged(makeRollout(options), under({ limits: '' }))).toEqual(['taken']);
  });
});

describe('trust.yaml', () => {
  it.each<[string, TrustOverrides]>([
    ['roles.author', { author: '' }],
    ['roles.approver', { approver: '', destinations: '[{match: "**", impact: low}]' }],
    ['thresholds', { thresholds: '' }],
    ['destinations', { destinations: '' }],
    ['destinations', { destinations: '[]' }],
  ])('without `%s` takes no rollout, and says so', (field, overrides) => {
    expect(judged(makeRollout(), under(overrides))).toEqual([
      `trust_invalid | trust.yaml has no \`${field}\`, and without it nobody can judge this document`,
    ]);
  });

  it('takes no destination that no entry is about', () => {
    const by = under({ destinations: '[{match: shop/payments, impact: low}]' });
    expect(judged(makeRollout(), by)).toEqual([
      'rollout_destination | no entry of `destinations` in trust.yaml matches `shop/orders`',
    ]);
  });
});

describe('examining a rollout', () => {
  it('tells who is still needed, where verifying refuses', () => {
    const bytes = makeRollout({ approvals: 0 });
    const { document, unmet, assessment } = resultValue(examineRollout(bytes, FILE, BY));
    expect(document.approvers).toEqual([]);
    expect(assessment.requirements).toEqual([
      { people: 1, among: undefined, destination: undefined },
    ]);
    expect(unmet).toEqual(assessment.requirements);
    expect(judged(bytes)).toEqual([
      'approvals_missing | a change of low impact needs approvals by 1, and 0 count',
    ]);
  });

  it('shows every approval with who gave it and why it does not count', () => {
    const bytes = makeRollout({ approvals: ['ada', 'bob'], statement: { comment: 'seen' } });
    const { approvals } = resultValue(examineRollout(bytes, FILE, BY));
    const shown = approvals.map(({ approver, fault, statement }) => [
      approver,
      fault,
      statement?.comment,
    ]);
    expect(shown).toHaveLength(2);
    expect(shown).toContainEqual(['bob', undefined, 'seen']);
    expect(shown).toContainEqual(['ada', '`ada` is the author, and never approves', 'seen']);
  });

  it('is for rollouts only', () => {
    expect(problemsOf(examineRollout(makeEmergency(), FILE, BY))).toEqual([
      'rollout_invalid | the document is an emergency: it is reconciled by a later rollout, not approved',
    ]);
  });

  it('sees the same document as verifying does', () => {
    const bytes = makeRollout();
    const { document } = resultValue(examineRollout(bytes, 'rollout.json', BY));
    expect(document).toEqual(verifiedRolloutOf(bytes));
  });
});

function verifiedRolloutOf(bytes: Uint8Array) {
  return resultValue(verifyDocument(bytes, 'rollout.json', BY));
}
