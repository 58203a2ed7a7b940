import { describe, expect, it } from 'vitest';
import { EXIT, EXIT_MEANINGS, exitCodeOf } from '../../../src/commands/exit-codes.js';
import {
  colourOf,
  crash,
  fail,
  print,
  printJson,
  style,
  table,
} from '../../../src/commands/output.js';
import { ERRORS, type ErrorCode, problem } from '../../../src/errors.js';
import { memoryIo } from '../../support/io.js';

describe('colour', () => {
  it.each<[Record<string, string>, boolean | undefined, boolean]>([
    [{}, true, true],
    [{}, false, false],
    [{}, undefined, false],
    [{ TERM: 'dumb' }, true, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '3', NO_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: 'false' }, true, false],
    [{ FORCE_COLOR: '' }, true, true],
  ])('with %j on a terminal (%s): %s', (env, isTty, colour) => {
    expect(colourOf(env, isTty)).toBe(colour);
  });

  it('is left out where it is off', () => {
    const write = () => undefined;
    expect(style({ write, colour: false }, 'red', 'x')).toBe('x');
    expect(style({ write, colour: true }, 'red', 'x')).toBe('\u001b[31mx\u001b[39m');
  });
});

describe('output', () => {
  it('is data on stdout', () => {
    const io = memoryIo();
    print(io, 'one');
    printJson(io, { two: [2] });
    expect(io.written).toEqual({ stdout: 'one\n{\n  "two": [\n    2\n  ]\n}\n', stderr: '' });
  });

  it('lines up tables without trailing spaces', () => {
    expect(
      table([
        ['a', 'bbb', 'c'],
        ['aaa', 'b'],
        ['', '', 'c'],
      ]),
    ).toBe('a    bbb  c\naaa  b\n          c');
  });

  it('says every problem on stderr; the first decides the exit code', () => {
    const io = memoryIo();
    fail(io, [
      problem('config_invalid', 'unknown key `x`', { file: 'c.yaml', line: 2, column: 1 }),
      problem('input_invalid', 'no'),
    ]);
    expect(io.written.stdout).toBe('');
    expect(io.written.stderr).toContain('error: c.yaml:2:1: unknown key `x` [config_invalid]\n');
    expect(io.written.stderr).toContain('error: no [input_invalid]');
    expect(io.exitCode).toBe(EXIT.invalid);
  });

  it('says a fault of the program with its stack', () => {
    const io = memoryIo();
    crash(io, new Error('bug'));
    expect(io.written.stderr).toMatch(/cedargate failed: Error: bug\n {4}at /);
    expect(io.exitCode).toBe(EXIT.couldNot);
  });
});

describe('exit codes', () => {
  it('are one for every error', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      expect([code, exitCodeOf([problem(code, '')])]).toEqual([code, expect.any(Number)]);
      expect(Object.keys(EXIT_MEANINGS)).toContain(String(exitCodeOf([problem(code, '')])));
    }
  });
});
