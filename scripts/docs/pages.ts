/**
 * The pages of docs/ that are made from the source, or hold a part that is. The text around the
 * marked part is written by hand and kept.
 */
import { REASONS } from '../../src/check/reasons.js';
import { configJsonSchema } from '../../src/config/json-schema.js';
import { OPTIONS, type Option } from '../../src/config/options.js';
import { ERRORS } from '../../src/errors.js';
import { METRICS, type MetricEntry } from '../../src/telemetry/metric-table.js';
import { commandHelp } from './command-help.js';
import { table } from './markdown.js';

export interface Page {
  /** Relative to the repository. */
  readonly file: string;
  /** The whole page, made from what it holds now; undefined = it does not exist yet. */
  readonly render: (current: string | undefined) => string;
}

const BEGIN = '<!-- begin generated part: made by `npm run docs`, do not edit by hand -->';
const END = '<!-- end generated part -->';

export const PAGES: readonly Page[] = [
  {
    file: 'docs/cedargate.schema.json',
    render: () => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
  },
  page('docs/configuration.md', 'Configuration', configurationTable),
  page('docs/errors.md', 'Errors', errorTable),
  page('docs/reasons.md', 'Reasons', reasonTable),
  page('docs/metrics.md', 'Metrics', metricTable),
  page('docs/cli.md', 'Command line', commandHelp),
];

function page(file: string, title: string, generated: () => string): Page {
  return {
    file,
    render: (current = `# ${title}\n\n${BEGIN}\n${END}\n`) => {
      const [before, rest, ...more] = current.split(BEGIN);
      const [, after, ...evenMore] = (rest ?? '').split(END);
      if (after === undefined || more.length > 0 || evenMore.length > 0) {
        throw new Error(`${file} must have one pair of markers:\n${BEGIN}\n${END}`);
      }
      return `${before}${BEGIN}\n\n${generated().trim()}\n\n${END}${after}`;
    },
  };
}

function configurationTable(): string {
  return table(
    ['key', 'flag', 'variable', 'default', 'meaning'],
    OPTIONS.map((option) => [
      `\`${option.key}\``,
      option.flag === undefined ? '' : `\`${option.flag}\``,
      `\`${option.variable}\``,
      defaultOf(option),
      `${option.description} Form: ${option.form}.`,
    ]),
  );
}

function defaultOf({ defaultValue, defaultText }: Option): string {
  if (defaultText !== undefined) return defaultText;
  if (defaultValue === undefined) return '';
  if (Array.isArray(defaultValue) && defaultValue.length === 0) return 'empty';
  return `\`${String(defaultValue)}\``;
}

function errorTable(): string {
  return table(
    ['code', 'meaning', 'what to do'],
    Object.entries(ERRORS).map(([code, entry]) => [`\`${code}\``, entry.summary, entry.help]),
  );
}

function reasonTable(): string {
  return table(
    ['reason', 'decision', 'in enforce', 'HTTP status', 'meaning', 'what to do'],
    Object.entries(REASONS).map(([reason, entry]) => [
      `\`${reason}\``,
      entry.decision,
      entry.enforced,
      'status' in entry ? String(entry.status) : '',
      entry.summary,
      entry.help,
    ]),
  );
}

function metricTable(): string {
  const metrics: readonly MetricEntry[] = Object.values(METRICS);
  return table(
    ['metric', 'type', 'meaning', 'labels'],
    metrics.map(({ name, type, help, labels }) => [
      `\`${name}\``,
      type,
      help,
      Object.entries(labels)
        .map(([label, values]) => `\`${label}\`: ${values}`)
        .join('; '),
    ]),
  );
}
