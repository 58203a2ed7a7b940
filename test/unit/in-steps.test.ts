import { describe, expect, it } from 'vitest';
import { STEP_MS } from '../../src/constants.js';
import { inSteps } from '../../src/in-steps.js';

describe('work in steps', () => {
  it('lets others have their turn first, and whenever a step has lasted', async () => {
    const seen: string[] = [];
    let ms = 0;
    function* pieces() {
      for (let piece = 0; piece < 5; piece += 1) {
        ms += piece === 3 ? 10 * STEP_MS : STEP_MS / 2;
        seen.push(`piece ${piece}`);
        yield;
      }
    }
    await inSteps(pieces(), { nowMs: () => ms, turn: async () => seen.push('others') });
    expect(seen).toEqual([
      ...['others', 'piece 0', 'piece 1'],
      ...['others', 'piece 2', 'piece 3'],
      ...['others', 'piece 4'],
    ]);
  });

  it('takes a tenth of what others take, where that is more', async () => {
    const steps: number[] = [];
    let ms = 0;
    function* pieces() {
      for (let piece = 0; piece < 40; piece += 1) {
        ms += STEP_MS;
        steps[steps.length - 1] = (steps.at(-1) ?? 0) + 1;
        yield;
      }
    }
    const took = [3, 5, 100, 200, 0];
    const turn = async () => {
      ms += (took[steps.length] ?? 0) * STEP_MS;
      steps.push(0);
    };
    await inSteps(pieces(), { nowMs: () => ms, turn });
    expect(steps.slice(0, 6)).toEqual([1, 1, 10, 20, 1, 1]);
  });
});
