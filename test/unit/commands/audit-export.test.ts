import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bytesDigest } from '../../../src/bundle/digest.js';
import { run } from '../../../src/commands/program.js';
import { SHELF_DEPTH_MAX } from '../../../src/constants.js';
import { canonicalJson, type JsonValue } from '../../../src/signing/canonical-json.js';
import {
  type AuditRepository,
  changeLine,
  historyFiles,
  makeAuditRepository,
  rolloutAt,
  useLine,
} from '../../support/audit-repository.js';
import { commitAll, git } from '../../support/git.js';
import { memoryIo } from '../../support/io.js';
import { digestOf, rolloutTrustText, someDigest } from '../../support/rollouts.js';

const made: string[] = [];

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'cedargate-audit-'));
  made.push(path);
  return path;
}

async function cedargate(...args: readonly string[]) {
  const io = memoryIo();
  await run(args, io);
  return { ...io.written, exitCode: io.exitCode };
}

const YEAR = ['--from', '2026-01-01', '--to', '2026-12-31'];

async function exported({ root }: AuditRepository, args: readonly string[] = YEAR) {
  const folder = join(temporary(), 'out');
  const all = ['audit', 'export', '--repo', root, '--output', folder, ...args];
  return { folder, ...(await cedargate(...all)) };
}

function verify(folder: string, root: string, ...more: readonly string[]) {
  return cedargate('verify', folder, '--trust', join(root, 'trust.yaml'), ...more);
}

function listed(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function jsonOf(folder: string, file: string) {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}

function repository(files = historyFiles()): AuditRepository {
  const repo = makeAuditRepository(files);
  made.push(repo.root);
  return repo;
}

const historyOf = (folder: string) =>
  listed(folder).flatMap((file) => /orders\/(\d+)\.json$/.exec(file)?.[1] ?? []);

describe('an export', () => {
  it('holds documents, trust, change lines, uses and emergencies, and is verified offline', async () => {
    const repo = repository();
    const log = join(repo.root, 'a.log');
    const two = { sequence: 2, digest: repo.digests.get(2) ?? null };
    const [inside, outside] = ['2026-11-21T12:00:00.000Z', '2027-11-21T12:00:00.000Z'];
    const lines = [changeLine('orders-1', inside, two), changeLine('orders-1', outside, two)];
    const uses = [useLine(inside, 'spiffe://a/b', 'enforce'), useLine(outside, 'c', 'shadow')];
    writeFileSync(log, [...lines, ...uses, 'nonsense'].join('\n'));
    const { folder, exitCode, stderr } = await exported(repo, [...YEAR, '--log', log]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('a.log:5: it is not JSON');
    const trust = bytesDigest(Buffer.from(rolloutTrustText())).replace('sha256:', '');
    expect(listed(folder)).toEqual([
      'README.md',
      'emergencies.json',
      'exceptions.json',
      ...['1', '2', '3', '4'].map((n) => `history/production/orders/000${n}.json`),
      'index.json',
      'logs/changes.ndjson',
      'runs.json',
      `trust/${trust}.yaml`,
    ]);
    expect(readFileSync(join(folder, 'logs/changes.ndjson'), 'utf8')).toBe(`${lines[0]}\n`);
    expect(jsonOf(folder, 'exceptions.json')).toEqual([
      expect.objectContaining({
        exception: 'grant',
        caller: 'spiffe://a/b',
        allowed: 1,
        first: inside,
      }),
    ]);
    expect(jsonOf(folder, 'emergencies.json')).toEqual([
      expect.objectContaining({
        ...{ sequence: 3, author: 'erin', relax: ['reads'] },
        reconciled: expect.objectContaining({ sequence: 4, approvers: ['bob'], late: true }),
      }),
    ]);
    expect(jsonOf(folder, 'runs.json')).toMatchObject([
      { documents: [{}, { sequence: 2, runs: [{ workload: 'orders-1', from: inside }] }, {}, {}] },
    ]);
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(readme).toContain('emergency by erin<br>taken over by \\#4');
    rmSync(join(repo.root, 'history'), { recursive: true });
    const verified = await verify(folder, repo.root);
    expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
    expect(verified.stdout).toContain('verified');
  });

  it('is the same, byte for byte, for the same facts', async () => {
    const repo = repository();
    const [a, b] = [await exported(repo), await exported(repo)];
    expect(readFileSync(join(a.folder, 'index.json'))).toEqual(
      readFileSync(join(b.folder, 'index.json')),
    );
  });

  it.each([
    [
      'one in force all along, and the one before',
      '2026-11-21T12:00:00Z',
      '2026-11-21T13:00:00Z',
      ['0001', '0002'],
    ],
    [
      'an emergency with its base and what took it over',
      '2026-11-22T04:00:00Z',
      '2026-11-22T05:00:00Z',
      ['0002', '0003', '0004'],
    ],
    ['nothing before the first', '2026-01-01', '2026-11-19', []],
    ['the last day, whole', '2026-01-01', '2026-11-20', ['0001']],
    ['not the end of a time', '2026-01-01', '2026-11-20T10:00:00Z', []],
    ['what is in force still', '2027-06-01', '2027-06-02', ['0002', '0003', '0004']],
  ])('takes %s', async (_what, from, to, expected) => {
    const { folder, exitCode } = await exported(repository(), ['--from', from, '--to', to]);
    expect(exitCode).toBe(0);
    expect(historyOf(folder)).toEqual(expected);
  });

  it('takes a document that ran in the interval, however old, and all up to it', async () => {
    const repo = repository();
    const log = join(repo.root, 'a.log');
    const one = { sequence: 1, digest: repo.digests.get(1) ?? null };
    writeFileSync(log, changeLine('left-behind', '2026-11-20T12:00:00.000Z', one));
    const interval = ['--from', '2026-11-24', '--to', '2026-11-25', '--log', log];
    expect(historyOf((await exported(repo, interval)).folder)).toEqual([
      '0001',
      '0002',
      '0003',
      '0004',
    ]);
  });

  it('leaves out what waits for approval, and was made after the interval', async () => {
    const files = historyFiles();
    files.set(5, rolloutAt(5, digestOf(files.get(4) as Buffer), { approvals: 0 }));
    const interval = ['--from', '2026-11-20', '--to', '2026-11-20'];
    expect(historyOf((await exported(repository(files), interval)).folder)).toEqual(['0001']);
  });

  it('is written although the history does not hold, and says so wherever it is read', async () => {
    const files = historyFiles();
    files.delete(1);
    const repo = repository(files);
    const { folder, exitCode, stderr } = await exported(repo);
    expect(exitCode).toBe(4);
    expect(stderr).toContain('[history_broken]');
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('What does not hold');
    // The beginning is cut off in every folder, so this is known from the index alone.
    const verified = await verify(folder, repo.root);
    expect(verified.exitCode).toBe(4);
    expect(verified.stderr).toContain('when it was exported: ');
    // What is seen in the folder as well is told once.
    files.delete(3);
    const gap = await exported(repository(files));
    const again = await verify(gap.folder, repo.root, '--json');
    const { problems } = JSON.parse(again.stdout);
    const told = problems.filter((text: string) => text.includes('when it was exported'));
    expect(told).toEqual([expect.stringContaining('the history begins with number 2')]);
    expect(problems.length).toBeGreaterThan(1);
  });

  it('holds a file that does not verify, whenever it is from', async () => {
    const repo = repository();
    writeFileSync(join(repo.root, 'history/production/orders/0001.json'), 'damaged');
    const interval = ['--from', '2027-06-01', '--to', '2027-06-02'];
    const { folder, exitCode } = await exported(repo, interval);
    expect(exitCode).toBe(4);
    expect(historyOf(folder)).toContain('0001');
    expect((await verify(folder, repo.root)).exitCode).toBe(4);
  });
});

describe('an export is refused', () => {
  it.each([
    ['a day that is none', ['--from', '2026-02-30', '--to', '2026-12-31'], '--from 2026-02-30'],
    ['an end that is none', ['--from', '2026-01-01', '--to', 'today'], '--to today'],
    ['an end before its beginning', ['--from', '2026-02-01', '--to', '2026-01-01'], 'is not after'],
    ['a log that cannot be read', [...YEAR, '--log', 'absent.log'], 'cannot be read'],
  ])('for %s', async (_what, args, message) => {
    const { folder, exitCode, stderr } = await exported(repository(), args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(folder)).toBe(false);
  });

  it('into a folder that holds something', async () => {
    const repo = repository();
    const { folder } = await exported(repo);
    const again = await cedargate(
      'audit',
      'export',
      '--repo',
      repo.root,
      '--output',
      folder,
      ...YEAR,
    );
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain('[directory_not_empty]');
  });

  it('of a folder that is no policy repository', async () => {
    const root = temporary();
    const { stderr } = await exported({ root, digests: new Map() });
    expect(stderr).toContain('[repository_missing]');
  });
});

describe('the rules of the time', () => {
  const stricter = rolloutTrustText({ thresholds: '{low: 2, high: 2}' });
  const digests = [rolloutTrustText(), stricter].map((text) => bytesDigest(Buffer.from(text)));

  function changed(): AuditRepository {
    const repo = repository();
    git(repo.root, ['init', '-q']);
    commitAll(repo.root, Date.parse('2026-11-01T00:00:00Z') / 1_000);
    writeFileSync(join(repo.root, 'trust.yaml'), stricter);
    commitAll(repo.root, Date.parse('2026-12-01T00:00:00Z') / 1_000);
    return repo;
  }

  it('come from Git, oldest first, with the time of their commit', async () => {
    const repo = changed();
    const { folder, exitCode, stderr } = await exported(repo);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(jsonOf(folder, 'index.json').trust).toEqual([
      { digest: digests[0], since: '2026-11-01T00:00:00.000Z', present: false },
      { digest: digests[1], since: '2026-12-01T00:00:00.000Z', present: true },
    ]);
  });

  it('count offline when they are pinned, and not because they lie in the folder', async () => {
    const repo = changed();
    const { folder } = await exported(repo);
    const [old = '', present = ''] = digests;
    const bare = await verify(folder, repo.root);
    expect(bare.exitCode).toBe(4);
    expect(bare.stderr).toContain(`${old} were in force, pin them as well`);
    const pins = ['--trust-digest', present, '--trust-digest', old];
    expect((await verify(folder, repo.root, ...pins)).exitCode).toBe(0);
    // Another file in the place of the pinned one.
    writeFileSync(join(folder, `trust/${old.replace('sha256:', '')}.yaml`), stricter);
    const swapped = await verify(folder, repo.root, ...pins);
    expect(swapped.exitCode).toBe(4);
    expect(swapped.stderr).not.toContain('pin them as well');
  });

  it('are said to be missing without Git', async () => {
    const repo = repository();
    const { folder } = await exported(repo);
    expect(jsonOf(folder, 'index.json').notes).toEqual([
      expect.stringContaining('Git does not say'),
    ]);
    expect(jsonOf(folder, 'index.json').trust).toEqual([
      { digest: digests[0], since: null, present: true },
    ]);
  });

  it('are said to be missing where no commit has them', async () => {
    const files = historyFiles();
    const last = digestOf(files.get(4) as Buffer);
    files.set(5, rolloutAt(5, last, { payload: { trust: someDigest('9') } }));
    const { folder } = await exported(repository(files));
    const { notes } = jsonOf(folder, 'index.json');
    expect(notes.join('\n')).toContain('0005.json was made by rules that are not there');
  });
});

describe('verify of an audit folder ends with 4', () => {
  let repo: AuditRepository;
  let whole: string;

  beforeAll(async () => {
    repo = makeAuditRepository();
    ({ folder: whole } = await exported(repo));
    made.splice(0);
  });

  afterAll(() => {
    for (const path of [repo.root, join(whole, '..')])
      rmSync(path, { recursive: true, force: true });
  });

  function copy(): string {
    const folder = join(temporary(), 'copy');
    cpSync(whole, folder, { recursive: true });
    return folder;
  }

  /** As somebody who hides what they did would: index.json fits the files again. */
  function reindex(folder: string, edit: (index: Record<string, JsonValue>) => void = () => {}) {
    const index = jsonOf(folder, 'index.json');
    const paths = listed(folder).filter((path) => path !== 'index.json');
    index.files = Object.fromEntries(
      paths.map((path) => [path, bytesDigest(readFileSync(join(folder, path)))]),
    );
    edit(index);
    writeFileSync(join(folder, 'index.json'), canonicalJson(index));
  }

  const document = 'history/production/orders/0002.json';

  it('and without a change with 0', async () => {
    const folder = copy();
    reindex(folder);
    expect((await verify(folder, repo.root)).exitCode).toBe(0);
  });

  it.each<[string, (folder: string) => void, string]>([
    [
      'a file was changed',
      (f) => writeFileSync(join(f, 'runs.json'), '[]'),
      'is not the one that the index lists',
    ],
    ['a file is missing', (f) => rmSync(join(f, 'README.md')), 'the file is missing'],
    ['a file was added', (f) => writeFileSync(join(f, 'more.txt'), ''), 'does not list'],
    [
      'a file is a link',
      (f) => symlinkSync('README.md', join(f, 'link')),
      'neither a file nor a folder',
    ],
    [
      'folders are too deep',
      (f) => mkdirSync(join(f, ...Array(SHELF_DEPTH_MAX + 1).fill('d')), { recursive: true }),
      'or folders too deep',
    ],
    [
      'its history is no folder',
      (f) => {
        rmSync(join(f, 'history'), { recursive: true });
        writeFileSync(join(f, 'history'), '');
      },
      '[rollout_unreadable]',
    ],
    [
      'a history in it is no folder',
      (f) => {
        rmSync(join(f, document));
        mkdirSync(join(f, document));
      },
      '0002.json',
    ],
    [
      'the index is no JSON',
      (f) => writeFileSync(join(f, 'index.json'), '{'),
      'not canonical JSON',
    ],
    [
      'the index is not canonical',
      (f) => writeFileSync(join(f, 'index.json'), '{} '),
      'not canonical JSON',
    ],
    [
      'the index has an unknown field',
      (f) =>
        reindex(f, (i) => {
          i.more = 1;
        }),
      'unknown field',
    ],
    [
      'the index needs a newer reader',
      (f) =>
        reindex(f, (i) => {
          i.minReader = 99;
        }),
      'needs a reader of formats',
    ],
    [
      'the index names a path outside',
      (f) =>
        reindex(f, (i) => {
          i.files = { '../x': someDigest('1') };
        }),
      'must be files in the folder',
    ],
    [
      'the index names itself',
      (f) =>
        reindex(f, (i) => {
          i.files = { 'index.json': someDigest('1') };
        }),
      'must not name index.json itself',
    ],
    [
      'a rollout is not listed',
      (f) =>
        reindex(f, (i) => {
          i.rollouts = [];
        }),
      'is not listed',
    ],
    [
      'a rollout is gone',
      (f) =>
        reindex(f, (i) => {
          i.rollouts = [...(i.rollouts as JsonValue[]), { environment: 'test', name: 'orders' }];
        }),
      'no document of',
    ],
    [
      'a document is gone, and the index fits',
      (f) => {
        rmSync(join(f, document));
        reindex(f);
      },
      'is not in the history',
    ],
    [
      'a document was changed, and the index fits',
      (f) => {
        const text = readFileSync(join(f, document), 'utf8');
        writeFileSync(
          join(f, document),
          text.replace(/"approvals":\[.*?\],"author"/, '"approvals":[],"author"'),
        );
        reindex(f);
      },
      '[approvals_missing]',
    ],
    [
      'a file was added that nobody would look at, and the index fits',
      (f) => {
        mkdirSync(join(f, 'history/Production/orders'), { recursive: true });
        cpSync(join(f, document), join(f, 'history/Production/orders/0009.json'));
        reindex(f);
      },
      'it is no file of an audit',
    ],
    [
      'evidence was added that no document names, and the index fits',
      (f) => {
        writeFileSync(join(f, document.replace('.json', '.evidence.json')), '{}');
        reindex(f);
      },
      'it is no file of an audit',
    ],
    [
      'the runs were left out, and the index fits',
      (f) => {
        rmSync(join(f, 'runs.json'));
        reindex(f);
      },
      'the index does not list it',
    ],
    [
      'the rules of the time were left out, and the index fits',
      (f) => {
        rmSync(join(f, 'trust'), { recursive: true });
        reindex(f);
      },
      'the index does not list it',
    ],
    [
      'the rules of the time are others, and the index fits',
      (f) => {
        writeFileSync(join(f, listed(f).find((path) => path.startsWith('trust/')) ?? ''), 'x: 1');
        reindex(f);
      },
      'it is not the version that it is called',
    ],
    [
      'emergencies were left out, and the index fits',
      (f) => {
        writeFileSync(join(f, 'emergencies.json'), '[]\n');
        reindex(f);
      },
      'is not what follows from the documents',
    ],
    [
      'it did not hold when it was exported',
      (f) =>
        reindex(f, (i) => {
          i.problems = ['the beginning was missing'];
        }),
      'when it was exported: the beginning was missing',
    ],
  ])('when %s', async (_what, damage, message) => {
    const folder = copy();
    damage(folder);
    const { exitCode, stderr } = await verify(folder, repo.root);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(4);
  });

  it('when evidence is not what a document names, and 0 when it is kept elsewhere', async () => {
    const files = historyFiles();
    const evidence = Buffer.from('{}');
    const payload = { evidence: bytesDigest(evidence) };
    files.set(5, rolloutAt(5, digestOf(files.get(4) as Buffer), { payload }));
    const own = repository(files);
    const path = 'history/production/orders/0005.evidence.json';
    expect((await verify((await exported(own)).folder, own.root)).exitCode).toBe(0);
    writeFileSync(join(own.root, path), evidence);
    const { folder } = await exported(own);
    expect(readFileSync(join(folder, path))).toEqual(evidence);
    expect((await verify(folder, own.root)).exitCode).toBe(0);
    writeFileSync(join(folder, path), '{"a":1}');
    reindex(folder);
    const { exitCode, stderr } = await verify(folder, own.root);
    expect(stderr).toContain('not the evidence that the document names');
    expect(exitCode).toBe(4);
  });

  it('when the trust file given is not pinned, or is that of others', async () => {
    const pin = ['--trust-digest', someDigest('1')];
    expect((await verify(whole, repo.root, ...pin)).exitCode).toBe(4);
    const other = temporary();
    writeFileSync(
      join(other, 'trust.yaml'),
      rolloutTrustText({ approver: '{people: [dan], threshold: 1}' }),
    );
    expect((await verify(whole, other)).exitCode).toBe(4);
  });

  it('as JSON too', async () => {
    const { stdout, exitCode } = await verify(whole, repo.root, '--json');
    expect(exitCode).toBe(0);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ verified: true, problems: [] });
    expect(found.documents).toHaveLength(4);
    const folder = copy();
    rmSync(join(folder, 'README.md'));
    const damaged = await verify(folder, repo.root, '--json');
    expect(damaged.exitCode).toBe(4);
    expect(JSON.parse(damaged.stdout)).toMatchObject({ verified: false });
  });

  it('but 2 with --deep, which is for bundles', async () => {
    expect((await verify(whole, repo.root, '--deep')).exitCode).toBe(2);
  });
});
