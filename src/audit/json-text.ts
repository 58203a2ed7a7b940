/** JSON for people who open a file of an audit folder; the same facts give the same bytes. */

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
