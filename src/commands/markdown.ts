/** Markdown for pull requests: what others wrote is shown, and never acts. */

/** Names and expressions of policy authors: they must not act as Markdown or HTML. */
export function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const space = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${space}${oneLine(text)}${space}${fence}`;
}

export function escapeText(text: string): string {
  return oneLine(text).replace(/[\\`*_{}[\]<>#|~!@&]/g, (character) => {
    return character === '@' || character === '<' || character === '&'
      ? `&#${character.codePointAt(0)};`
      : `\\${character}`;
  });
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** Pipes end a cell, inside code too. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function folded(title: string, body: string): string {
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;
}
