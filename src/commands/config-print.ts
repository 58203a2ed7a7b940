/** `cedargate config print`: every setting, its value and where the value comes from. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { toConfig } from '../config/config.js';
import { type Flags, readSettings, type Settings, type Source } from '../config/load.js';
import { OPTIONS } from '../config/options.js';
import { addConfigFlags } from './config-flags.js';
import { fail, type Io, print, printJson, style, table } from './output.js';

const EXAMPLES = `Examples:
  What would \`serve\` run with, and where does each value come from?
    cedargate config print --config cedargate.yaml --mode enforce
  Check a file in CI (exit code 0 only when \`serve\` would take it):
    cedargate config print --config cedargate.yaml > /dev/null
`;

interface Row {
  readonly key: string;
  readonly value: unknown;
  readonly source: Source;
}

export function registerConfigPrint(parent: Command, io: Io): void {
  const command = parent
    .command('print')
    .description('print every setting with its value and source')
    .addHelpText('before', EXAMPLES);
  addConfigFlags(command)
    .option('--json', 'print JSON: {key: {value, source}}')
    .action((flags: Flags) => {
      const settings = readSettings(flags, io.env);
      if (!settings.ok) return fail(io, settings.problems);
      const rows = rowsOf(settings.value);
      if (flags.json === true) printJson(io, toJson(rows));
      else print(io, toTable(io, rows));
      // Shown first, judged then: whoever looks for a missing setting wants to see the others.
      const config = toConfig(settings.value.values, { hostName: hostname() });
      if (!config.ok) fail(io, config.problems);
    });
}

function rowsOf(settings: Settings): Row[] {
  const { file } = settings;
  const rows: Row[] = [{ key: 'config', value: file?.path, source: file?.source ?? 'default' }];
  for (const { key } of OPTIONS) {
    const value = settings.values.get(key) ?? (key === 'workload' ? hostname() : undefined);
    rows.push({ key, value, source: settings.sources.get(key) ?? 'default' });
  }
  return rows;
}

function toJson(rows: readonly Row[]): Record<string, unknown> {
  return Object.fromEntries(
    rows.map(({ key, value, source }) => [key, { value: value ?? null, source }]),
  );
}

function toTable(io: Io, rows: readonly Row[]): string {
  const [head = '', ...lines] = table([
    ['KEY', 'VALUE', 'SOURCE'],
    ...rows.map(({ key, value, source }) => [key, textOf(value), source]),
  ]).split('\n');
  return [style(io.stdout, 'bold', head), ...lines].join('\n');
}

/** `-` = not set or empty. */
function textOf(value: unknown): string {
  if (value === undefined) return '-';
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return text === '' ? '-' : text;
}
