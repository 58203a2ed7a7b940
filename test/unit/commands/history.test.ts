import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/bundle/open.js';
import type { Digest } from '../../../src/bundle/types.js';
import type { HistoryFound } from '../../../src/commands/history-facts.js';
import { run } from '../../../src/commands/program.js';
import {
  type AuditRepository,
  bundles,
  changeLine,
  historyFiles,
  makeAuditRepository,
  rolloutAt,
  writeDocument,
} from '../../support/audit-repository.js';
import { commitAll, git } from '../../support/git.js';
import { memoryIo } from '../../support/io.js';
import { resultValue } from '../../support/result.js';
import {
  digestOf,
  KEYS,
  makeEmergency,
  rolloutTrustText,
  someDigest,
} from '../../support/rollouts.js';
import { signedBy, smallBundle } from '../../support/signed-bundles.js';

const made: string[] = [];

afterEach(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
});

function repository(files = historyFiles()): AuditRepository {
  const repo = makeAuditRepository(files);
  made.push(repo.root);
  return repo;
}

async function history({ root }: AuditRepository, ...args: readonly string[]) {
  const io = memoryIo();
  await run(['history', 'orders', '--environment', 'production', '--repo', root, ...args], io);
  return { ...io.written, exitCode: io.exitCode };
}

async function historyJson(repo: AuditRepository, ...args: readonly string[]) {
  const { stdout, ...rest } = await history(repo, '--json', ...args);
  return { found: JSON.parse(stdout) as HistoryFound, ...rest };
}

function logFile({ root }: AuditRepository, ...lines: readonly string[]): string {
  const path = join(root, 'decisions.ndjson');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const said = ({ digests }: AuditRepository, sequence: number) => {
  return { sequence, digest: digests.get(sequence) ?? null };
};

describe('history', () => {
  it('answers for each document, newest first', async () => {
    const { found, exitCode } = await historyJson(repository());
    expect(exitCode).toBe(0);
    expect(found).toMatchObject({ intact: true, problems: [], contradictions: [] });
    expect(found.documents.map((d) => [d.sequence, d.kind, d.standing, d.ticket])).toEqual([
      [4, 'rollout', 'verified', 'CHG-1041'],
      [3, 'emergency', 'verified', 'INC-7'],
      [2, 'rollout', 'verified', 'CHG-1041'],
      [1, 'rollout', 'verified', 'CHG-1041'],
    ]);
    const [fourth, emergency, second, first] = found.documents;
    expect(second?.changed).toMatchObject({
      against: 1,
      changes: [{ what: 'bundle', from: { version: '2026.11.3' }, to: { version: '2026.11.4' } }],
    });
    expect(emergency).toMatchObject({
      approved: { author: 'erin', needsApproval: false, approvals: [] },
      reconciledBy: 4,
    });
    expect(fourth?.approved).toMatchObject({
      author: 'ada',
      approvals: [{ person: 'bob', signedAt: '2026-11-23T11:00:00.000Z' }],
    });
    expect(first?.previous).toBeNull();
    expect(second?.previous).toMatchObject({ sequence: 1, state: 'revoked', revokedBy: 4 });
    expect(fourth?.previous).toMatchObject({ sequence: 3, state: 'superseded', sameBundle: true });
  });

  it('reads well', async () => {
    const repo = repository();
    const log = logFile(
      repo,
      changeLine('orders-1', '2026-11-21T12:00:00.000Z', said(repo, 2)),
      changeLine('orders-2', '2026-11-21T12:00:00.000Z', said(repo, 2)),
      changeLine('orders-1', '2026-11-22T03:01:00.000Z', said(repo, 3)),
    );
    const { stdout } = await history(repo, '--log', log);
    expect(stdout.split('\n\n').slice(2, 4).join('\n\n')).toBe(
      [
        '#3  emergency, 2026-11-22T03:00:00.000Z, INC-7',
        '            history/production/orders/0003.json',
        '  changed   - enforced slice reads: access read',
        '            emergency INC-7: relaxes reads; to be taken over by 2026-11-23T03:00:00.000Z',
        '  approved  an emergency by erin: it needs no approval, and its base has its own',
        '  ran       orders-1: 2026-11-22T03:01:00.000Z on, no later change in the logs',
        '            taken over by #4',
        '  before    #2 (orders@2026.11.4): superseded, its bundle runs on; still running on orders-2',
        '',
        '#2  rollout, 2026-11-21T10:00:00.000Z, CHG-1041, team-orders',
        '            history/production/orders/0002.json',
        '            "enforce reads"',
        '  changed   bundle orders@2026.11.3 (sha256:aaaaaaaaaaaa) -> orders@2026.11.4 (sha256:dddddddddddd)',
        '              not compared: none of 0 bundles on the shelf has the digest `' +
          `${someDigest('a')}\``,
        '  approved  by bob, 2026-11-21T11:00:00.000Z',
        '            author ada',
        '  ran       orders-1: 2026-11-21T12:00:00.000Z to 2026-11-22T03:01:00.000Z',
        '            orders-2: 2026-11-21T12:00:00.000Z on, no later change in the logs',
        '  before    #1 (orders@2026.11.3): its bundle revoked by #4',
      ].join('\n'),
    );
  });

  it('compares bundles that are there, and has the command for the rest', async () => {
    const files = historyFiles();
    const archives = ['1', '2'].map((version) => signedBy(smallBundle(version), KEYS.ada));
    const [one, two] = archives.map((bytes) => resultValue(openBundle(bytes, 'x')).digest);
    const first = rolloutAt(1, null, {
      payload: { resolved: bundles(one as Digest, '2026.11.3') },
    });
    files.clear();
    files.set(1, first);
    files.set(
      2,
      rolloutAt(2, digestOf(first), {
        source: { bundle: 'orders@2026.11.4' },
        payload: { resolved: bundles(two as Digest, '2026.11.4') },
      }),
    );
    const repo = repository(files);
    for (const [i, bytes] of archives.entries()) {
      writeFileSync(join(repo.root, `bundles/${i + 1}.tar.gz`), bytes);
    }
    const { found } = await historyJson(repo);
    expect(found.documents[0]?.bundleDiff).toEqual({
      command: 'cedargate bundle diff bundles/1.tar.gz bundles/2.tar.gz --environment production',
      counts: expect.objectContaining({ schema: 0, routes: 0, entities: 0, manifest: 0 }),
      why: null,
    });
  });

  it('counts and names bad lines of a log, and goes on', async () => {
    const repo = repository();
    const log = logFile(
      repo,
      'nonsense',
      changeLine('a', '2026-11-21T12:00:00.000Z', said(repo, 2)),
    );
    const { found, stderr, exitCode } = await historyJson(repo, '--log', log);
    expect(found.documents[2]?.ran.runs).toHaveLength(1);
    expect(found.logs).toMatchObject({ lines: 2, bad: 1, changes: 1 });
    expect(stderr).toContain('decisions.ndjson:1: it is not JSON');
    expect(exitCode).toBe(0);
  });

  it('names a log that cannot be read, and answers from the rest', async () => {
    const { found, stderr, exitCode } = await historyJson(repository(), '--log', 'absent.ndjson');
    expect(found.documents).toHaveLength(4);
    expect(stderr).toContain('`absent.ndjson` cannot be read');
    expect(exitCode).toBe(2);
  });

  it('reports a number that ran with another digest, and does not take it for the document', async () => {
    const repo = repository();
    const strange = { sequence: 2, digest: someDigest('9') };
    const log = logFile(repo, changeLine('orders-1', '2026-11-21T12:00:00.000Z', strange));
    const { found } = await historyJson(repo, '--log', log);
    expect(found.contradictions).toEqual([
      expect.objectContaining({ source: 'orders-1', sequence: 2, digest: someDigest('9') }),
    ]);
    expect(found.documents[2]?.ran.runs).toEqual([]);
  });
});

describe('a history that does not hold', () => {
  it('is printed whole when a document was changed, and ends with 4', async () => {
    const repo = repository();
    const path = join(repo.root, 'history/production/orders/0002.json');
    const text = readFileSync(path, 'utf8').replace(/"sig":"./, '"sig":"B');
    writeFileSync(path, text.replace(/"sig":"B(.)/, '"sig":"AA'));
    const { found, exitCode, stderr } = await historyJson(repo);
    expect(exitCode).toBe(4);
    expect(found.intact).toBe(false);
    expect(found.documents.map(({ standing }) => standing)).toContain('not_verified');
    expect(found.documents).toHaveLength(4);
    expect(stderr).toContain('0002.json');
  });

  it.each([
    ['is missing in the middle', 2],
    ['is missing at the beginning', 1],
  ])('when a document %s', async (_where, sequence) => {
    const files = historyFiles();
    files.delete(sequence);
    const { found, exitCode } = await historyJson(repository(files));
    expect(exitCode).toBe(4);
    expect(found.documents).toHaveLength(3);
    expect(found.problems.join('\n')).toContain('[history_broken]');
  });

  it('when the number before an emergency is missing, and its base is there', async () => {
    const files = historyFiles();
    const second = files.get(2) as Buffer;
    files.delete(3);
    files.set(4, makeEmergency({ base: second, payload: { sequence: 4 } }));
    const { found, exitCode } = await historyJson(repository(files));
    expect(exitCode).toBe(4);
    expect(found.problems.join('\n')).toContain('number 3 is missing');
  });

  it('when a document overtakes an emergency', async () => {
    const files = historyFiles();
    const emergency = files.get(3) as Buffer;
    files.set(4, rolloutAt(4, digestOf(emergency)));
    const { found, exitCode } = await historyJson(repository(files));
    expect(exitCode).toBe(4);
    expect(found.problems.join('\n')).toContain('[emergency_unreconciled]');
  });

  it('is not one whose last document waits for approvals', async () => {
    const files = historyFiles();
    const last = digestOf(files.get(4) as Buffer);
    files.set(5, rolloutAt(5, last, { approvals: 0 }));
    const { found, exitCode } = await historyJson(repository(files));
    expect(exitCode).toBe(0);
    expect(found.documents[0]).toMatchObject({
      standing: 'not_approved',
      approved: { author: 'ada', approvals: [] },
      previous: { sequence: 4, state: 'in_force' },
    });
    const { stdout } = await history(repository(files));
    expect(stdout).toContain('not approved yet');
    files.set(6, rolloutAt(6, digestOf(files.get(5) as Buffer)));
    expect((await historyJson(repository(files))).exitCode).toBe(4);
  });

  it('never names an approver whose signature does not count', async () => {
    const files = historyFiles();
    const last = digestOf(files.get(4) as Buffer);
    // mallory has no key in trust.yaml; ada is the author.
    files.set(5, rolloutAt(5, last, { approvals: ['ada', 'mallory'] }));
    const { found } = await historyJson(repository(files));
    const [{ approved } = { approved: null }] = found.documents;
    expect(approved?.approvals).toEqual([]);
    expect(approved?.notCounted).toHaveLength(2);
  });
});

describe('the rules of the day', () => {
  const stricter = rolloutTrustText({ thresholds: '{low: 2, high: 2}' });

  it('count for documents made by them, when Git has them', async () => {
    const repo = repository();
    git(repo.root, ['init', '-q']);
    commitAll(repo.root);
    writeFileSync(join(repo.root, 'trust.yaml'), stricter);
    const { found, exitCode } = await historyJson(repo);
    expect(exitCode).toBe(0);
    const [newest] = found.documents;
    expect(newest?.standing).toBe('verified');
    expect(newest?.trust).not.toBe(found.trust);
    expect(newest?.todayProblems.join()).toContain('approvals_missing');
  });

  it('do not count once they are replaced, whatever date a document claims behind a later one', async () => {
    const repo = repository();
    const at = (time: string) => Date.parse(time) / 1_000;
    git(repo.root, ['init', '-q']);
    commitAll(repo.root, at('2026-11-01T00:00:00Z'));
    writeFileSync(join(repo.root, 'trust.yaml'), stricter);
    commitAll(repo.root, at('2026-11-23T10:00:01Z'));
    const standings = async () =>
      (await historyJson(repo)).found.documents.map(({ standing }) => standing);
    expect(await standings()).toEqual(Array(4).fill('verified'));
    const last = repo.digests.get(4) as Digest;
    writeDocument(repo.root, 5, rolloutAt(5, last));
    expect(await standings()).toEqual(['not_approved', ...Array(4).fill('verified')]);
    const fifth = rolloutAt(5, last, { approvals: 2 });
    writeDocument(repo.root, 5, fifth);
    const issuedAt = '2026-11-23T10:00:00.000Z';
    writeDocument(repo.root, 6, rolloutAt(6, digestOf(fifth), { payload: { issuedAt } }));
    expect(await standings()).toEqual(['not_approved', ...Array(5).fill('verified')]);
  });

  it('do not count from a branch that was merged with something else', async () => {
    const repo = repository();
    git(repo.root, ['init', '-q', '-b', 'main']);
    const text = rolloutTrustText();
    writeFileSync(join(repo.root, 'trust.yaml'), stricter);
    commitAll(repo.root);
    git(repo.root, ['checkout', '-qb', 'side']);
    writeFileSync(join(repo.root, 'trust.yaml'), text);
    commitAll(repo.root);
    writeFileSync(join(repo.root, 'trust.yaml'), stricter);
    commitAll(repo.root);
    git(repo.root, ['checkout', '-q', 'main']);
    git(repo.root, ['merge', '-q', '--no-ff', '--no-gpg-sign', '-m', 'merge', 'side']);
    expect((await historyJson(repo)).exitCode).toBe(4);
  });

  it('are not known without Git', async () => {
    const repo = repository();
    writeFileSync(join(repo.root, 'trust.yaml'), stricter);
    expect((await historyJson(repo)).exitCode).toBe(4);
  });
});

describe('/status of sidecars', () => {
  const standing = (
    repo: AuditRepository,
    sequence: number,
    digest = said(repo, sequence).digest,
  ) => ({
    rollout: { name: 'orders', sequence, digest },
    approved: { name: 'orders', sequence: 4, digest: said(repo, 4).digest },
    lag: {
      since: '2026-11-23T11:00:00.000Z',
      seconds: 1,
      reason: 'bundle_not_on_shelf',
      message: 'x',
    },
  });
  const status = (...standings: object[]) => ({
    service: 'shop/orders',
    environment: 'production',
    rollout: null,
    rollouts: standings,
  });

  async function asked(repo: AuditRepository, body: unknown) {
    const server = createServer((_request, response) => response.end(JSON.stringify(body)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      return { url: `${url}/status`, ...(await historyJson(repo, '--status-url', url)) };
    } finally {
      server.close();
    }
  }

  it('says what runs now and what lags, also of a sidecar with several rollouts', async () => {
    const repo = repository();
    const other = { rollout: { name: 'payments', sequence: 1, digest: someDigest('1') } };
    const { found, url } = await asked(repo, status(other, standing(repo, 3)));
    expect(found.documents[1]?.ran.live).toEqual([
      {
        url,
        service: 'shop/orders',
        ...said(repo, 3),
        approved: 4,
        lag: { since: '2026-11-23T11:00:00.000Z', reason: 'bundle_not_on_shelf' },
      },
    ]);
    expect(found.documents[0]?.previous?.stillRunningOn).toEqual([url]);
  });

  it('contradicts the history with a digest that is none of it', async () => {
    const repo = repository();
    const { found, url } = await asked(repo, status(standing(repo, 3, someDigest('9'))));
    expect(found.contradictions).toEqual([expect.objectContaining({ source: url, at: null })]);
    expect(found.documents[1]?.ran.live).toEqual([]);
  });

  it.each([
    ['another program', { hello: 1 }, 'no /status'],
    ['another environment', { ...status(), environment: 'test' }, 'another environment'],
    ['another rollout', status(), 'does not run this rollout'],
    ['a damaged standing', status({ rollout: 7 }), 'no /status'],
  ])('is reported when it is that of %s', async (_what, body, why) => {
    const { found, exitCode } = await asked(repository(), body);
    expect(found.status.failed).toEqual([
      expect.objectContaining({ why: expect.stringContaining(why) }),
    ]);
    expect(found.documents).toHaveLength(4);
    expect(exitCode).toBe(0);
  });

  it('is reported when nobody answers, and the rest is shown', async () => {
    const { found, exitCode } = await historyJson(
      repository(),
      '--status-url',
      'http://127.0.0.1:9',
    );
    expect(found.status.failed).toHaveLength(1);
    expect(found.documents).toHaveLength(4);
    expect(exitCode).toBe(0);
  });
});

describe('arguments', () => {
  it.each([
    ['a URL that is none', ['--status-url', 'nowhere']],
    ['a URL with https', ['--status-url', 'https://127.0.0.1/status']],
    ['a URL with a password', ['--status-url', 'http://a:b@127.0.0.1/status']],
    ['a URL of a file', ['--status-url', 'file:///etc/passwd']],
    ['an environment that is a path', ['--environment', '../production']],
  ])('are refused: %s', async (_what, args) => {
    const { exitCode, stderr } = await history(repository(), ...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('[input_invalid]');
  });

  it('name a rollout that has a history', async () => {
    const { exitCode, stderr } = await history(repository(), '--environment', 'test');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('has no history of `orders` in `test`');
  });
});
