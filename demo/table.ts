/** Plain-text tables and marks for the demo's terminal. Colour only where it was asked for. */

/** One call as the demo shows it. */
export interface CallRow {
  readonly caller: string;
  readonly method: string;
  readonly path: string;
  readonly decision: string;
  readonly mode: string;
  readonly outcome: string;
  /** HTTP status that the caller got. */
  readonly status: number;
  /** `x-cedargate-policy-version` of the answer. */
  readonly version: string;
}

const COLUMNS: readonly { readonly title: string; readonly cell: (row: CallRow) => string }[] = [
  { title: 'caller', cell: (row) => row.caller },
  { title: 'method', cell: (row) => row.method },
  { title: 'path', cell: (row) => row.path },
  { title: 'decision', cell: (row) => row.decision },
  { title: 'mode', cell: (row) => row.mode },
  { title: 'outcome', cell: (row) => row.outcome },
  { title: 'status', cell: (row) => String(row.status) },
  { title: 'policy version', cell: (row) => row.version },
];

/** Lines of a table of calls: a heading, then one line a call. */
export function renderTable(rows: readonly CallRow[]): string[] {
  return renderColumns(
    COLUMNS.map((column) => column.title),
    rows.map((row) => COLUMNS.map((column) => column.cell(row))),
  );
}

/** A heading and lines, columns as wide as their widest cell. */
export function renderColumns(
  titles: readonly string[],
  cells: readonly (readonly string[])[],
): string[] {
  const widths = titles.map((title, index) =>
    Math.max(title.length, ...cells.map((line) => (line[index] ?? '').length)),
  );
  const render = (line: readonly string[]) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [render(titles), ...cells.map(render)];
}

export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly strong: (text: string) => string;
}

/** Colour on a terminal, unless NO_COLOR is set to anything but the empty string (no-color.org). */
export function paintFor(isTerminal: boolean, noColor: string | undefined): Paint {
  const colour = isTerminal && (noColor === undefined || noColor === '');
  const wrap = (code: string) => (text: string) =>
    colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { good: wrap('32'), bad: wrap('31'), faint: wrap('2'), strong: wrap('1') };
}
