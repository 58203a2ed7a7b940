/** Whatever call of the file system fails, or is the last of a process, the state stays whole. */
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { problem } from '../../../src/errors.js';
import { openStateDirectory } from '../../../src/reload/state-directory.js';
import { failed } from '../../../src/result.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { type Fault, type FaultyFs, faultyFs } from '../../support/faulty-fs.js';
import { thirdOf } from '../../support/properties.js';
import { digestOfText, findState, rolloutState, stateOf } from '../../support/states.js';

const OLD = { orders: 1, payments: 1, retired: 1 };
/** One unchanged, one changed, one new, one gone. */
const NEW = { orders: 1, payments: 2, refunds: 2 };
const OLD_CLOCK = 1_000;
const NEW_CLOCK = 2_000;
const trustOf = (clockMs: number) => ({ trust: Buffer.from(`trust ${clockMs}`) });
const OLD_STATE = { ...stateOf(OLD, OLD_CLOCK), ...trustOf(OLD_CLOCK) };
const NEW_STATE = { ...stateOf(NEW, NEW_CLOCK), ...trustOf(NEW_CLOCK) };
/** What may be read of each rollout while the save goes on; undefined: not there. */
const MAY_BE: Readonly<Record<string, readonly (number | undefined)[]>> = {
  orders: [1],
  payments: [1, 2],
  refunds: [undefined, 2],
  retired: [1, undefined],
};

/** As another process sees it. */
const fresh = (directory: string) => openStateDirectory(directory, faultyFs().fs);

async function saveOld(directory: string): Promise<void> {
  const state = fresh(directory);
  await state.read();
  expect(await state.save(OLD_STATE)).toEqual([]);
}

/** A directory with the old state for each test, copied: writing it is slow. */
async function oldState(): Promise<() => Promise<string>> {
  const template = await temporaryDirectory();
  await saveOld(template);
  return async () => {
    const directory = join(await temporaryDirectory(), 'state');
    await cp(template, directory, { recursive: true });
    return directory;
  };
}

async function expectWhole(directory: string): Promise<void> {
  const { rollouts, clockMs, problems } = await findState(fresh(directory));
  for (const [name, allowed] of Object.entries(MAY_BE)) expect(allowed).toContain(rollouts[name]);
  expect([OLD_CLOCK, NEW_CLOCK]).toContain(clockMs);
  const trusts = [OLD_STATE, NEW_STATE].map(({ trust }) => String(trust));
  expect(trusts).toContain(await readFile(join(directory, 'trust.yaml'), 'utf8'));
  expect(problems).toEqual([]);
}

async function expectNew(directory: string): Promise<void> {
  const found = await findState(fresh(directory));
  expect(found).toEqual({ rollouts: NEW, clockMs: NEW_CLOCK, problems: [] });
  expect(await readdir(join(directory, 'bundles'))).toHaveLength(3);
  expect((await readdir(directory)).sort()).toEqual([
    ...['bundles', 'clock.json', 'rollouts', 'trust.yaml'],
  ]);
  expect(await readFile(join(directory, 'trust.yaml'), 'utf8')).toBe(String(NEW_STATE.trust));
}

async function leftovers(directory: string): Promise<string[]> {
  const folders = ['.', 'bundles', 'rollouts'].map((name) => readdir(join(directory, name)));
  return (await Promise.all(folders)).flat().filter((name) => name.startsWith('.'));
}

/** Runs `test` with a fault at the calls that `work` makes. */
async function everywhere(
  kind: Fault['kind'],
  work: (directory: string, faulty: FaultyFs) => Promise<unknown>,
  test: (directory: string, faulty: FaultyFs, result: unknown, fault: Fault) => Promise<void>,
  code = 'ENOSPC',
): Promise<void> {
  const make = await oldState();
  const dry = faultyFs();
  await work(await make(), dry);
  expect(dry.calls.length).toBeGreaterThan(10);
  for (const at of thirdOf(dry.calls.keys())) {
    const fault: Fault = { at, kind, code };
    const faulty = faultyFs(fault);
    const directory = await make();
    const result = await Promise.race([work(directory, faulty), faulty.stopped]);
    await faulty.release();
    try {
      await test(directory, faulty, result, fault);
    } catch (thrown) {
      throw new Error(`call ${at}, ${faulty.calls[at]}`, { cause: thrown });
    }
  }
}

const save = async (directory: string, { fs }: FaultyFs) => {
  const state = openStateDirectory(directory, fs);
  await state.read();
  return state.save(NEW_STATE);
};
const read = (directory: string, { fs }: FaultyFs) => openStateDirectory(directory, fs).read();

describe('a save of which one call fails', () => {
  it('leaves each rollout old or new, whole, and the disk has the new state or it is told', async () => {
    await everywhere('fail', save, async (directory, { calls }, problems, { at }) => {
      // A full disk needs the room.
      if (calls[at] !== 'unlink') expect(await leftovers(directory)).toEqual([]);
      if ((problems as unknown[]).length === 0) await expectNew(directory);
      else await expectWhole(directory);
    });
  });

  it('is made good by the next save of the same process', async () => {
    const make = await oldState();
    for (const at of thirdOf(await callsOfSecondSave(await make()))) {
      const faulty = faultyFs({ at, kind: 'fail', code: 'ENOSPC' });
      const directory = await make();
      const state = openStateDirectory(directory, faulty.fs);
      await state.read();
      await state.save(NEW_STATE);
      const again = await state.save(NEW_STATE);
      expect({ at, call: faulty.calls[at], again }).toMatchObject({ again: [] });
      await expectNew(directory);
    }
  });
});

it('a disk that fails from some call on leaves each rollout old or new, whole', async () => {
  await everywhere('fail-on', save, expectWhole);
});

describe('a process that ends at some call of a save', () => {
  it('leaves each rollout old or new, whole, and nothing beside it', async () => {
    await everywhere('stop', save, async (directory) => {
      await expectWhole(directory);
      expect(await leftovers(directory)).toEqual([]);
    });
  });

  it('leaves what the next process can save over', async () => {
    await everywhere('stop', save, async (directory) => {
      const next = fresh(directory);
      await next.read();
      expect(await next.save(NEW_STATE)).toEqual([]);
      await expectNew(directory);
    });
  });
});

describe('reading of which one call fails', () => {
  it('finds the rest, never rejects and harms nothing', async () => {
    await everywhere('fail', read, async (directory, faulty, result, { at }) => {
      const found = (result as Awaited<ReturnType<typeof read>>).rollouts;
      const isListing = faulty.calls[at] === 'readdir' || faulty.calls[at] === 'lstat';
      if (!isListing) expect(found.size).toBeGreaterThanOrEqual(2);
      expect(await findState(fresh(directory))).toMatchObject({ rollouts: OLD });
    });
  });

  it('does not make a save remove what could not be read', async () => {
    const gone = () => failed(problem('bundle_missing', 'the bundle is not there any more'));
    const wanted = new Map(
      Object.keys(OLD).map((name) => {
        const bundles = new Map([[digestOfText('next'), { mark: '1', read: async () => gone() }]]);
        return [name, { ...rolloutState(name, 2), bundles }] as const;
      }),
    );
    const make = await oldState();
    const dry = faultyFs();
    await read(await make(), dry);
    for (const at of thirdOf(dry.calls.keys())) {
      const directory = await make();
      const state = openStateDirectory(directory, faultyFs({ at, kind: 'fail' }).fs);
      await state.read();
      expect(await state.save({ rollouts: wanted, clockMs: OLD_CLOCK })).toHaveLength(3);
      expect(await findState(fresh(directory))).toMatchObject({ rollouts: OLD, problems: [] });
    }
  });
});

/** The calls of the save alone, by their place among all. */
async function callsOfSecondSave(directory: string): Promise<number[]> {
  const dry = faultyFs();
  const state = openStateDirectory(directory, dry.fs);
  await state.read();
  const first = dry.calls.length;
  await state.save(NEW_STATE);
  return [...dry.calls.keys()].slice(first);
}
