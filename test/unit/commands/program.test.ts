/** The command line in memory; test/process/cli.test.ts spawns it. */
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../src/commands/all-commands.js';
import { run } from '../../../src/commands/program.js';
import { OPTIONS } from '../../../src/config/options.js';
import { memoryIo } from '../../support/io.js';

async function cedargate(args: readonly string[], env: Record<string, string> = {}) {
  const io = memoryIo({ env });
  await run(args, io);
  return { ...io.written, exitCode: io.exitCode };
}

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

describe('help', () => {
  it('shows examples first, and the table of exit codes', async () => {
    const { stdout, exitCode } = await cedargate(['--help']);
    expect(stdout).toMatch(/^Examples:\n/);
    expect(stdout).toMatch(/Exit codes:\n {2}0 {2}done/);
    expect(exitCode).toBe(0);
  });

  it('of every command that does something begins with examples', () => {
    for (const command of commandsOf(buildProgram(memoryIo()))) {
      if (command.commands.length > 0) continue;
      const io = memoryIo();
      const same = commandsOf(buildProgram(io)).find((c) => pathOf(c) === pathOf(command));
      same?.outputHelp();
      expect(io.written.stdout, pathOf(command)).toMatch(/^Examples:\n/);
    }
  });

  it('of serve and config print lists the flag of every setting that has one', async () => {
    for (const args of [['serve'], ['config', 'print']]) {
      const { stdout } = await cedargate([...args, '--help']);
      for (const { flag } of OPTIONS) {
        if (flag !== undefined) expect(stdout).toContain(`\n  ${flag} `);
      }
    }
  });
});

describe('usage errors end with 2 and say nothing on stdout', () => {
  it.each([
    [[], 'Usage:'],
    [['serv'], 'Did you mean serve?'],
    [['config'], 'Usage:'],
    [['config', 'pritn'], 'Did you mean print?'],
    [['serve', '--moed', 'shadow'], 'Did you mean --mode?'],
    [['serve', '--mode'], 'argument missing'],
    [['serve', 'extra'], 'too many arguments'],
    [['serve', '--mode', 'enforced'], '`--mode` must be `shadow` or `enforce`'],
    [['serve', '--bundle', 'x'], '`service` is missing'],
    [['serve', '--service', 'a/b'], '`bundle` or `bundles` is missing'],
  ])('%j', async (args, message) => {
    const { stdout, stderr, exitCode } = await cedargate(args);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(stderr).toContain(message);
  });
});

describe('config print', () => {
  const WHOLE = ['config', 'print', '--service', 'shop/payments', '--bundle', 'policies'];

  it('shows every setting with its source', async () => {
    const { stdout, stderr, exitCode } = await cedargate(WHOLE, { CEDARGATE_DRAIN_MS: '5' });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(OPTIONS.length + 2);
    expect(stdout).toMatch(/^service +shop\/payments +flag$/m);
    expect(stdout).toMatch(/^drainMs +5 +environment$/m);
    expect(stdout).toMatch(/^log\.headers +- +default$/m);
  });

  it('speaks JSON', async () => {
    const { stdout } = await cedargate([...WHOLE, '--json', '--listen', '[::1]:1']);
    const printed: Record<string, unknown> = JSON.parse(stdout);
    expect(Object.keys(printed)).toEqual(['config', ...OPTIONS.map(({ key }) => key)]);
    expect(printed).toMatchObject({
      listen: { value: ['[::1]:1'], source: 'flag' },
      cluster: { value: null, source: 'default' },
      config: { value: null, source: 'default' },
    });
  });

  it('shows what there is even when serve would not take it, and says so', async () => {
    const { stdout, stderr, exitCode } = await cedargate(['config', 'print']);
    expect(stdout).toMatch(/^mode +shadow +default$/m);
    expect(stderr).toContain('`bundle` or `bundles` is missing');
    expect(exitCode).toBe(2);
  });

  it('ends with 3 for what the environment has wrong', async () => {
    const { stdout, stderr, exitCode } = await cedargate(WHOLE, { CEDARGATE_MODUS: 'x' });
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
    expect(stderr).toContain('unknown variable `CEDARGATE_MODUS`');
  });
});

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
