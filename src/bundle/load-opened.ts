/**
 * An opened bundle to one that can be loaded into the engine, by its index instead of by compiling.
 * What its signatures are worth must have been judged before: the index is taken at its word, unless
 * an engine of another version of the Cedar language made it.
 */
import { assembleProgram } from '../cedar/assemble.js';
import { engineVersion } from '../cedar/engine.js';
import type { TextFile } from '../cedar/position.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { BuiltManifest } from './built-manifest.js';
import { compileBundle } from './compile.js';
import { parseIndex } from './index-file.js';
import { parseManifest } from './manifest.js';
import {
  BUILT_MANIFEST_FILE,
  ENTITIES_FILE,
  environmentEntitiesFile,
  INDEX_FILE,
  MANIFEST_FILE,
  ROUTES_FILE,
  SCHEMA_FILE,
} from './names.js';
import type { OpenedBundle } from './open.js';
import { parseRoutes } from './routes.js';
import { sourcesOf } from './sources.js';
import { decodeText } from './text.js';
import type { BundleManifest, CompiledBundle, CompileOptions, Route } from './types.js';

export function loadOpened(opened: OpenedBundle, options: CompileOptions): Result<CompiledBundle> {
  const { environment } = options;
  const { files, digest } = opened;
  const manifest = readManifest(opened);
  if (!manifest.ok) return manifest;
  // An engine of another language version may read the same text in another way.
  if (opened.manifest.cedar.language !== engineVersion().language) {
    const compiled = compileBundle(sourcesOf(opened).files, options);
    return compiled.ok ? ok({ ...compiled.value, digest }) : compiled;
  }
  const routes = readRoutes(opened, manifest.value);
  if (!routes.ok) return routes;
  const policies = parseIndex(files.get(INDEX_FILE) ?? new Uint8Array(), files);
  if (!policies.ok) return policies;
  const schemaFile = textOf(opened, SCHEMA_FILE);
  if (!schemaFile.ok) return schemaFile;

  const entityFiles: TextFile[] = [];
  const names = [ENTITIES_FILE];
  if (environment !== undefined) names.push(environmentEntitiesFile(environment));
  for (const name of names.filter((each) => files.has(each))) {
    const text = textOf(opened, name);
    if (!text.ok) return text;
    entityFiles.push(text.value);
  }
  const program = assembleProgram(
    { schemaFile: schemaFile.value, entityFiles, environment },
    policies.value,
  );
  if (!program.ok) return program;
  return ok({
    digest,
    manifest: manifest.value,
    routes: routes.value,
    program: program.value,
    warnings: [],
  });
}

/** Of bundle.yaml, which people reviewed; manifest.json must say the same. */
function readManifest(opened: OpenedBundle): Result<BundleManifest> {
  const text = textOf(opened, MANIFEST_FILE);
  if (!text.ok) return text;
  const parsed = parseManifest(text.value);
  if (!parsed.ok) return parsed;
  const wrong = disagreement(opened.manifest, parsed.value);
  if (wrong === undefined) return parsed;
  const message = `\`${wrong}\` is not what \`${MANIFEST_FILE}\` says`;
  return failed(problem('built_manifest_invalid', message, { file: BUILT_MANIFEST_FILE }));
}

function disagreement(built: BuiltManifest, source: BundleManifest): string | undefined {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const fields = ['name', 'version', 'owner', 'scope'] as const;
  return fields.find((field) => !same(built[field], source[field]));
}

function readRoutes(opened: OpenedBundle, manifest: BundleManifest): Result<readonly Route[]> {
  if (!opened.files.has(ROUTES_FILE)) return ok([]);
  const text = textOf(opened, ROUTES_FILE);
  if (!text.ok) return text;
  const semicolonAllowed = manifest.path.allow.includes('semicolon');
  return parseRoutes(text.value, { semicolonAllowed });
}

function textOf({ files }: OpenedBundle, name: string): Result<TextFile> {
  const bytes = files.get(name);
  if (bytes === undefined) {
    return failed(problem('bundle_file_missing', `the bundle lacks \`${name}\``));
  }
  return decodeText({ name, bytes });
}
