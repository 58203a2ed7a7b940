/** The house rules that a program can check. Each failure names every place that breaks the rule. */
import { describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';
import { REASONS } from '../../src/check/reasons.js';
import { ERRORS } from '../../src/errors.js';
import { readText, repositoryFiles } from '../support/repository.js';

const FILE_LINES_MAX = 350;
const FUNCTION_LINES_MAX = 70;

const files = repositoryFiles();
const sources = files
  .filter((file) => /^src\/.*\.ts$/.test(file))
  .map((file) => ({ file, text: readText(file) }));

/** Room -> rooms it may import, and rooms of which it may import types only. */
const ROOMS: Readonly<Record<string, { all: readonly string[]; types?: readonly string[] }>> = {
  cli: { all: ['commands'] },
  commands: {
    all: [
      ...['serve', 'config', 'analysis', 'bundle', 'check', 'cedar', 'reload'],
      ...['signing', 'rollout', 'repository', 'audit', 'init', 'apply'],
    ],
  },
  serve: {
    all: [
      'config',
      'server',
      'check',
      'cedar',
      'reload',
      'decision-log',
      'telemetry',
      'check-handler',
      'signals',
      'node-flags',
    ],
  },
  'check-handler': { all: ['check', 'decision-log', 'telemetry'], types: ['server'] },
  signals: { all: [] },
  'node-flags': { all: [] },
  config: { all: ['bundle'], types: ['check'] },
  server: { all: ['check', 'config'], types: ['reload'] },
  check: { all: ['cedar'], types: ['bundle', 'rollout'] },
  cedar: { all: [] },
  init: { all: ['bundle', 'check'] },
  apply: { all: ['bundle'] },
  signing: { all: [] },
  bundle: { all: ['cedar', 'signing'] },
  rollout: { all: ['bundle', 'signing'] },
  repository: { all: ['bundle', 'check', 'rollout', 'signing'] },
  audit: { all: ['bundle', 'signing', 'rollout', 'repository'] },
  reload: { all: ['bundle', 'cedar', 'check', 'rollout'] },
  analysis: { all: ['check', 'bundle', 'cedar', 'decision-log'], types: ['rollout'] },
  'decision-log': { all: [], types: ['check', 'telemetry'] },
  telemetry: { all: [], types: ['check', 'reload', 'rollout'] },
};
/** Files that every room may import: they import nothing but each other. */
const SHARED = new Set([
  ...[
    'errors',
    'change-errors',
    'result',
    'constants',
    'command-constants',
    'engine-constants',
    'bounded-cache',
    'bare-record',
    'version',
    'sometimes',
    'settled-within',
    'in-steps',
    'package-files',
    'shape',
  ],
]);

interface Import {
  readonly from: string;
  readonly isType: boolean;
}

function importsOf(text: string): Import[] {
  const statement = /^(?:import|export)\s+(type\s+)?(?:[^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]|\bnew URL\(\s*['"](\.[^'"]+\.js)['"]/g;
  return [
    ...[...text.matchAll(statement)].map(([, type, from = '']) => ({ from, isType: !!type })),
    ...[...text.matchAll(dynamic)].map(([, a, b]) => ({ from: a ?? b ?? '', isType: false })),
  ];
}

/** `src/check/path.ts` -> `check`; `src/serve.ts` -> `serve`. */
function roomOf(file: string): string {
  return file.replace(/^src\//, '').replace(/(\/.*|\.[jt]s)$/, '');
}

/** The room that an import of `file` leads to; undefined for packages. */
function target(file: string, from: string): string | undefined {
  if (!from.startsWith('.')) return undefined;
  return roomOf(new URL(from, `file:///${file}`).pathname.slice(1));
}

describe('rooms', () => {
  it('all stand in the table', () => {
    const rooms = new Set(sources.map(({ file }) => roomOf(file)).filter((r) => !SHARED.has(r)));
    expect([...rooms].filter((room) => !(room in ROOMS))).toEqual([]);
  });

  it('import one way', () => {
    const wrong = sources.flatMap(({ file, text }) => {
      const room = roomOf(file);
      const rules = SHARED.has(room) ? { all: [] } : (ROOMS[room] ?? { all: [] });
      return importsOf(text).flatMap(({ from, isType }) => {
        const to = target(file, from);
        const allowed =
          to === undefined ||
          to === room ||
          SHARED.has(to) ||
          rules.all.includes(to) ||
          (isType && (rules.types ?? []).includes(to));
        return allowed ? [] : [`${file}: ${isType ? 'type ' : ''}${from}`];
      });
    });
    expect(wrong).toEqual([]);
  });

  it('leave the engine to src/cedar', () => {
    const wrong = sources
      .filter(({ file }) => roomOf(file) !== 'cedar')
      .filter(({ text }) => text.includes('@cedar-policy/'))
      .map(({ file }) => file);
    expect(wrong).toEqual([]);
  });

  it('are seen through: the reader of imports finds every form', () => {
    const text = [
      "import a from './a.js';",
      "import type { B } from '../b/b.js';",
      'import {\n  type C,\n  c,\n} from "../c/c.js";',
      "export { d } from './d.js';",
      "export type { E } from './e.js';",
      "import './f.js';",
      "const g = await import('./g.js');",
      "new Worker(new URL('./h.js', import.meta.url));",
    ].join('\n');
    expect(importsOf(text)).toEqual([
      { from: './a.js', isType: false },
      { from: '../b/b.js', isType: true },
      { from: '../c/c.js', isType: false },
      { from: './d.js', isType: false },
      { from: './e.js', isType: true },
      { from: './f.js', isType: false },
      { from: './g.js', isType: false },
      { from: './h.js', isType: false },
    ]);
  });
});

describe('sources', () => {
  it('print and exit in the command line only', () => {
    const wrong = places(/\bconsole\.|\bprocess\.(exit\b|exitCode|abort)/, ({ file }) => {
      return !['cli', 'commands'].includes(roomOf(file));
    });
    expect(wrong).toEqual([]);
  });

  it('have no default exports', () => {
    expect(places(/^export default\b|\bas default\b/m)).toEqual([]);
  });

  it('begin with a comment that says what the file owns', () => {
    const wrong = sources.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text));
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it(`have at most ${FILE_LINES_MAX} lines`, () => {
    const wrong = sources.filter(({ text }) => text.split('\n').length - 1 > FILE_LINES_MAX);
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it(`have functions of at most ${FUNCTION_LINES_MAX} lines`, () => {
    expect(sources.flatMap(({ file, text }) => longFunctions(file, text))).toEqual([]);
    const long = `function f() {\n${'  g();\n'.repeat(FUNCTION_LINES_MAX)}}`;
    expect(longFunctions('long.ts', long)).toEqual(['long.ts:1']);
    expect(longFunctions('nest.ts', `function f() {\n${long}\n}`)).toEqual(['nest.ts:2']);
  });

  it.each([
    [
      'error code',
      Object.keys(ERRORS),
      ['src/errors.ts', 'src/change-errors.ts', 'src/commands/exit-codes.ts'],
    ],
    ['reason', Object.keys(REASONS), ['src/check/reasons.ts']],
  ])('use every %s', (_kind, codes, registries) => {
    const rest = sources.filter(({ file }) => !registries.includes(file));
    const all = rest.map(({ text }) => text).join('\n');
    expect(codes.filter((code) => !all.includes(`'${code}'`))).toEqual([]);
  });
});

describe('every file', () => {
  const texts = files
    .filter((file) =>
      /\.(ts|js|mjs|json|ya?ml|md|proto|cedar|cedarschema|sh|toml|txt|tmpl)$|(^|\/)[^.]+$/.test(
        file,
      ),
    )
    .map((file) => ({ file, text: readText(file) }));

  it('is free of paths of a machine and of hosts of package registries', () => {
    const machine = /(^|[^A-Za-z0-9_.])\/(work|farm|root)\//m;
    const registry = /\bregistry\.(npmjs|yarnpkg)\b|\bfiles\.pythonhosted\b|\bpypi\.(org|python)\b/;
    const proxy = /\bproxy\.golang\b/;
    const wrong = texts.filter(({ text }) => [machine, registry, proxy].some((p) => p.test(text)));
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('is finished', () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b/;
    const self = 'test/unit/tidy.test.ts';
    const wrong = texts.filter(({ file, text }) => file !== self && marks.test(text));
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('of tests runs: none is switched off for good or runs alone', () => {
    const off = /\b(it|test|describe)\.(only|todo|skip)\(/;
    const tests = texts.filter(({ file }) => /^(test|bench)\/.*\.ts$/.test(file));
    expect(tests.filter(({ text }) => off.test(text)).map(({ file }) => file)).toEqual([]);
  });

  it('of npm locks names no download address', () => {
    const locks = files.filter((file) => file.endsWith('package-lock.json'));
    expect(locks).not.toEqual([]);
    expect(locks.filter((file) => readText(file).includes('"resolved"'))).toEqual([]);
  });
});

/** `file:line` of every line of the sources that matches. */
function places(
  pattern: RegExp,
  which: (source: { file: string }) => boolean = () => true,
): string[] {
  return sources.filter(which).flatMap(({ file, text }) =>
    text.split('\n').flatMap((line, i) => {
      const isComment = /^\s*(\/?\*|\/\/)/.test(line);
      return !isComment && pattern.test(line) ? [`${file}:${i + 1}`] : [];
    }),
  );
}

/** Functions with too many lines of their own: those of functions inside them do not count. */
function longFunctions(file: string, text: string): string[] {
  const starts = [...text.matchAll(/^/gm)].map(({ index }) => index);
  const lineOf = (position: number) => starts.findLastIndex((start) => start <= position) + 1;
  const found: string[] = [];
  /** Lines of the outermost functions at or below `node`. */
  const visit = (node: unknown): number => {
    if (typeof node !== 'object' || node === null) return 0;
    const inner = Object.values(node).reduce((lines: number, child) => lines + visit(child), 0);
    if (!isFunction(node)) return inner;
    const first = lineOf(node.start);
    const lines = lineOf(node.end) - first + 1;
    if (lines - inner > FUNCTION_LINES_MAX) found.push(`${file}:${first}`);
    return lines;
  };
  visit(parseAst(text, { lang: 'ts' }));
  return found;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

function isFunction(node: object): node is { start: number; end: number } {
  return 'type' in node && FUNCTIONS.has(String(node.type));
}
