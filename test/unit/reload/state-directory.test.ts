import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { formatBuiltManifest } from '../../../src/bundle/built-manifest.js';
import { readShelf } from '../../../src/bundle/shelf.js';
import {
  ARCHIVE_BYTES_MAX,
  READER,
  STATE_BUNDLES_MAX,
  STATE_CLOSE_MS_MAX,
  STATE_FILE_BYTES_MAX,
  STATE_ROLLOUTS_MAX,
} from '../../../src/constants.js';
import { problem } from '../../../src/errors.js';
import { bundleOfShelf } from '../../../src/reload/state-bundles.js';
import { openStateDirectory } from '../../../src/reload/state-directory.js';
import type { RolloutToSave } from '../../../src/reload/state-save.js';
import { failed } from '../../../src/result.js';
import { archiveOf, digestOf, manifestOf } from '../../support/built-bundles.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { faultyFs } from '../../support/faulty-fs.js';
import { resultValue } from '../../support/result.js';
import {
  bundleInMemory,
  digestOfText,
  findState,
  rolloutState,
  stateOf,
} from '../../support/states.js';

let directory = '';
beforeEach(async () => {
  directory = join(await temporaryDirectory(), 'state');
});

const open = () => openStateDirectory(directory, faultyFs().fs);
const at = (...names: string[]) => join(directory, ...names);
const save = async (rollouts: Record<string, number>, clockMs?: number) =>
  (await open().save(stateOf(rollouts, clockMs))).map(({ message }) => message);
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
const DOCUMENTS = { approved: Buffer.from('a'), lastRollout: null, running: null };
const NOTHING: RolloutToSave = { ...DOCUMENTS, bundles: new Map() };

describe('a state directory', () => {
  it('is made for this user alone, and is empty at first', async () => {
    directory = at('deeper');
    expect(await findState(open())).toEqual({ rollouts: {}, clockMs: undefined, problems: [] });
    expect(await modeOf(directory)).toBe(0o700);
    expect(await save({ payments: 1 })).toEqual([]);
    expect(await modeOf(at('rollouts'))).toBe(0o700);
    expect(await modeOf(at('rollouts/payments.json'))).toBe(0o600);
  });

  it('gives back what was saved, to another process', async () => {
    expect(await save({ orders: 3, payments: 1 }, 5_000.7)).toEqual([]);
    const found = { rollouts: { orders: 3, payments: 1 }, clockMs: 5_000, problems: [] };
    expect(await findState(open())).toEqual(found);
  });

  it('may lack any of the three documents', async () => {
    await open().save({ rollouts: new Map([['payments', NOTHING]]), clockMs: 1 });
    const { rollouts } = await open().read();
    expect(rollouts.get('payments')).toEqual({ ...DOCUMENTS, bundles: [] });
  });

  it('forgets rollouts that are no longer there, and bundles that nobody needs', async () => {
    const state = open();
    await state.save(stateOf({ orders: 1, payments: 1 }));
    await state.save(stateOf({ payments: 2 }));
    expect(await findState(open())).toMatchObject({ rollouts: { payments: 2 }, problems: [] });
    expect(await readdir(state.shelf)).toHaveLength(1);
  });

  it('shares a bundle, and keeps it until the last one that needs it goes', async () => {
    const state = open();
    const [, shared] = rolloutState('payments', 1).bundles.entries().next().value ?? [];
    const digest = digestOfText('payments 1');
    const bundles = new Map(shared === undefined ? [] : [[digest, shared] as const]);
    const rollout = { ...DOCUMENTS, bundles };
    await state.save({
      rollouts: new Map([
        ['a', rollout],
        ['b', rollout],
      ]),
      clockMs: 1,
    });
    await state.save({ rollouts: new Map([['b', rollout]]), clockMs: 1 });
    expect(await readdir(state.shelf)).toHaveLength(1);
    await state.save({ rollouts: new Map([['b', NOTHING]]), clockMs: 1 });
    expect(await readdir(state.shelf)).toHaveLength(0);
  });

  it('writes only what has changed', async () => {
    const faulty = faultyFs();
    const state = openStateDirectory(directory, faulty.fs);
    const wanted = stateOf({ orders: 1, payments: 1 });
    await state.save(wanted);
    const before = faulty.calls.length;
    await state.save(wanted);
    expect(faulty.calls.slice(before)).not.toContain('rename');
    await state.save({ ...wanted, clockMs: 2_000 });
    expect(faulty.calls.slice(before).filter((call) => call === 'rename')).toHaveLength(1);
  });

  it('writes a record of which anything has changed, documents or bundles alone', async () => {
    const state = open();
    const bundleOf = (n: number) => rolloutState('payments', n).bundles;
    const running = (text: string) => ({ running: Buffer.from(text) });
    for (const change of [
      { ...DOCUMENTS, bundles: bundleOf(1) },
      { ...DOCUMENTS, ...running('another'), bundles: bundleOf(1) },
      { ...DOCUMENTS, running: null, bundles: bundleOf(1) },
      { ...DOCUMENTS, ...running('another'), bundles: bundleOf(1) },
      { ...DOCUMENTS, ...running('another'), bundles: bundleOf(2) },
    ]) {
      const { bundles, ...documents } = change;
      await state.save({ rollouts: new Map([['payments', change]]), clockMs: 1 });
      const record = (await open().read()).rollouts.get('payments');
      expect(record).toEqual({ ...documents, bundles: [...bundles.keys()] });
    }
  });

  it('sets aside what somebody has put beside the records meanwhile', async () => {
    const state = open();
    await state.save(stateOf({ payments: 1 }));
    await writeFile(at('rollouts/orders.json'), 'mine');
    expect(await state.save(stateOf({ payments: 1 }))).toEqual([]);
    expect((await readdir(at('rollouts'))).sort()).toEqual([
      'orders.json.damaged',
      'payments.json',
    ]);
  });

  it('says why a bundle cannot be kept, and why a folder cannot be made', async () => {
    const unreadable = failed(problem('bundle_unreadable', 'the disk is tired'));
    const bundle = { mark: 'x', read: async () => unreadable };
    const bundles = new Map([[digestOfText('x'), bundle]]);
    const rollouts = new Map([['payments', { ...DOCUMENTS, bundles }]]);
    const [told] = await open().save({ rollouts, clockMs: 1 });
    expect(told?.message).toMatch(/cannot be kept: the disk is tired$/);
    await rm(directory, { recursive: true });
    const dry = faultyFs();
    await openStateDirectory(directory, dry.fs).read();
    await rm(directory, { recursive: true });
    const { fs } = faultyFs({ at: dry.calls.lastIndexOf('mkdir'), kind: 'fail' });
    const { problems } = await openStateDirectory(directory, fs).read();
    expect(problems[0]?.message).toMatch(/^the directory cannot be used: .*EIO/);
  });

  it('has every file on the disk before its name, and the name before it goes on', async () => {
    const { fs, calls } = faultyFs();
    await openStateDirectory(directory, fs).save(stateOf({ payments: 1 }));
    const renames = [...calls.keys()].filter((i) => calls[i] === 'rename');
    expect(renames).toHaveLength(3);
    for (const i of renames) {
      const around = ['file.sync', 'file.close', 'rename', 'open', 'file.sync'];
      expect(calls.slice(i - 2, i + 3)).toEqual(around);
    }
  });

  it('writes nothing again after a restart, if it is all there', async () => {
    await save({ payments: 1 });
    const faulty = faultyFs();
    expect(await openStateDirectory(directory, faulty.fs).save(stateOf({ payments: 1 }))).toEqual(
      [],
    );
    expect(faulty.calls).not.toContain('rename');
  });

  it('saves again what somebody has removed or damaged', async () => {
    const state = open();
    const wanted = stateOf({ orders: 1, payments: 1 });
    await state.save(wanted);
    await rm(at('rollouts/payments.json'));
    for (const name of await readdir(state.shelf)) await rm(join(state.shelf, name));
    expect(await state.save(wanted)).toEqual([]);
    expect(await findState(open())).toMatchObject({ rollouts: { orders: 1, payments: 1 } });

    for (const name of await readdir(state.shelf)) await truncate(join(state.shelf, name), 5);
    await writeFile(at('rollouts/orders.json'), '{');
    expect(await save({ orders: 1, payments: 1 })).toEqual([]);
    expect(await findState(open())).toMatchObject({ rollouts: { orders: 1, payments: 1 } });
  });
});

describe('saves', () => {
  it('run one at a time, and of those that wait the latest counts', async () => {
    const faulty = faultyFs();
    const state = openStateDirectory(directory, faulty.fs);
    const saved = (n: number) => state.save(stateOf({ payments: n }, n));
    const first = saved(1);
    // By now it has begun.
    await setImmediate();
    expect(await Promise.all([first, ...[2, 3, 4, 5].map(saved)])).toEqual([[], [], [], [], []]);
    expect(await findState(open())).toMatchObject({ rollouts: { payments: 5 }, clockMs: 5 });
    // Two saves of bundle, rollout and clock.
    expect(faulty.calls.filter((call) => call === 'rename')).toHaveLength(6);
  });

  it('are all done when the directory is closed, and change nothing after that', async () => {
    const state = open();
    const first = state.save(stateOf({ payments: 1 }));
    const second = state.save(stateOf({ payments: 2 }));
    await state.close();
    expect(await findState(open())).toMatchObject({ rollouts: { payments: 2 } });
    expect(await state.save(stateOf({ payments: 3 }))).toMatchObject([
      { code: 'state_unwritable' },
    ]);
    expect(await findState(open())).toMatchObject({ rollouts: { payments: 2 } });
    expect(await Promise.all([first, second])).toEqual([[], []]);
  });

  it('keep nobody from ending who waits for a disk that hangs', async () => {
    const hanging = faultyFs({ at: 0, kind: 'stop' });
    const state = openStateDirectory(directory, hanging.fs);
    void state.save(stateOf({ payments: 1 }));
    await hanging.stopped;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const closed = state.close();
    await vi.advanceTimersByTimeAsync(STATE_CLOSE_MS_MAX);
    await closed;
    await hanging.release();
  });

  it('may be asked for while it is read', async () => {
    await save({ payments: 1 });
    const state = open();
    const [found] = await Promise.all([findState(state), state.save(stateOf({ payments: 2 }))]);
    expect(found).toMatchObject({ rollouts: { payments: 1 } });
    expect(await findState(state)).toMatchObject({ rollouts: { payments: 2 } });
  });

  it('refuse names that are none, wherever they would lead', async () => {
    const rollouts = new Map(['../x', 'A', '', '.', 'a/b'].map((name) => [name, NOTHING] as const));
    const problems = await open().save({ rollouts, clockMs: 1 });
    expect(problems.map(({ message }) => message)).toEqual(
      Array(5).fill('this is no name of a rollout'),
    );
    expect(await readdir(at('rollouts'))).toEqual([]);
    const bundles = new Map([['sha256:../../x' as const, { mark: '', read: never }]]);
    const wrong = await open().save({
      rollouts: new Map([['a', { ...NOTHING, bundles }]]),
      clockMs: 1,
    });
    expect(wrong).toMatchObject([{ message: expect.stringContaining('this is no digest') }]);
  });

  it('are bounded: documents, bundles, rollouts', async () => {
    const big = { ...NOTHING, running: Buffer.alloc(STATE_FILE_BYTES_MAX) };
    const huge = bundleInMemory(Buffer.alloc(ARCHIVE_BYTES_MAX + 1));
    const heavy = { ...NOTHING, bundles: new Map([[digestOfText('huge'), huge]]) };
    const rollouts = new Map<string, RolloutToSave>([
      ['big', big],
      ['heavy', heavy],
      ['small', NOTHING],
    ]);
    const problems = await open().save({ rollouts, clockMs: 1 });
    expect(problems.map(({ message }) => message)).toEqual([
      `its documents need more than ${STATE_FILE_BYTES_MAX} bytes`,
      expect.stringContaining(`it has more than ${ARCHIVE_BYTES_MAX} bytes`),
    ]);
    expect(await readdir(at('rollouts'))).toEqual(['small.json']);

    const names = Array.from({ length: STATE_BUNDLES_MAX }, (_, n) => `${n}.tar.gz`);
    await Promise.all(names.map((name) => writeFile(at('bundles', name), '')));
    expect(await save({ payments: 1 })).toEqual([
      expect.stringContaining(`there are ${STATE_BUNDLES_MAX} bundles already`),
    ]);
  });

  it('keep no more rollouts than are read', async () => {
    const many = Array.from({ length: STATE_ROLLOUTS_MAX + 1 }, (_, n) => `r${n}`);
    const rollouts = new Map(many.map((name) => [name, NOTHING] as const));
    const state = open();
    expect(await state.save({ rollouts, clockMs: 1 })).toMatchObject([
      { message: expect.stringContaining('the rest is not saved') },
    ]);
    expect(await readdir(at('rollouts'))).toHaveLength(STATE_ROLLOUTS_MAX);
    await writeFile(at('rollouts/z.json'), await readFile(at('rollouts/r1.json')));
    const read = await state.read();
    expect(read.rollouts.size).toBe(STATE_ROLLOUTS_MAX);
    expect(read.problems).toMatchObject([{ message: expect.stringContaining('is ignored') }]);
  });
});

const never = () => Promise.reject(new Error('was not to be read'));

describe('bundles', () => {
  const filesOf = (n: number) => ({ 'bundle.yaml': `${n}`, 'index.json': '{}' });
  const digest = digestOf(formatBuiltManifest(manifestOf(filesOf(1))));

  it('go from one shelf to the other', async () => {
    const shelf = await temporaryDirectory();
    await writeFile(join(shelf, 'x.tar.gz'), archiveOf({ files: filesOf(1) }));
    const { bundles } = resultValue(await readShelf(shelf));
    const kept = new Map(bundles.map((file) => [file.digest, bundleOfShelf(file)] as const));
    const state = open();
    const rollouts = new Map([['payments', { ...NOTHING, bundles: kept }]]);
    expect(await state.save({ rollouts, clockMs: 1 })).toEqual([]);
    expect(resultValue(await readShelf(state.shelf)).bundles).toMatchObject([{ digest }]);
    // And from there to itself, when the shelf has lost it.
    const own = resultValue(await readShelf(state.shelf)).bundles.map(
      (file) => [file.digest, bundleOfShelf(file)] as const,
    );
    const again = new Map([['payments', { ...NOTHING, bundles: new Map(own) }]]);
    expect(await state.save({ rollouts: again, clockMs: 1 })).toEqual([]);
    expect(resultValue(await readShelf(state.shelf)).bundles).toMatchObject([{ digest }]);
  });

  it('are read when they are not stored yet, and again when their bytes may be others', async () => {
    const state = open();
    const saveAs = (mark: string, text: string) => {
      const bundle = { mark, read: async () => ({ ok: true, value: Buffer.from(text) }) as const };
      const bundles = new Map([[digest, text === 'never' ? { mark, read: never } : bundle]]);
      return state.save({ rollouts: new Map([['a', { ...NOTHING, bundles }]]), clockMs: 1 });
    };
    const stored = () => readFile(join(state.shelf, `${digest.slice(7)}.tar.gz`), 'utf8');
    expect(await saveAs('1', 'signed by one')).toEqual([]);
    expect(await saveAs('1', 'never')).toEqual([]);
    expect(await saveAs('2', 'signed by two')).toEqual([]);
    expect(await stored()).toBe('signed by two');
    expect(await saveAs('3', 'never')).toMatchObject([
      { message: expect.stringContaining('was not to be read') },
    ]);
    expect(await stored()).toBe('signed by two');
  });

  it('of a shelf are not taken when the file changed since it was listed', async () => {
    const shelf = await temporaryDirectory();
    await writeFile(join(shelf, 'x.tar.gz'), archiveOf({ files: filesOf(1) }));
    const [file] = resultValue(await readShelf(shelf)).bundles;
    if (file === undefined) throw new Error('no bundle');
    const kept = bundleOfShelf(file);
    await writeFile(join(shelf, 'x.tar.gz'), archiveOf({ files: filesOf(2) }));
    expect(await kept.read()).toMatchObject({ problems: [{ code: 'bundle_changing' }] });
    await rm(join(shelf, 'x.tar.gz'));
    expect(await kept.read()).toMatchObject({ ok: false });
  });
});

describe('the trust file', () => {
  const trust = Buffer.from('people: {}\n');
  const wanted = { ...stateOf({ payments: 1 }), trust };
  const bytes = () => readFile(at('trust.yaml'), 'utf8');

  it('is kept, and stays when a save says nothing of it', async () => {
    expect(await open().save(wanted)).toEqual([]);
    expect(open().trust).toBe(at('trust.yaml'));
    expect(await bytes()).toBe(String(trust));
    await save({ payments: 2 });
    expect(await bytes()).toBe(String(trust));
  });

  it('is written when it is another one or damaged, and else left alone', async () => {
    const faulty = faultyFs();
    const state = openStateDirectory(directory, faulty.fs);
    const renames = () => faulty.calls.filter((call) => call === 'rename').length;
    await state.save(wanted);
    const before = renames();
    await state.save(wanted);
    expect(renames()).toBe(before);
    await state.save({ ...wanted, trust: Buffer.from('other') });
    expect(await bytes()).toBe('other');
    await writeFile(at('trust.yaml'), 'damaged');
    expect(await open().save(wanted)).toEqual([]);
    expect(await bytes()).toBe(String(trust));
  });

  it('is written again, as the clock is, when somebody has removed it', async () => {
    const state = open();
    await state.save(wanted);
    await rm(directory, { recursive: true });
    expect(await state.save(wanted)).toEqual([]);
    expect(await bytes()).toBe(String(trust));
    expect(await findState(open())).toMatchObject({ rollouts: { payments: 1 }, clockMs: 1_000 });
  });

  it('that cannot be kept is told, and in nobody’s way', async () => {
    await mkdir(at('trust.yaml'), { recursive: true });
    const problems = await open().save(wanted);
    expect(problems.map(({ file }) => file)).toEqual([at('trust.yaml')]);
    expect(await findState(open())).toMatchObject({ rollouts: { payments: 1 } });
  });
});

describe('a damaged state', () => {
  const problemsOf = async () => (await findState(open())).problems;

  it.each([
    ['an empty file', ''],
    ['a file that was cut off', '{"minReader":1,"approved":"YQ=='],
    ['garbage', '\0\x01\xff'],
    ['JSON of another shape', '[]'],
    [
      'a field too many',
      JSON.stringify({
        minReader: 1,
        approved: null,
        lastRollout: null,
        running: null,
        bundles: [],
        x: 1,
      }),
    ],
    [
      'a document that is no base64',
      JSON.stringify({
        minReader: 1,
        approved: '?',
        lastRollout: null,
        running: null,
        bundles: [],
      }),
    ],
    [
      'a digest that leads elsewhere',
      JSON.stringify({
        minReader: 1,
        approved: null,
        lastRollout: null,
        running: null,
        bundles: ['sha256:../x'],
      }),
    ],
    [
      'a file of a newer program',
      JSON.stringify({
        minReader: READER + 1,
        approved: null,
        lastRollout: null,
        running: null,
        bundles: [],
      }),
    ],
  ])('%s is told and ignored, and the rest is there', async (_what, text) => {
    await save({ orders: 1, payments: 1 }, 7);
    await writeFile(at('rollouts/payments.json'), text);
    await writeFile(at('clock.json'), text);
    const damaged =
      'state_unreadable: the file is damaged, or a newer cedargate wrote it: it is ignored';
    expect(await findState(open())).toEqual({
      rollouts: { orders: 1 },
      clockMs: undefined,
      problems: [damaged, damaged],
    });
    expect(await save({ orders: 1, payments: 2 }, 8)).toEqual([]);
    expect(await findState(open())).toEqual({
      rollouts: { orders: 1, payments: 2 },
      clockMs: 8,
      problems: [],
    });
    // Not lost: whoever wants to know what it was finds it.
    expect(await readFile(at('rollouts/payments.json.damaged'), 'utf8')).toBe(text);
  });

  it('is set aside once a name, also where its rollout is gone, and needs no bundles', async () => {
    for (const text of ['first', 'second']) {
      await save({ orders: 1, payments: 1 });
      await writeFile(at('rollouts/payments.json'), text);
      expect(await save({ orders: 1 })).toEqual([]);
    }
    expect((await readdir(at('rollouts'))).sort()).toEqual([
      'orders.json',
      'payments.json.damaged',
    ]);
    expect(await readFile(at('rollouts/payments.json.damaged'), 'utf8')).toBe('second');
    expect(await readdir(at('bundles'))).toHaveLength(1);
    expect(await problemsOf()).toEqual([]);
  });

  it('that cannot be set aside is not written over', async () => {
    await save({ payments: 1 });
    await writeFile(at('rollouts/payments.json'), 'mine');
    await mkdir(at('rollouts/payments.json.damaged'));
    expect(await save({ payments: 2 })).toEqual([
      expect.stringContaining('the file cannot be removed'),
    ]);
    expect(await readFile(at('rollouts/payments.json'), 'utf8')).toBe('mine');
  });

  it('with files that are too large, links, pipes and directories is read as far as it goes', async () => {
    await save({ orders: 1, payments: 1 });
    const whole = at('rollouts/payments.json');
    await truncate(await copy(whole, at('rollouts/large.json')), STATE_FILE_BYTES_MAX + 1);
    await symlink(whole, at('rollouts/link.json'));
    await mkdir(at('rollouts/folder.json'));
    execFileSync('mkfifo', [at('rollouts/pipe.json')]);
    await copy(whole, at('rollouts/UPPER.json'));
    await copy(whole, at('rollouts/readme'));
    const found = await findState(open());
    expect(found.rollouts).toEqual({ orders: 1, payments: 1 });
    expect(found.problems).toEqual([
      'state_unreadable: this is no file of a rollout, and is ignored',
      expect.stringMatching(/^state_unreadable: the file cannot be read: it is not a regular file/),
      `state_unreadable: the file cannot be read: it has more than ${STATE_FILE_BYTES_MAX} bytes`,
      'state_unreadable: the file cannot be read: it is a symbolic link (ELOOP)',
      'state_unreadable: the file cannot be read: it is not a regular file',
      'state_unreadable: this is no file of a rollout, and is ignored',
    ]);
  });

  it('has links and pipes replaced, never written through', async () => {
    await save({ payments: 1 });
    const outside = join(await temporaryDirectory(), 'x');
    await writeFile(outside, 'mine');
    await rm(at('rollouts/payments.json'));
    await symlink(outside, at('rollouts/payments.json'));
    expect(await save({ payments: 2 })).toEqual([]);
    expect(await findState(open())).toMatchObject({ rollouts: { payments: 2 } });
    expect(await readFile(outside, 'utf8')).toBe('mine');
  });

  it.each([
    ['a file', (path: string) => writeFile(path, '')],
    ['a link', async (path: string) => symlink(await temporaryDirectory(), path)],
  ])('is told when %s is in the place of a folder', async (_what, make) => {
    await save({ payments: 1 }, 7);
    await rm(at('rollouts'), { recursive: true });
    await make(at('rollouts'));
    expect(await findState(open())).toMatchObject({
      rollouts: {},
      clockMs: 7,
      problems: [
        'state_unwritable: the directory cannot be used: it is not a directory',
        'state_unreadable: the directory cannot be read: it is not a directory',
      ],
    });
    expect(await save({ payments: 2 })).toEqual([
      'the directory cannot be used: it is not a directory',
    ]);
  });

  it('is told when a file is in the place of the directory itself', async () => {
    await writeFile(directory, '');
    expect((await problemsOf())[0]).toMatch(/^state_unwritable: the directory cannot be used/);
    expect(await save({ payments: 1 })).toHaveLength(1);
  });

  it('with leftovers of interrupted saves is tidied, and nothing else is touched', async () => {
    await save({ payments: 1 });
    const leftovers = [
      at('rollouts/.payments.json.0123456789ab.tmp'),
      at('bundles/.x.tar.gz.0123456789ab.tmp'),
      at('.clock.json.0123456789ab.tmp'),
    ];
    const others = [at('.hidden'), at('bundles/readme'), at('bundles/other.tar.gz')];
    for (const path of [...leftovers, ...others]) await writeFile(path, '');
    expect(await findState(open())).toMatchObject({ rollouts: { payments: 1 }, problems: [] });
    await save({ payments: 2 });
    const isThere = (path: string) =>
      stat(path).then(
        () => true,
        () => false,
      );
    expect(await Promise.all(leftovers.map(isThere))).toEqual([false, false, false]);
    expect(await Promise.all(others.map(isThere))).toEqual([true, true, true]);
  });
});

async function copy(from: string, to: string): Promise<string> {
  await writeFile(to, await readFile(from));
  return to;
}
