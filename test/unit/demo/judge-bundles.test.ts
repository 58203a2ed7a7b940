import { describe, expect, it } from 'vitest';
import {
  errorLine,
  judgeDiff,
  judgeDiffering,
  judgeRefusal,
  judgeSame,
  partAbout,
  type Serving,
} from '../../../demo/judge-bundles.js';
import type { CallRow } from '../../../demo/table.js';

const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const STAMP = '2026.12.1+0123456789ab';

const allowed: CallRow = {
  caller: 'batch',
  method: 'POST',
  path: '/payments/card-42/refunds',
  decision: 'allow',
  mode: 'enforce',
  outcome: 'allow',
  status: 200,
  version: STAMP,
};
const denied: CallRow = { ...allowed, decision: 'deny', outcome: 'deny', status: 403 };

describe('a refusal by `verify`', () => {
  const stderr = 'error: x.tar.gz: `a.cedar` is not it [bundle_altered]\nhelp: look\n';
  const expected = { file: 'x.tar.gz', code: 'bundle_altered' };

  it('is seen with its exit code, file and error code', () => {
    const { seen, evidence } = judgeRefusal({ code: 4, stdout: '', stderr }, expected);
    expect([seen, evidence]).toEqual([true, 'exit code 4']);
  });

  it.each([
    ['verify accepted the file', 0, ''],
    ['another exit code came with it', 3, stderr],
    ['another file was named', 4, stderr.replace('x.tar.gz', 'y.tar.gz')],
    ['another reason was given', 4, stderr.replace('bundle_altered', 'signature_threshold')],
    ['no reason was given', 4, ''],
  ])('is not seen when %s', (_, code, text) => {
    expect(judgeRefusal({ code, stdout: '', stderr: text }, expected).seen).toBe(false);
  });

  it('is told by its first error', () => {
    expect(errorLine({ stderr: `checking\n${stderr}` })).toBe(stderr.split('\n')[0]);
    expect(errorLine({ stderr: '' })).toBe('(no error)');
  });
});

describe('one file in two environments', () => {
  const inTest: Serving = { environment: 'test', digest: DIGEST, version: STAMP };
  const inProduction: Serving = { ...inTest, environment: 'production' };
  const servings = [inTest, inProduction];

  it('is seen when both say its digest and every answer bears its stamp', () => {
    expect(judgeSame(DIGEST, servings, [denied, allowed]).seen).toBe(true);
  });

  const other = `sha256:${'f'.repeat(64)}`;
  const unsigned = `${STAMP}.unsigned`;
  it.each([
    ['another digest is served', other, servings, [allowed]],
    ['one serves another digest', DIGEST, [{ ...inTest, digest: other }, inProduction], [allowed]],
    ['one says another version', DIGEST, [{ ...inTest, version: 'x' }, inProduction], [allowed]],
    ['one answer bears another stamp', DIGEST, servings, [allowed, { ...denied, version: 'x' }]],
    ['one answer bears no stamp', DIGEST, servings, [allowed, { ...denied, version: '-' }]],
    ['nothing was asked', DIGEST, servings, []],
    ['there is one environment', DIGEST, [inProduction], [allowed]],
    [
      'the stamps say `unsigned`',
      DIGEST,
      servings.map((serving) => ({ ...serving, version: unsigned })),
      [{ ...allowed, version: unsigned }],
    ],
  ] as const)('is not seen when %s', (_, digest, serving, rows) => {
    expect(judgeSame(digest, serving, rows).seen).toBe(false);
  });

  it('answers the same call differently', () => {
    expect(judgeDiffering(denied, allowed).seen).toBe(true);
  });

  it.each([
    ['both allow', allowed, allowed],
    ['both deny', denied, denied],
    ['it is the other way round', allowed, denied],
    ['test had no answer', { ...denied, decision: '-', status: 503 }, allowed],
    ['the versions differ', { ...denied, version: 'x' }, allowed],
    ['the calls differ', { ...denied, path: '/payments' }, allowed],
  ])('does not when %s', (_, inTest, inProduction) => {
    expect(judgeDiffering(inTest, inProduction).seen).toBe(false);
  });
});

describe('a diff that names who loses access', () => {
  const flip = { from: 'allow', to: 'deny', caller: { members: [ORDERS] }, actions: ['POST'] };
  const run = (flips: readonly unknown[], code = 5) => ({
    code,
    stdout: JSON.stringify({ meaning: [{ flips: [] }, { flips }] }),
    stderr: '',
  });

  it('is seen in any environment, with what would be lost', () => {
    const { seen, evidence } = judgeDiff(run([flip]), ORDERS);
    expect(seen).toBe(true);
    expect(evidence).toContain(`${ORDERS} would lose POST`);
  });

  it.each([
    ['the caller gains', run([{ ...flip, from: 'deny', to: 'allow' }])],
    ['another caller loses', run([{ ...flip, caller: { members: [`${ORDERS}-v2`] } }])],
    ['nothing differs', run([])],
    ['the exit code says otherwise', run([flip], 0)],
    ['there was no answer', { code: 5, stdout: '', stderr: '' }],
  ])('is not seen when %s', (_, seen) => {
    expect(judgeDiff(seen, ORDERS).seen).toBe(false);
  });

  it('is shown with its heading, and without the rest', () => {
    const text = `a -> b\n\nCallers\n  - ${ORDERS} loses POST\n\nPolicies\n  changed\n`;
    expect(partAbout(ORDERS, text)).toEqual(['Callers', `  - ${ORDERS} loses POST`]);
    expect(partAbout(ORDERS, 'nothing')).toEqual([]);
  });
});
