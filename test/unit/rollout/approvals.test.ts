import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApprovalStatement } from '../../../src/rollout/approvals.js';
import { APPROVAL_PAYLOAD_TYPE, formatSealed } from '../../../src/rollout/documents.js';
import { addApproval } from '../../../src/rollout/seal.js';
import { type JudgedBy, verifyDocument } from '../../../src/rollout/verify.js';
import { pae } from '../../../src/signing/dsse.js';
import { sign } from '../../../src/signing/keys.js';
import { resultValue } from '../../support/result.js';
import {
  approvalOf,
  BY,
  KEYS,
  type KeyName,
  makeRollout,
  type RolloutOptions,
  rolloutTrust,
  sealedRollout,
  someDigest,
  type TrustOverrides,
  verifiedRollout,
} from '../../support/rollouts.js';

/** Low impact: one approval is enough. */
const BARE = makeRollout({ approvals: 0 });

/** The message of the refusal, or who approved. */
function judged(bytes: Uint8Array, by: JudgedBy = BY): string {
  const verified = verifyDocument(bytes, '0042.json', by);
  if (!verified.ok) return verified.problems.map(({ message }) => message).join('\n');
  return verified.value.kind === 'rollout' ? verified.value.approvers.join() : 'emergency';
}

/** BARE with one approval, whose payload is any text. */
function withApproval(payload: string, key: KeyName, type = APPROVAL_PAYLOAD_TYPE): Buffer {
  const bytes = Buffer.from(payload);
  const { privateKey, publicKey } = KEYS[key];
  const sig = sign(privateKey, pae(type, bytes)).toString('base64');
  const signatures = [{ keyid: publicKey.id, sig }];
  const approval = { payloadType: APPROVAL_PAYLOAD_TYPE, payload: bytes, signatures };
  return formatSealed({ ...sealedRollout(BARE), approvals: [approval] });
}

const saying = (more: Partial<ApprovalStatement>, key: KeyName = 'bob') =>
  withApproval(JSON.stringify({ ...approvalOf(BARE, 'bob'), ...more }), key);

const under = (overrides: TrustOverrides): JudgedBy => ({ ...BY, trust: rolloutTrust(overrides) });

describe('an approval', () => {
  it('counts for the person whose key signed it', () => {
    expect(judged(saying({}))).toBe('bob');
    expect(judged(makeRollout({ approvals: ['carol', 'bob'] }))).toBe('bob,carol');
  });

  it.each<[string, Buffer, string]>([
    ['by nobody', withApproval('no JSON', 'mallory'), 'it verifies with no key of the people'],
    [
      'by somebody who may not approve',
      saying({}, 'erin'),
      'it verifies with no key of the people',
    ],
    [
      'signed as another type of payload',
      withApproval(JSON.stringify(approvalOf(BARE, 'bob')), 'bob', 'application/json'),
      'it does not verify with key `bob-1`',
    ],
    ['that is no JSON', withApproval('no JSON', 'bob'), '`no` is no JSON'],
    [
      'that says one thing twice',
      withApproval('{"role":"approver","role":"approver"}', 'bob'),
      'the key `role` appears twice',
    ],
    ['with an unknown field', saying({ extra: 1 } as object), 'unknown field `extra`'],
    ['in another role', saying({ role: 'author' } as object), '`role` must be `approver`'],
    ['without a time', saying({ signedAt: undefined } as object), '`signedAt` is missing'],
    ['with hidden text', saying({ comment: 'fine\u202e' }), '`comment` must be text without'],
    [
      'with a long comment',
      saying({ comment: 'a'.repeat(2_001) }),
      '`comment` must be at most 2000',
    ],
    [
      'in the name of somebody else',
      saying({ approver: 'carol' }),
      'it speaks for `carol`, and the key is that of `bob`',
    ],
    [
      'of another document',
      saying({ document: someDigest('d') }),
      `it is about document \`${someDigest('d')}\``,
    ],
    [
      'of other evidence',
      saying({ evidence: someDigest('e') }),
      `it is about evidence \`${someDigest('e')}\`, and the document has \`null\``,
    ],
    [
      'by the author',
      makeRollout({ approvals: ['ada'] }),
      '`ada` is the author, and never approves',
    ],
    [
      'by the author with another key',
      makeRollout({ approvals: ['ada2'] }),
      '`ada` is the author, and never approves',
    ],
  ])('does not count %s', (_name, bytes, expected) => {
    const head = 'a change of low impact needs approvals by 1, and 0 count; approval 1 (sha256:';
    expect(judged(bytes)).toContain(head);
    expect(judged(bytes)).toContain(expected);
  });

  it('names the evidence that the document has', () => {
    const payload = { evidence: someDigest('e') };
    expect(judged(makeRollout({ payload }))).toBe('bob');
    expect(judged(makeRollout({ payload, statement: { evidence: null } }))).toContain(
      `it is about evidence \`null\`, and the document has \`${someDigest('e')}\``,
    );
  });

  it('does not count when it is that of a document with one byte more', () => {
    const other = sealedRollout(makeRollout({ payload: { sequence: 420 } }));
    const moved = formatSealed({ ...sealedRollout(BARE), approvals: other.approvals });
    expect(judged(moved)).toContain('it is about document');
  });

  it.each([
    ['begins later than it was signed', ['from: 2026-11-20T11:00:00.001Z'], 'counts from'],
    [
      'was retired when it was signed',
      ['from: 2026-01-01T00:00:00Z', 'retired: 2026-11-20T11:00:00Z'],
      'was retired at',
    ],
  ])('does not count with a key that %s', (_name, lines, expected) => {
    const by = under({ keys: { 'bob-1': lines } });
    expect(judged(makeRollout(), by)).toContain(`key \`bob-1\` of \`bob\` ${expected}`);
  });

  it('cannot be dated back to when its key still counted: the document is newer than that', () => {
    const keys = { 'bob-1': ['from: 2026-01-01T00:00:00Z', 'retired: 2026-11-20T09:00:00Z'] };
    const bytes = makeRollout({ statement: { signedAt: '2026-11-20T08:00:00.000Z' } });
    expect(judged(bytes, under({ keys }))).toContain('key `bob-1` of `bob` was retired at');
    expect(judged(bytes)).toBe('bob');
  });

  it('counts after its key was retired: what was approved stays approved', () => {
    const keys = { 'bob-1': ['from: 2026-01-01T00:00:00Z', 'retired: 2026-11-20T11:00:00.001Z'] };
    expect(judged(makeRollout(), under({ keys }))).toBe('bob');
  });

  it('does no harm when it does not count and others do', () => {
    expect(judged(makeRollout({ approvals: ['ada', 'bob', 'mallory'] }))).toBe('bob');
    const { approvals } = sealedRollout(makeRollout());
    const useless = sealedRollout(saying({ document: someDigest('9') })).approvals;
    const both = formatSealed({ ...sealedRollout(BARE), approvals: [...useless, ...approvals] });
    expect(judged(both)).toBe('bob');
  });
});

describe('people', () => {
  const HIGH: RolloutOptions = { source: { enforce: '[{name: all, match: {}}]' } };

  it('are counted, not keys', () => {
    const twice = judged(makeRollout({ ...HIGH, approvals: ['bob', 'bob2'] }));
    expect(twice).toContain(
      'a change of high impact (slice `all` enforces writes) needs approvals by 2, and 1 count',
    );
    expect(twice).toContain('`bob` approved already: a person counts once');
    expect(judged(makeRollout({ ...HIGH, approvals: ['bob', 'carol'] }))).toBe('bob,carol');
  });

  it('who signed as authors beside the one named never approve', () => {
    const bytes = makeRollout({ ...HIGH, approvals: ['bob', 'carol'] });
    const sealed = sealedRollout(bytes);
    const carols = makeRollout({ ...HIGH, author: 'carol', payload: { author: 'ada' } });
    const signatures = [...sealed.author.signatures, ...sealedRollout(carols).author.signatures];
    const both = formatSealed({ ...sealed, author: { ...sealed.author, signatures } });
    expect(judged(both)).toContain('`carol` is the author, and never approves');
  });

  it('are as many as the role asks for, even for low impact', () => {
    const by = under({ approver: '{people: [ada, bob, carol, dan], threshold: 2}' });
    expect(judged(makeRollout(), by)).toContain('needs approvals by 2, and 1 count');
    expect(judged(makeRollout({ approvals: 2 }), by)).toBe('bob,carol');
  });
});

describe('destinations', () => {
  const PAYMENTS: RolloutOptions = {
    source: { destinations: '[{service: shop/orders}, {service: shop/payments}]' },
  };

  it('of high impact make the whole change one', () => {
    expect(judged(makeRollout({ ...PAYMENTS, approvals: 1 }))).toContain(
      'a change of high impact (`shop/payments` is of high impact) needs approvals by 2',
    );
    expect(judged(makeRollout({ ...PAYMENTS, approvals: 2 }))).toBe('bob,carol');
  });

  it('want their own approvers, as many as the whole change needs', () => {
    const bytes = makeRollout({ ...PAYMENTS, author: 'carol', approvals: ['ada', 'bob'] });
    expect(judged(bytes)).toBe(
      '`shop/payments` needs approvals by 2 among `bob`, `carol`, `dan`, and 1 count',
    );
  });

  it('raise the threshold among their approvers, and never lower it', () => {
    const withThreshold = (threshold: number) =>
      under({
        destinations: `[{match: "shop/*", impact: low, approvers: [bob, carol, dan], threshold: ${threshold}}]`,
      });
    const by = withThreshold(3);
    expect(judged(makeRollout({ approvals: 2 }), by)).toContain(
      '`shop/orders` needs approvals by 3 among `bob`, `carol`, `dan`, and 2 count',
    );
    expect(judged(makeRollout({ approvals: 3 }), by)).toBe('bob,carol,dan');
    const HIGH = { source: { enforce: '[{name: all, match: {}}]' } };
    expect(judged(makeRollout({ ...HIGH, approvals: 1 }), withThreshold(1))).toContain(
      '`shop/orders` needs approvals by 2 among',
    );
  });

  it('are all asked, and so are all entries that match one', () => {
    const by = under({
      destinations:
        '[{match: "**", impact: low, approvers: [bob]}, {match: "*/orders", impact: low, approvers: [carol]}]',
    });
    expect(judged(makeRollout({ approvals: ['bob'] }), by)).toBe(
      '`shop/orders` needs approvals by 1 among `carol`, and 0 count',
    );
    expect(judged(makeRollout({ approvals: ['bob', 'carol'] }), by)).toBe('bob,carol');
  });
});

const approvers = fc.subarray<KeyName>(['ada', 'ada2', 'bob', 'bob2', 'carol', 'dan', 'mallory']);

describe('whatever approvals there are', () => {
  it('distinct people other than the author count, and nobody else', () => {
    fc.assert(
      fc.property(approvers, fc.constantFrom<KeyName>('ada', 'ada2', 'carol'), (keys, author) => {
        const bytes = makeRollout({ author, approvals: keys });
        const people = new Set(keys.map((key) => key.replace(/\d$/, '')));
        people.delete('mallory');
        people.delete(author.replace(/\d$/, ''));
        const expected = [...people].sort().join();
        const answer = judged(bytes);
        expect(expected === '' ? answer.includes('and 0 count') : answer === expected).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('those of another document never count', () => {
    fc.assert(
      fc.property(approvers, fc.integer({ min: 1, max: 99 }), (keys, sequence) => {
        const other = makeRollout({ approvals: keys, payload: { sequence } });
        const mine = makeRollout({ approvals: 0, payload: { sequence: 100 } });
        const { approvals } = sealedRollout(other);
        expect(judged(formatSealed({ ...sealedRollout(mine), approvals }))).toContain('0 count');
      }),
      { numRuns: 30 },
    );
  });
});

describe('adding an approval', () => {
  const add = (bytes: Uint8Array, name: KeyName, more: Partial<ApprovalStatement> = {}) =>
    resultValue(addApproval(bytes, 'x.json', approvalOf(bytes, name, more), KEYS[name].privateKey));

  it('replaces the one by the same key, whatever its key id says', () => {
    const first = sealedRollout(add(BARE, 'bob', { comment: 'first' }));
    const renamed = first.approvals.map((approval) => ({
      ...approval,
      signatures: approval.signatures.map(({ sig }) => ({ keyid: 'bob', sig })),
    }));
    const again = add(formatSealed({ ...first, approvals: renamed }), 'bob', { comment: 'second' });
    expect(again).toEqual(add(BARE, 'bob', { comment: 'second' }));
  });

  it('gives the same file in whatever order people approve', () => {
    const names: KeyName[] = ['bob', 'carol', 'dan'];
    const one = names.reduce<Buffer>((bytes, name) => add(bytes, name), BARE);
    const other = names.reverse().reduce<Buffer>((bytes, name) => add(bytes, name), BARE);
    expect(other).toEqual(one);
  });

  it('never changes the digest of the document', () => {
    expect(verifiedRollout({ approvals: 3 }).digest).toBe(verifiedRollout().digest);
  });

  it('is refused for a statement about another document', () => {
    const statement = approvalOf(BARE, 'bob', { document: someDigest('d') });
    const added = addApproval(BARE, 'x.json', statement, KEYS.bob.privateKey);
    expect(added).toMatchObject({ ok: false, problems: [{ code: 'rollout_invalid' }] });
  });
});
