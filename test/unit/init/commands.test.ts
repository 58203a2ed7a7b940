/** What the made README and scripts tell people to run can be run: commands, arguments, flags. */
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../src/commands/all-commands.js';
import { CI_SYSTEMS } from '../../../src/init/values.js';
import { makeFiles } from '../../support/init-repository.js';
import { memoryIo } from '../../support/io.js';

/** The words of every line that runs cedargate, without the word itself. */
function commandLines(text: string): string[][] {
  return text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line) => /^ *cedargate (.+)$/.exec(line)?.[1] ?? [])
    .map((line) => line.replace(/ (\|\||#).*$/, ''))
    .map((line) => line.match(/(?:"(?:\$\([^)]*\)|[^"])*"|\S)+/g) ?? []);
}

/** What is wrong with a command line; undefined = nothing that can be seen without running it. */
function fault(words: readonly string[]): string | undefined {
  let command: Command = buildProgram(memoryIo());
  const path: string[] = [];
  const rest = [...words];
  while (command.commands.length > 0) {
    const word = rest.shift() ?? '';
    path.push(word);
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) return `no ${path.join(' ')}`;
    command = next;
  }
  const positional: string[] = [];
  while (rest.length > 0) {
    const word = rest.shift() ?? '';
    if (!word.startsWith('--')) positional.push(word);
    else {
      const option = command.options.find((each) => each.long === word);
      if (option === undefined) return `no ${path.join(' ')} ${word}`;
      if (option.required) rest.shift();
    }
  }
  const wanted = command.registeredArguments.filter((argument) => argument.required).length;
  const most = command.registeredArguments.length;
  const isRight = positional.length >= wanted && positional.length <= most;
  return isRight ? undefined : `${path.join(' ')} takes ${wanted} to ${most} arguments`;
}

describe.each(CI_SYSTEMS)('a repository with CI %s', (ci) => {
  const files = makeFiles({ ci });
  const texts = files.filter(({ path }) => /\.(md|sh|ya?ml)$/.test(path));

  it('tells people to run what there is', () => {
    const faults = texts.flatMap(({ path, text }) =>
      commandLines(text).flatMap((words) => {
        const found = fault(words);
        return found === undefined ? [] : [`${path}: ${words.join(' ')}: ${found}`];
      }),
    );
    expect(faults).toEqual([]);
  });

  it('has a README that goes through the whole loop', () => {
    const readme = files.find(({ path }) => path === 'README.md');
    const lines = commandLines(readme?.text ?? '').map((words) => words.join(' '));
    const order = ['keygen', 'bundle test', 'explain', 'serve', 'bundle diff'];
    const release = ['bundle build', 'bundle sign', 'verify', 'serve'];
    const all = [...order, ...release];
    expect(lines).toHaveLength(all.length);
    for (const [i, command] of all.entries()) expect(lines[i]).toMatch(new RegExp(`^${command} `));
  });

  it('installs the cedargate that made it, in every job', () => {
    const ciFile = files.find(({ path }) => /policies\.yml$|gitlab-ci\.yml$/.test(path));
    const installs = ciFile?.text.match(/npm install .*/g) ?? [];
    expect(new Set(installs)).toEqual(
      new Set(ci === 'none' ? [] : ['npm install --global cedargate@1.2.3']),
    );
  });
});

describe('command lines', () => {
  it('are found, with their words', () => {
    const text = [
      'cedargate serve --a b \\',
      '  --c d # why',
      '  cedargate bundle test "$(dirname -- "$x")" || status=1',
      'npm install --global cedargate@1',
    ].join('\n');
    expect(commandLines(text)).toEqual([
      ['serve', '--a', 'b', '--c', 'd'],
      ['bundle', 'test', '"$(dirname -- "$x")"'],
    ]);
  });

  it.each([
    ['server', 'no server'],
    ['bundle tset x', 'no bundle tset'],
    ['bundle test', 'bundle test takes 1 to 1 arguments'],
    ['bundle test x y', 'bundle test takes 1 to 1 arguments'],
    ['bundle test x --josn', 'no bundle test --josn'],
    ['bundle test x --environment production', undefined],
    ['bundle test x --json', undefined],
  ])('%s: %s', (line, expected) => {
    expect(fault(line.split(' '))).toBe(expected);
  });
});
