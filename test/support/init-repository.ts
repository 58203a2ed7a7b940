/** A policy repository as `cedargate init` makes it, in memory or in a folder of its own. */
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SourceFile } from '../../src/bundle/types.js';
import { forEachPerson } from '../../src/init/people.js';
import { makeRepository, type RepositoryFile } from '../../src/init/repository.js';
import { readTemplate } from '../../src/init/templates.js';
import { type Choices, readValues } from '../../src/init/values.js';
import { generateKeyPair } from '../../src/signing/keys.js';

export const NOW_MS = Date.parse('2026-11-25T18:40:27.123Z');

/** The same for every repository of one test file: making keys takes time. */
const KEYS = forEachPerson(() => generateKeyPair('ed25519'));

export function makeFiles(choices: Choices = {}): readonly RepositoryFile[] {
  const values = readValues(choices);
  if (!values.ok) throw new Error(JSON.stringify(values.problems));
  const cedargateVersion = '1.2.3';
  return makeRepository({
    values: values.value,
    keys: KEYS,
    nowMs: NOW_MS,
    cedargateVersion,
    readTemplate,
  });
}

export function textOf(files: readonly RepositoryFile[], path: string): string {
  const file = files.find((each) => each.path === path);
  if (file === undefined) throw new Error(`there is no ${path}`);
  return file.text;
}

/** The files of the one bundle, under the names that they have in its directory. */
export function bundleOf(files: readonly RepositoryFile[]): {
  readonly files: readonly SourceFile[];
  readonly testFiles: readonly SourceFile[];
} {
  const inBundle = files.flatMap(({ path, text }) => {
    const [, name] = /^policies\/[^/]+\/(.+)$/.exec(path) ?? [];
    return name === undefined ? [] : [{ name, bytes: Buffer.from(text) }];
  });
  const isTest = ({ name }: SourceFile) => name.startsWith('tests/');
  return {
    files: inBundle.filter((file) => !isTest(file)),
    testFiles: inBundle.filter(isTest),
  };
}

/** Writes the repository to a new folder below the system's one for temporary files. */
export function writeRepository(choices: Choices = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'cedargate-init-'));
  for (const { path, text, mode } of makeFiles(choices)) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
    chmodSync(target, mode);
  }
  return directory;
}
