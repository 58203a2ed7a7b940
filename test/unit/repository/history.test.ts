import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { HISTORY_FILES_MAX } from '../../../src/constants.js';
import { readHistory } from '../../../src/repository/history.js';
import { documentFile } from '../../../src/repository/layout.js';
import {
  changeRepository,
  ordersBundle,
  sealNext,
  verified,
} from '../../support/change-repository.js';
import { resultValue } from '../../support/result.js';
import { BY, makeEmergency, someDigest } from '../../support/rollouts.js';

const ID = { environment: 'production', name: 'orders' };
const BUNDLE = ordersBundle('2026.11.2');
const FIRST = sealNext([], { active: BUNDLE, approvals: ['bob'] });
const SECOND = sealNext([verified(FIRST)], { active: BUNDLE, approvals: ['bob'] });
const WAITING = sealNext([verified(FIRST)], { active: BUNDLE });
const EMERGENCY = makeEmergency({ base: SECOND });

type File = string | Uint8Array;

async function repositoryWith(documents: readonly File[], more: Record<string, File> = {}) {
  const files = documents.map((bytes, i) => [`history/production/orders/000${i + 1}.json`, bytes]);
  return changeRepository({ ...Object.fromEntries(files), ...more });
}

async function history(documents: readonly File[], more: Record<string, File> = {}, id = ID) {
  const at = await repositoryWith(documents, more);
  const read = resultValue(await readHistory(at('.'), id, BY));
  const { newest, lastRollout, proposal, problems } = read;
  return {
    numbers: [newest?.sequence, lastRollout?.sequence, proposal?.sequence],
    problems: problems.map(({ file, message }) => `${file?.slice(-9)}: ${message}`),
    entries: read.entries.length,
  };
}

describe('a history', () => {
  it.each([
    ['nothing', [], [undefined, undefined, undefined]],
    ['a document that counts', [FIRST], [1, 1, undefined]],
    ['one that waits for approval, behind it', [FIRST, WAITING], [1, 1, 2]],
    ['an emergency', [FIRST, SECOND, EMERGENCY], [3, 2, undefined]],
    ['one that waits, and was overtaken', [FIRST, WAITING, SECOND], [2, 2, undefined]],
    ['one that is none, at its end', [FIRST, 'x'], [1, 1, undefined]],
  ])('has %s', async (_what, documents, numbers) => {
    expect((await history(documents)).numbers).toEqual(numbers);
  });

  it('is that of documents alone, whatever else lies there', async () => {
    const folder = 'history/production/orders';
    const more = { [`${folder}/0001.evidence.json`]: 'x', [`${folder}/00002.json`]: SECOND };
    expect((await history([FIRST], more)).entries).toBe(1);
  });

  it('cannot be read when one of its documents is no file, there are too many, or it is no folder', async () => {
    const at = await repositoryWith([FIRST]);
    await mkdir(at('history/production/orders/0002.json'));
    expect(await readHistory(at('.'), ID, BY)).toMatchObject({ ok: false });
    const long = await repositoryWith([FIRST]);
    for (let n = 2; n <= HISTORY_FILES_MAX + 1; n += 1) {
      writeFileSync(long(documentFile(ID, n)), '');
    }
    expect(await readHistory(long('.'), ID, BY)).toMatchObject({
      problems: [{ message: expect.stringContaining('has more than 10000 documents') }],
    });
    const other = await repositoryWith([], { 'history/production/orders': 'x' });
    expect(await readHistory(other('.'), ID, BY)).toMatchObject({
      problems: [{ code: 'rollout_unreadable' }],
    });
  });
});

describe('the documents of a history', () => {
  it('follow each other, past an emergency, and begin anywhere', async () => {
    const chain = [FIRST, SECOND, EMERGENCY].map((bytes) => verified(bytes));
    const fourth = sealNext(chain, { active: BUNDLE, reconcile: true, approvals: ['bob'] });
    expect((await history([FIRST, SECOND, EMERGENCY, fourth])).problems).toEqual([]);
    expect((await history(['x', SECOND, EMERGENCY, fourth])).problems).toEqual([]);
  });

  it('do not when one names another one before it, also where it only waits', async () => {
    const previous = someDigest('9');
    for (const approvals of [['bob'], []] as const) {
      const next = { active: BUNDLE, payload: { previous }, approvals };
      expect((await history([FIRST, sealNext([verified(FIRST)], next)])).problems).toEqual([
        `0002.json: \`previous\` is \`${previous}\`, and the document before is \`${verified(FIRST).digest}\``,
      ]);
    }
  });

  it('have the numbers of their files, and the name of their folder', async () => {
    expect((await history(['x', FIRST])).problems).toEqual([
      '0002.json: the document has sequence 1',
    ]);
    const moved = { 'history/production/carts/0002.json': SECOND };
    const carts = { environment: 'production', name: 'carts' };
    expect((await history([], moved, carts)).problems).toEqual([
      '0002.json: the document is one of rollout `orders`',
    ]);
    const emergency = { 'history/production/carts/0003.json': EMERGENCY };
    expect((await history([], emergency, carts)).problems).toHaveLength(1);
  });
});
