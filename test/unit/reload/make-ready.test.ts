/** What is done before a swap for those who asked before it; that it is enough, prepare.test.ts holds. */
import { describe, expect, it } from 'vitest';
import type { CedarRequest, Evaluator } from '../../../src/cedar/types.js';
import { READY_MS_MAX, STEP_MS } from '../../../src/constants.js';
import { readyInSteps } from '../../../src/reload/make-ready.js';
import { request } from '../cedar/support.js';

const MANY = Array.from({ length: 100_000 }, (_, n) => request({ account: `w${n}` }));

/** Makes one ready after the other, each of which takes this long. */
async function ready(askers: readonly CedarRequest[] | undefined, pieceMs: number) {
  let ms = 0;
  const made: CedarRequest[] = [];
  let turns = 0;
  const turn = async () => {
    turns += 1;
  };
  function* prepare(requests: Iterable<CedarRequest>) {
    for (const each of requests) {
      made.push(each);
      ms += pieceMs;
      yield;
    }
  }
  const before = askers && ({ askers: () => askers } as unknown as Evaluator);
  const next = { prepare } as unknown as Evaluator;
  await readyInSteps({ nowMs: () => ms, turn })(next, before);
  return { made, turns };
}

describe('a program is made ready', () => {
  it('for all who asked the one before, in steps', async () => {
    const { made, turns } = await ready(MANY.slice(0, 10), STEP_MS);
    expect(made).toEqual(MANY.slice(0, 10));
    expect(turns).toBe(11);
  });

  it('for no longer than a load may wait for it', async () => {
    expect((await ready(MANY, STEP_MS)).made).toHaveLength(READY_MS_MAX / STEP_MS);
  });

  it('for nobody when there was none before', async () => {
    expect(await ready(undefined, STEP_MS)).toEqual({ made: [], turns: 0 });
  });
});
