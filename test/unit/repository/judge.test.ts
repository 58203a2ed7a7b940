import { rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { readHistory } from '../../../src/repository/history.js';
import { type Judges, judgeHistory, recordedTrust } from '../../../src/repository/judge.js';
import type { Trust } from '../../../src/rollout/trust.js';
import {
  historyFiles,
  makeAuditRepository,
  ORDERS,
  rolloutAt,
} from '../../support/audit-repository.js';
import { resultValue } from '../../support/result.js';
import { digestOf, makeEmergency, rolloutTrust, someDigest } from '../../support/rollouts.js';

/** By these rules the documents of the history were made; by the stricter ones none counts. */
const LAX = rolloutTrust();
const STRICT = rolloutTrust({ thresholds: '{low: 2, high: 2}' });
const made: string[] = [];

afterEach(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
});

async function judged(files: Map<number, Buffer>, given: Trust, believed: Judges['believed']) {
  const { root } = makeAuditRepository(files);
  made.push(root);
  const history = await readHistory(root, ORDERS, { trust: given, environment: 'production' });
  const { entries, problems } = judgeHistory(resultValue(history), { given, believed });
  return {
    verified: entries.flatMap(({ document, sequence }) => (document ? [sequence] : [])),
    trust: new Set(entries.map(({ trust }) => trust)),
    problems: problems.map(({ file, message }) => `${file?.slice(-9)}: ${message}`),
  };
}

const laxUntil = (untilMs: number) => (digest: string) =>
  digest === LAX.digest ? { trust: LAX, untilMs } : undefined;

describe('rules of the day', () => {
  it('are not asked where those given take the document', async () => {
    const other = { ...STRICT, digest: someDigest('7') };
    const believed = () => ({ trust: other, untilMs: Number.POSITIVE_INFINITY });
    const found = await judged(historyFiles(), LAX, believed);
    expect(found).toEqual({ verified: [1, 2, 3, 4], trust: new Set([LAX.digest]), problems: [] });
  });

  it('count for what was made before they were replaced, and not in that moment', async () => {
    const fourth = Date.parse('2026-11-23T10:00:00.000Z');
    const before = await judged(historyFiles(), STRICT, laxUntil(fourth + 1));
    expect(before.verified).toEqual([1, 2, 3, 4]);
    expect((await judged(historyFiles(), STRICT, laxUntil(fourth))).verified).toEqual([1, 2, 3]);
  });

  it('count for an emergency by its own date, which says nothing about what follows', async () => {
    const files = historyFiles();
    const ahead = makeEmergency({
      base: files.get(2) as Buffer,
      payload: { issuedAt: '2026-12-24T00:00:00.000Z', reconcileBy: '2026-12-25T00:00:00.000Z' },
    });
    files.set(3, ahead);
    const payload = { reconciles: [digestOf(ahead)] };
    files.set(4, rolloutAt(4, digestOf(ahead), { payload }));
    const december = Date.parse('2026-12-01T00:00:00.000Z');
    expect((await judged(files, STRICT, laxUntil(december))).verified).toEqual([1, 2, 4]);
  });
});

describe('a history does not hold', () => {
  const nobody = () => undefined;

  it('when a document names another one before it', async () => {
    const files = historyFiles();
    files.delete(3);
    files.delete(4);
    files.set(2, rolloutAt(2, someDigest('9')));
    expect((await judged(files, LAX, nobody)).problems).toEqual([
      expect.stringContaining(`0002.json: \`previous\` is \`${someDigest('9')}\``),
    ]);
  });

  it('when its last document is damaged, though one may wait for approvals', async () => {
    const files = historyFiles();
    const last = digestOf(files.get(4) as Buffer);
    const fifth = rolloutAt(5, last, { approvals: 0 });
    files.set(5, fifth);
    expect((await judged(files, LAX, nobody)).problems).toEqual([]);
    const stranger = rolloutAt(5, last, { author: 'mallory' });
    files.set(5, stranger);
    expect((await judged(files, LAX, nobody)).problems).toHaveLength(1);
  });

  it('when it begins with an emergency, whose base is gone', async () => {
    const files = historyFiles();
    files.delete(1);
    files.delete(2);
    expect((await judged(files, LAX, nobody)).problems).toEqual([
      '0003.json: its base, number 2, is not in the history',
    ]);
  });
});

describe('the rules that a document names', () => {
  const sealed = (kind: 'SealedRollout' | 'SealedEmergency', text: string) => {
    const payload = Buffer.from(text).toString('base64');
    const type = kind === 'SealedRollout' ? 'rollout' : 'emergency';
    const payloadType = `application/vnd.cedargate.${type}.v1+json`;
    const author = { payloadType, signatures: [{ keyid: '', sig: 'AAAA' }] };
    const approvals = kind === 'SealedRollout' ? { approvals: [] } : {};
    return Buffer.from(JSON.stringify({ kind, payload, author, ...approvals }));
  };

  it('are those of its base, for an emergency', () => {
    const [, second, emergency] = historyFiles().values();
    expect(recordedTrust(second as Buffer, 'x')).toBe(LAX.digest);
    expect(recordedTrust(emergency as Buffer, 'x')).toBe(LAX.digest);
  });

  it.each(['null', '7', '"trust"', '[]', '{}', '{"trust": 7}', '{"base": null}', 'no JSON'])(
    'are none in %s',
    (text) => {
      for (const kind of ['SealedRollout', 'SealedEmergency'] as const) {
        expect(recordedTrust(sealed(kind, text), 'x')).toBeUndefined();
      }
    },
  );
});
