/** The help of every command, as the program prints it. */
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { buildProgram } from '../../src/commands/all-commands.js';
import type { Io } from '../../src/commands/output.js';

const COLUMNS = 100;

export function commandHelp(): string {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  const sink = { write, colour: false };
  const io: Io = {
    stdin: Readable.from([]),
    stdout: sink,
    stderr: sink,
    env: {},
    columns: COLUMNS,
    exitCode: 0,
  };
  const sections: string[] = [];
  const visit = (command: Command, name: string) => {
    text = '';
    command.outputHelp();
    sections.push(`## \`${name}\`\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\``);
    for (const inner of command.commands) visit(inner, `${name} ${inner.name()}`);
  };
  visit(buildProgram(io), 'cedargate');
  return sections.join('\n\n');
}
