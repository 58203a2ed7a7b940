import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openRepository } from '../../../src/repository/open.js';
import { openHistory } from '../../../src/repository/open-history.js';
import { activeThere } from '../../../src/repository/provenance.js';
import {
  changeRepository,
  type Next,
  ordersBundle,
  sealNext,
  verified,
} from '../../support/change-repository.js';
import { commitAll, git } from '../../support/git.js';
import { resultValue } from '../../support/result.js';
import {
  ISSUED_AT,
  makeEmergency,
  rolloutTrustText,
  someDigest,
  type TrustOverrides,
} from '../../support/rollouts.js';

const ID = { environment: 'production', name: 'orders' };
const [OLD, NEW] = [ordersBundle('1'), ordersBundle('2')];
const secondsOf = (day: string) => Date.parse(`2026-11-${day}T00:00:00Z`) / 1_000;

/** By these rules everything is made; by the others a key of one of them counts no longer. */
const DESTINATIONS = '[{match: "**", impact: low}]';
const WITHOUT = {
  author: { author: '{people: [carol], threshold: 1}' },
  approver: {
    approver: '{people: [ada, carol, dan], threshold: 1}',
    destinations: DESTINATIONS,
  },
  emergency: { emergency: '{people: [dan], threshold: 1}' },
  both: {
    author: '{people: [carol], threshold: 1}',
    approver: '{people: [ada, carol, dan], threshold: 1}',
    destinations: DESTINATIONS,
  },
} satisfies Record<string, TrustOverrides>;

/** The chain that these make. */
function chain(...steps: Next[]): Buffer[] {
  const made: Buffer[] = [];
  for (const step of steps) {
    made.push(
      sealNext(
        made.map((bytes) => verified(bytes)),
        { approvals: ['bob'], ...step },
      ),
    );
  }
  return made;
}

interface Place {
  /** The day on which the rules change. */
  readonly changed?: string;
  readonly isGit?: boolean;
}

async function place(
  documents: readonly (string | Buffer)[],
  now: TrustOverrides,
  { changed = '25', isGit = true }: Place = {},
) {
  const files = documents.map((bytes, i) => [`history/production/orders/000${i + 1}.json`, bytes]);
  const at = await changeRepository(Object.fromEntries(files));
  const root = at('.');
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  if (isGit) git(root, ['init', '-q']);
  if (isGit) commitAll(root, secondsOf('01'));
  await writeFile(at('trust.yaml'), rolloutTrustText(now));
  if (isGit) commitAll(root, secondsOf(changed));
  return resultValue(await openRepository(root));
}

async function open(...args: Parameters<typeof place>) {
  const opened = await openHistory(await place(...args), ID);
  if (!opened.ok) {
    return opened.problems.map(({ code, message, help }) => `${code}: ${message}; ${help}`);
  }
  const { documents, counting, newest, latest, lastRollout, proposal } = opened.value;
  return {
    documents: documents.map(({ sequence }) => sequence),
    counting: counting.map(({ sequence }) => sequence),
    ends: [newest, latest, lastRollout, proposal].map((each) => each?.sequence),
  };
}

describe('a document that the rules of its day took, and those of now do not', () => {
  const two = chain({ active: OLD }, { active: NEW });

  it('is followed, and counts where only the key of its author is gone', async () => {
    expect(await open(two, WITHOUT.author)).toEqual({
      ...{ documents: [1, 2], counting: [1, 2], ends: [2, 2, 2, undefined] },
    });
  });

  it('is followed and does not count where a key is gone that approved it', async () => {
    const followed = { documents: [1, 2], counting: [], ends: [undefined, 2, 2, undefined] };
    expect(await open(two, WITHOUT.approver)).toEqual(followed);
    expect(await open(two, WITHOUT.both)).toEqual(followed);
    const mixed = chain({ active: OLD, approvals: ['dan'] }, { active: NEW });
    expect(await open(mixed, WITHOUT.approver)).toEqual({
      ...{ documents: [1, 2], counting: [1], ends: [1, 2, 2, undefined] },
    });
  });

  it('is an emergency that somebody declared with a key that is gone', async () => {
    const emergency = makeEmergency({ base: two[1] as Buffer });
    expect(await open([...two, emergency], WITHOUT.emergency)).toEqual({
      ...{ documents: [1, 2, 3], counting: [1, 2], ends: [2, 3, 2, undefined] },
    });
    expect(await open([...two, emergency], WITHOUT.author)).toMatchObject({ counting: [1, 2, 3] });
  });

  it('is an emergency of somebody who came after the document that it stands on', async () => {
    const base = sealNext([], { active: OLD, approvals: ['bob'] });
    const repository = await place([base, makeEmergency({ base, by: 'dan' })], WITHOUT.emergency, {
      changed: '20',
    });
    await writeFile(`${repository.root}/trust.yaml`, rolloutTrustText({ limits: '{}' }));
    commitAll(repository.root, secondsOf('25'));
    const now = resultValue(await openRepository(repository.root));
    const found = resultValue(await openHistory(now, ID));
    expect(found).toMatchObject({ latest: { author: 'dan' }, newest: { sequence: 1 } });
  });

  it('is none that waits for approval', async () => {
    const waiting = sealNext([verified(two[0] as Buffer)], { active: NEW });
    const found = await open([two[0] as Buffer, waiting], WITHOUT.approver);
    expect(found).toMatchObject({ documents: [1], ends: [undefined, 1, 1, 2] });
    const orphan = await open([two[0] as Buffer, waiting], WITHOUT.author);
    expect(orphan).toMatchObject({ documents: [1], ends: [1, 1, 1, 2] });
  });

  it('is held against what it follows', async () => {
    const previous = someDigest('9');
    const stray = chain({ active: OLD }, { active: NEW, payload: { previous } });
    expect(await open(stray, WITHOUT.both)).toEqual([
      expect.stringContaining(`history_broken: \`previous\` is \`${previous}\``),
    ]);
  });
});

describe('a history cannot be continued', () => {
  it('after a document that no rules take, which is to be restored', async () => {
    const damaged = String(chain({ active: OLD })[0]).replace('SealedRollout', 'SealedRollouT');
    for (const bytes of [damaged, sealNext([], { active: OLD, author: 'mallory' })]) {
      expect(await open([bytes], WITHOUT.author)).toEqual([
        expect.stringMatching(
          /; restore the file from Git \(`git log -p -- history\/.*0001.json`\)/,
        ),
      ]);
    }
  });

  it('after one that was made when its rules were replaced', async () => {
    expect(await open(chain({ active: OLD }), WITHOUT.author, { changed: '19' })).toEqual([
      expect.stringMatching(/^signature_threshold: .*; restore the file/),
    ]);
  });

  it('where Git does not know the rules that it names', async () => {
    expect(await open(chain({ active: OLD }), WITHOUT.author, { isGit: false })).toEqual([
      expect.stringMatching(
        /^signature_threshold: .* which Git does not know here \(Git does not say .*commit trust.yaml as it was/,
      ),
    ]);
    const trust = 'no digest' as `sha256:${string}`;
    const named = sealNext([], { active: OLD, author: 'mallory', payload: { trust } });
    expect(await open([named], WITHOUT.author)).toEqual([
      expect.stringContaining('; restore the file'),
    ]);
  });
});

describe('what is active in an environment, once a key is gone', () => {
  const revoked = [someDigest('7')];
  const documents = chain(
    { active: OLD, approvals: ['dan'] },
    { active: NEW, payload: { revoked }, issuedAt: '2026-11-21T00:00:00.000Z' },
  );
  const there = async (now: TrustOverrides, asOf = {}) => {
    const found = resultValue(await activeThere(await place(documents, now), ID, asOf));
    return { ...found, active: found.active?.version };
  };

  it('is what enough people have approved whose keys count', async () => {
    expect(await there(WITHOUT.author)).toMatchObject({
      ...{ active: '2', activeSinceMs: Date.parse('2026-11-21T00:00:00.000Z') },
    });
  });

  it('is nothing that such a key has approved, nor what was active before that', async () => {
    expect(await there(WITHOUT.approver)).toMatchObject({
      ...{ active: undefined, activeSinceMs: undefined, revoked: new Set(revoked) },
    });
  });

  it('is what it was before, and what it was in its day, for whoever asks that', async () => {
    const atMs = Date.parse(ISSUED_AT);
    expect(await there(WITHOUT.approver, { atMs })).toMatchObject({ active: '1' });
    expect(await there(WITHOUT.approver, { ofItsDay: true })).toMatchObject({ active: '2' });
  });
});
