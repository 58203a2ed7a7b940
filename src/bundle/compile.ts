/**
 * Files to a checked bundle, all or nothing: one bad file refuses the whole, and the problems of all
 * files are told together. Pure: no clock, no I/O.
 */
import { type CompiledProgram, compileProgram } from '../cedar/compile.js';
import type { TextFile } from '../cedar/position.js';
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { directoryDigest } from './digest.js';
import { parseManifest } from './manifest.js';
import {
  ENTITIES_FILE,
  environmentEntitiesFile,
  isPolicyFile,
  MANIFEST_FILE,
  ROUTES_FILE,
  SCHEMA_FILE,
} from './names.js';
import { unknownRoutes } from './route-references.js';
import { parseRoutes } from './routes.js';
import { decodeText } from './text.js';
import type { BundleManifest, CompiledBundle, CompileOptions, Route, SourceFile } from './types.js';

export function compileBundle(
  files: readonly SourceFile[],
  options: CompileOptions,
): Result<CompiledBundle> {
  const problems: Problem[] = [...missingFiles(files)];
  const keep = <T>(result: Result<T>): T | undefined => {
    if (result.ok) return result.value;
    problems.push(...result.problems);
    return undefined;
  };

  const texts = new Map<string, TextFile>();
  for (const file of files) {
    const text = keep(decodeText(file));
    if (text !== undefined) texts.set(file.name, text);
  }
  const manifestText = texts.get(MANIFEST_FILE);
  const manifest = manifestText && keep(parseManifest(manifestText));
  const semicolonAllowed = manifest?.path.allow.includes('semicolon') ?? false;
  const routesText = texts.get(ROUTES_FILE);
  const routes =
    routesText === undefined ? [] : keep(parseRoutes(routesText, { semicolonAllowed }));
  const compiled = keepProgram(files, texts, options, keep);
  if (manifest && routes && compiled) {
    problems.push(...missingActions(manifest, routes, compiled));
  }
  const [first, ...rest] = problems.slice(0, PROBLEMS_MAX);
  if (first !== undefined) return failed(first, ...rest);
  if (!manifest || !routes || !compiled) throw new Error('a part is missing without a problem');
  const { program, known } = compiled;
  const policyTexts = [...texts.values()].filter(({ file }) => isPolicyFile(file));
  const warnings = [
    ...compiled.warnings,
    ...policyTexts.flatMap((text) => unknownRoutes(text, routes)),
  ];
  return ok({ digest: directoryDigest(files), manifest, routes, program, warnings, known });
}

function missingFiles(files: readonly SourceFile[]): Problem[] {
  const names = new Set(files.map(({ name }) => name));
  const missing = [MANIFEST_FILE, SCHEMA_FILE].filter((name) => !names.has(name));
  if (!files.some(({ name }) => isPolicyFile(name))) missing.push('*.cedar');
  if (missing.length === 0) return [];
  const list = missing.map((name) => `\`${name}\``).join(', ');
  return [problem('bundle_file_missing', `the bundle lacks ${list}`)];
}

/** Undefined when the schema or a policy file is not there as text: its problem is known already. */
function keepProgram(
  files: readonly SourceFile[],
  texts: ReadonlyMap<string, TextFile>,
  { environment, known }: CompileOptions,
  keep: <T>(result: Result<T>) => T | undefined,
): CompiledProgram | undefined {
  const schemaFile = texts.get(SCHEMA_FILE);
  const policyNames = files.map(({ name }) => name).filter(isPolicyFile);
  const policyFiles = textsOf(policyNames, texts);
  if (schemaFile === undefined || policyFiles.length === 0) return undefined;
  if (policyFiles.length < policyNames.length) return undefined;

  const entityNames = [ENTITIES_FILE];
  if (environment !== undefined) entityNames.push(environmentEntitiesFile(environment));
  const entityFiles = textsOf(entityNames, texts);
  return keep(compileProgram({ schemaFile, policyFiles, entityFiles, environment }, known));
}

function textsOf(names: readonly string[], texts: ReadonlyMap<string, TextFile>): TextFile[] {
  return names.flatMap((name) => texts.get(name) ?? []);
}

/** A request of these kinds asks with one fixed action, so a schema without it answers nothing. */
function missingActions(
  manifest: BundleManifest,
  routes: readonly Route[],
  { program }: CompiledProgram,
): Problem[] {
  const needed = new Map<string, string>();
  if (routes.some(({ kind }) => kind === 'grpc')) needed.set('rpc', 'a route with `grpc`');
  if (manifest.protocol === 'grpc') needed.set('rpc', '`protocol: grpc`');
  if (manifest.protocol === 'tcp') needed.set('connect', '`protocol: tcp`');
  return [...needed]
    .filter(([action]) => !program.schema.actions.has(action))
    .map(([action, why]) => {
      const message = `the schema declares no action \`${action}\`, which ${why} needs`;
      return problem('schema_rule', message, { file: SCHEMA_FILE });
    });
}
