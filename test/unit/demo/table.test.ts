import { describe, expect, it } from 'vitest';
import { type CallRow, paintFor, renderTable } from '../../../demo/table.js';

const row: CallRow = {
  caller: 'batch',
  method: 'POST',
  path: '/payments/card-42/refunds',
  decision: 'deny',
  mode: 'shadow',
  outcome: 'allow',
  status: 200,
  version: '2026.11.1+0123456789ab.unsigned',
};

describe('the table of calls', () => {
  it('has every column that the issue asks for, in its order', () => {
    const [heading] = renderTable([row]);
    expect(heading?.split(/ {2,}/)).toEqual([
      'caller',
      'method',
      'path',
      'decision',
      'mode',
      'outcome',
      'status',
      'policy version',
    ]);
  });

  it('keeps cells under their headings whatever their width', () => {
    const lines = renderTable([row, { ...row, caller: 'a-very-long-caller', path: '/' }]);
    const column = lines[0]?.indexOf('decision') ?? -1;
    expect(lines.slice(1).map((line) => line.slice(column, column + 4))).toEqual(['deny', 'deny']);
  });

  it('shows each value of the call once', () => {
    const [, line] = renderTable([row]);
    expect(line?.split(/ {2,}/)).toEqual(Object.values(row).map(String));
  });
});

describe('colour', () => {
  it.each([
    ['a terminal', true, undefined, true],
    ['a terminal with an empty NO_COLOR', true, '', true],
    ['a terminal with NO_COLOR', true, '1', false],
    ['a pipe', false, undefined, false],
  ])('on %s', (_, isTerminal, noColor, coloured) => {
    expect(paintFor(isTerminal, noColor).good('x') !== 'x').toBe(coloured);
  });
});
