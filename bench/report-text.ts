/** Tables and figures as text, for every section of the page. Pure. */
import type { Spread } from './statistics.js';

export type Row = readonly string[];

/** Rows of cells; the first is the head. */
export function table([head = [], ...rows]: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function spread(
  { median, min, max }: Spread,
  show: (value: number) => string,
  unit: string,
) {
  return `${show(median)}${unit} (${show(min)} to ${show(max)})`;
}

export const whole = (value: number) => value.toFixed(0);
export const micros = (value: Spread) => spread(value, whole, ' us');
export const millis = (value: Spread) => spread(value, (ms) => ms.toFixed(2), ' ms');
export const count = (value: number) => value.toLocaleString('en-US');
export const megabytes = (value: number) => `${(value / 1e6).toFixed(1)} MB`;
export const bytes = ({ responseBytes }: { readonly responseBytes: number }) =>
  `${responseBytes} bytes`;
