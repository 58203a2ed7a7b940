/** The documentation is in step with the program, and hangs together. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { PAGES } from '../../scripts/docs/pages.js';
import { buildProgram } from '../../src/commands/all-commands.js';
import { memoryIo } from '../support/io.js';
import { ROOT, readText, repositoryFiles } from '../support/repository.js';

const pages = repositoryFiles()
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readText(file) }));

/** The text without fenced code. */
const prose = (text: string) => text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '');

describe('generated documentation', () => {
  it.each(PAGES.map((page) => [page.file, page] as const))('%s is in step', (file, page) => {
    const current = existsSync(join(ROOT, file)) ? readText(file) : undefined;
    const isInStep = page.render(current) === current;
    expect(isInStep, `${file} is out of step with the source: run \`npm run docs\``).toBe(true);
  });

  it('keeps what was written by hand', () => {
    const page = PAGES.find(({ file }) => file === 'docs/errors.md');
    const changed = `${readText('docs/errors.md')}\nBy hand.\n`;
    expect(page?.render(changed)).toBe(changed);
  });

  it('refuses a page that lost its markers', () => {
    const page = PAGES.find(({ file }) => file === 'docs/errors.md');
    expect(() => page?.render('# Errors\n')).toThrow('markers');
  });
});

describe('pages', () => {
  it.each(pages.map(({ file, text }) => [file, text] as const))(
    '%s has one title',
    (_file, text) => {
      expect(prose(text).match(/^# .+$/gm)).toHaveLength(1);
    },
  );

  it.each(pages.map(({ file, text }) => [file, text] as const))(
    '%s has no dead links',
    (file, text) => {
      const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
      const dead = links.filter((link) => !/^[a-z]+:/.test(link) && !resolves(file, link));
      expect(dead).toEqual([]);
    },
  );

  it('name only flags that exist', () => {
    const known = new Set(flagsOf(buildProgram(memoryIo())));
    const unknown = pages.flatMap(({ file, text }) =>
      flagsIn(text)
        .filter((flag) => !known.has(flag))
        .map((flag) => `${file}: ${flag}`),
    );
    expect(unknown).toEqual([]);
  });

  it('are read for flags in code spans and in lines that run cedargate', () => {
    const text = [
      'Give `--one` and `cedargate serve --two x --three-b=y`, not `envoy --four`.',
      '```',
      'cedargate serve \\',
      '  --five x | kubectl --seven',
      'curl --six',
      '```',
    ].join('\n');
    expect(flagsIn(text)).toEqual(['--one', '--two', '--three-b', '--five']);
  });
});

function resolves(file: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const wanted = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path)));
  if (!existsSync(join(ROOT, wanted))) return false;
  if (anchor === undefined || !wanted.endsWith('.md')) return true;
  return [...prose(readText(wanted)).matchAll(/^#+ (.+)$/gm)].some(
    ([, h = '']) => slug(h) === anchor,
  );
}

/** The anchor that a heading gets, as GitHub makes it. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

function flagsOf(command: Command): string[] {
  const own = command.options.map((option) => option.long ?? '');
  return ['--help', ...own, ...command.commands.flatMap(flagsOf)];
}

/** Flags of cedargate; flags of other programs stand beside the name of the program. */
function flagsIn(text: string): string[] {
  const joined = text.replace(/\\\n\s*/g, ' ');
  const spans = [...joined.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  const lines = joined.split('\n').filter((line) => !line.includes('`'));
  const alone = spans.filter((span) => span.startsWith('--'));
  const runs = [...spans, ...lines].flatMap((span) => {
    const [, after] = /(?:^|[\s/])cedargate( .*)$/.exec(span) ?? [];
    // What it is piped into has flags of its own.
    return after === undefined ? [] : [after.split(' | ')[0] ?? ''];
  });
  return [...alone, ...runs].flatMap((run) => run.match(/(?<![\w-])--[a-z][a-z0-9-]*/g) ?? []);
}
