/** docs/rollouts.md, command by command, as somebody would who follows it; only the clock is made. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/commands/program.js';
import { parseDuration } from '../../src/rollout/utc-time.js';
import { temporaryDirectory } from '../support/bundle-files.js';
import { git } from '../support/git.js';
import { memoryIo } from '../support/io.js';
import { readText } from '../support/repository.js';

interface Step {
  readonly waitMs: number;
  readonly commands: readonly string[];
}

/** The shell blocks in their order, and how long the text lets pass before each. */
function steps(text: string): Step[] {
  const found: Step[] = [];
  let waitMs = 0;
  for (const [, wait, block] of text.matchAll(/<!-- [^:]*: (\w+) -->|```sh\n([\s\S]*?)```/g)) {
    if (wait !== undefined) waitMs += parseDuration(wait) ?? Number.NaN;
    if (block === undefined) continue;
    found.push({ waitMs, commands: block.trim().split('\n') });
    waitMs = 0;
  }
  return found;
}

const STEPS = steps(readText('docs/rollouts.md'));
let directory = '';
const before = process.cwd();
beforeAll(async () => {
  directory = await temporaryDirectory();
  process.chdir(directory);
});
afterAll(() => {
  process.chdir(before);
  rmSync(directory, { recursive: true });
});
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

async function type(command: string): Promise<string> {
  const [program = '', ...args] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  );
  if (program === 'mkdir') {
    mkdirSync(args.at(-1) ?? '', { recursive: true });
    return '';
  }
  if (program === 'git') {
    return git(directory, args, Math.floor(Date.now() / 1_000));
  }
  expect(program).toBe('cedargate');
  const io = memoryIo();
  await run(args, io);
  expect({ command, exitCode: io.exitCode, stderr: io.written.stderr }).toMatchObject({
    exitCode: 0,
  });
  return io.written.stdout;
}

describe('the walk-through', () => {
  it('takes a change from an edit to production and back', async () => {
    expect(STEPS.length).toBeGreaterThan(7);
    let last = '';
    for (const { waitMs, commands } of STEPS) {
      vi.setSystemTime(Date.now() + waitMs);
      for (const command of commands) last = await type(command);
    }
    // The last of them answers the four questions.
    for (const word of ['cleo', 'dan', 'eve', 'INC-1', 'CHG-6', 'payments@']) {
      expect(last).toContain(word);
    }
    const digests = ['dev', 'test', 'production'].map((environment) => {
      const file = join(directory, 'history', environment, 'payments', '0001.json');
      const { payload } = JSON.parse(readFileSync(file, 'utf8')) as { payload: string };
      return JSON.parse(Buffer.from(payload, 'base64').toString('utf8')).resolved.active.digest;
    });
    expect(new Set(digests).size).toBe(1);
  }, 120_000);
});
