/**
 * Where every setting comes from: default < cedargate.yaml < `CEDARGATE_*` < flag. There is no
 * default file: a configuration that takes effect because of the directory would surprise.
 */
import { PROBLEMS_MAX } from '../constants.js';
import type { Problem } from '../errors.js';
import { ok, okUnless, type Result } from '../result.js';
import { type Config, type Defaults, toConfig } from './config.js';
import { CONFIG_VARIABLE, environmentLayer, type Layer, type Variables } from './environment.js';
import { fileLayer } from './file.js';
import { OPTIONS } from './options.js';
import { checkValue, decodeText, formProblem } from './value.js';

export type Source = 'default' | 'file' | 'environment' | 'flag';

/** Flags as commander gives them: by key; repeatable ones are lists. */
export type Flags = Readonly<Record<string, unknown>>;

export interface Settings {
  /** Key -> value; a key without value has no default and was not given. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Key -> where its value comes from, for every key of the schema. */
  readonly sources: ReadonlyMap<string, Source>;
  /** The file that was read. */
  readonly file: { readonly path: string; readonly source: Source } | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: ReadonlyMap<string, Source>;
}

/** All that `serve` needs, checked; problems of every layer at once. */
export function loadConfig(
  flags: Flags,
  variables: Variables,
  defaults: Defaults,
): Result<LoadedConfig> {
  const settings = readSettings(flags, variables);
  if (!settings.ok) return settings;
  const config = toConfig(settings.value.values, defaults);
  return config.ok ? ok({ config: config.value, sources: settings.value.sources }) : config;
}

/** The settings of all layers, each with its source; rules between settings are not applied. */
export function readSettings(flags: Flags, variables: Variables): Result<Settings> {
  const file = configFile(flags, variables);
  const read = file === undefined ? ok(EMPTY_LAYER) : fileLayer(file.path);
  const fromFile = read.ok ? read.value : { ...EMPTY_LAYER, problems: read.problems };
  const layers: readonly (readonly [Source, Layer])[] = [
    ['file', fromFile],
    ['environment', environmentLayer(variables)],
    ['flag', flagLayer(flags)],
  ];
  const problems = layers.flatMap(([, layer]) => layer.problems).slice(0, PROBLEMS_MAX);
  return okUnless(problems, () => ({ ...merge(layers), file }));
}

const EMPTY_LAYER: Layer = { values: new Map(), problems: [] };

function configFile(flags: Flags, variables: Variables): Settings['file'] {
  const flag = flags.config;
  if (typeof flag === 'string') return { path: flag, source: 'flag' };
  const variable = variables[CONFIG_VARIABLE];
  return variable === undefined ? undefined : { path: variable, source: 'environment' };
}

function flagLayer(flags: Flags): Layer {
  const values = new Map<string, unknown>();
  const problems: Problem[] = [];
  for (const option of OPTIONS) {
    const given = option.flag === undefined ? undefined : flags[option.key];
    if (option.flag === undefined || given === undefined) continue;
    const isText = typeof given === 'string' && option.kind !== 'list';
    const checked = checkValue(option, isText ? decodeText(option, given) : given);
    if (checked.ok) values.set(option.key, checked.value);
    else problems.push(formProblem('input_invalid', option, option.flag, checked.part));
  }
  return { values, problems };
}

function merge(layers: readonly (readonly [Source, Layer])[]) {
  const values = new Map<string, unknown>();
  const sources = new Map<string, Source>();
  for (const { key, defaultValue } of OPTIONS) {
    sources.set(key, 'default');
    if (defaultValue !== undefined) values.set(key, defaultValue);
    for (const [source, layer] of layers) {
      if (!layer.values.has(key)) continue;
      sources.set(key, source);
      values.set(key, layer.values.get(key));
    }
  }
  return { values, sources };
}
