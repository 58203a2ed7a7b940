/** The flags of the settings, as `serve` and `config print` take them. */
import { type Command, Option as Flag } from 'commander';
import { CONFIG_VARIABLE } from '../config/environment.js';
import { OPTIONS, type Option } from '../config/options.js';

export function addConfigFlags(command: Command): Command {
  command.option('--config <file>', `a cedargate.yaml (${CONFIG_VARIABLE}); none is read without`);
  for (const option of OPTIONS) {
    if (option.flag !== undefined) command.addOption(toFlag(option, option.flag));
  }
  return command;
}

/** No commander defaults: a default must stay distinguishable from a flag that was given. */
function toFlag(option: Option, name: string): Flag {
  const takes = option.flagValue === '' ? '' : ` <${option.flagValue}>`;
  const flag = new Flag(`${name}${takes}`, describe(option));
  return option.kind === 'list' ? flag.argParser(collect) : flag;
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The first sentence, in lower case as commander's own; the whole is in docs/configuration.md. */
function describe(option: Option): string {
  const sentence = /^.*?(?=[.;:] |\.$)/s.exec(option.description)?.[0] ?? option.description;
  const { defaultValue, kind } = option;
  const lower = /^[A-Z][a-z ]/.test(sentence)
    ? sentence[0]?.toLowerCase() + sentence.slice(1)
    : sentence;
  const more = [
    ...(kind === 'list' ? ['repeatable'] : []),
    ...(defaultValue === undefined || defaultValue === false ? [] : [`default ${defaultValue}`]),
  ];
  return more.length === 0 ? lower : `${lower} (${more.join(', ')})`;
}
