import { describe, expect, it } from 'vitest';
import { openRepository } from '../../../src/repository/open.js';
import {
  documentBefore,
  overtakenBy,
  readDocument,
} from '../../../src/repository/read-document.js';
import {
  changeRepository,
  ordersBundle,
  sealNext,
  verified,
} from '../../support/change-repository.js';
import { resultValue } from '../../support/result.js';
import { makeEmergency } from '../../support/rollouts.js';

const BUNDLE = ordersBundle('2026.11.2');
const FOLDER = 'history/production/orders';
const FIRST = sealNext([], { active: BUNDLE, approvals: ['bob'] });
const SECOND = sealNext([verified(FIRST)], { active: BUNDLE, approvals: ['bob'] });
const THIRD = makeEmergency({ base: SECOND });
const FOURTH = makeEmergency({ base: SECOND, payload: { sequence: 4, relax: ['reads'] } });
const ALL = [FIRST, SECOND, THIRD, FOURTH];

/** Reads `file` in a repository with these documents, by their numbers, and more files. */
async function read(
  file: string,
  documents: readonly (Uint8Array | undefined)[],
  more: Readonly<Record<string, string | Uint8Array>> = {},
) {
  const history = documents.map((bytes, i) => [`${FOLDER}/000${i + 1}.json`, bytes]);
  const at = await changeRepository({ ...Object.fromEntries(history), ...more });
  const repository = resultValue(await openRepository(at('.')));
  return readDocument(repository, at(file));
}

async function standing(file: string, documents: readonly (Uint8Array | undefined)[]) {
  const found = documentBefore(resultValue(await read(file, documents)));
  return found.kind === 'document' ? found.document.sequence : found.kind;
}

describe('what stands before a document', () => {
  it('is nothing for the first', async () => {
    expect(await standing(`${FOLDER}/0001.json`, ALL)).toBe('nothing');
  });

  it('is what it names, and unknown where that is not there', async () => {
    expect(await standing(`${FOLDER}/0002.json`, ALL)).toBe(1);
    expect(await standing(`${FOLDER}/0002.json`, [undefined, SECOND])).toBe('unknown');
  });

  it('is the newest before an emergency, whatever came later', async () => {
    expect(await standing(`${FOLDER}/0003.json`, ALL)).toBe(2);
    expect(await standing(`${FOLDER}/0004.json`, ALL)).toBe(3);
  });

  it.each([
    ['nothing', [undefined, undefined, THIRD]],
    ['older documents only', [FIRST, undefined, THIRD]],
  ])('is the base of an emergency where the history has %s', async (_what, documents) => {
    expect(await standing(`${FOLDER}/0003.json`, documents)).toBe(2);
  });
});

describe('a document', () => {
  it('was overtaken by the newest that counts', async () => {
    const overtaken = async (n: number) =>
      overtakenBy(resultValue(await read(`${FOLDER}/000${n}.json`, ALL)));
    expect(await overtaken(1)).toBe(4);
    expect(await overtaken(4)).toBeUndefined();
  });

  it('is blamed for its own faults, and not for those of others', async () => {
    const documents = [FIRST, undefined, SECOND];
    const own = resultValue(await read(`${FOLDER}/0003.json`, documents));
    expect(own.problems.map(({ message }) => message)).toEqual(['the document has sequence 2']);
    expect(resultValue(await read(`${FOLDER}/0001.json`, documents)).problems).toEqual([]);
  });

  it.each([
    ['history/test/orders/copy.json', 'it has no number'],
    ['history/test/orders/more/0001.json', 'it is deeper'],
    ['mail/test/orders/0001.json', 'it is in no history'],
    ['history/Test/orders/0001.json', 'no environment has such a name'],
  ])('is one of the place that it names in %s: %s', async (file) => {
    const found = resultValue(await read(file, [], { [file]: FIRST }));
    expect(found.id).toEqual({ environment: 'production', name: 'orders' });
  });

  it('is refused when it does not verify, or its history cannot be read', async () => {
    const stranger = makeEmergency({ base: SECOND, by: 'mallory' });
    expect(await read('x.json', [FIRST, SECOND], { 'x.json': stranger })).toMatchObject({
      problems: [{ code: 'signature_threshold' }],
    });
    expect(await read('x.json', [], { 'x.json': FIRST, [FOLDER]: 'a file' })).toMatchObject({
      problems: [{ code: 'rollout_unreadable' }],
    });
  });
});
