/**
 * The document files that `--rollout` names: one file, or the `*.json` of a directory as kubelet
 * mounts it. They are only read here; what they are worth is judged later.
 */
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compareBytewise, escapeName } from '../bundle/names.js';
import { readBounded } from '../bundle/read-bounded.js';
import { systemErrorCode, systemErrorText } from '../bundle/system-error.js';
import { DOCUMENT_BYTES_MAX, ROLLOUT_FILES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

export interface DocumentFile {
  /** For messages: the path, or the name in the directory. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

export interface DocumentFiles {
  /** In bytewise order of names. */
  readonly files: readonly DocumentFile[];
  /** Names that cannot be read. */
  readonly problems: readonly Problem[];
}

const DOCUMENT_NAME = /^[^.].*\.json$/;
/** Lies beside a document in the history, and is for people. */
const EVIDENCE_NAME = /\.evidence\.json$/;

export async function readDocumentFiles(path: string): Promise<Result<DocumentFiles>> {
  try {
    if (!(await stat(path)).isDirectory()) {
      const bytes = await readDocument(path, path);
      return bytes.ok ? ok({ files: [{ file: path, bytes: bytes.value }], problems: [] }) : bytes;
    }
    const listed = await listDocumentNames(path);
    return listed.ok ? ok(await readAll(path, listed.value)) : listed;
  } catch (thrown) {
    const missing = systemErrorCode(thrown) === 'ENOENT';
    const message = missing
      ? `\`${path}\` does not exist`
      : `\`${path}\` cannot be read: ${systemErrorText(thrown)}`;
    const code = missing ? 'rollout_missing' : 'rollout_unreadable';
    return failed(problem(code, message, { file: path }));
  }
}

/** Equal as long as no document file changed; for the watcher, which reads none. */
export async function documentFilesSignature(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) return await markOf(path);
    const listed = await listDocumentNames(path);
    if (!listed.ok) return listed.problems[0].message;
    const marks = await Promise.all(
      listed.value.map(async (name) => `${name} ${await markOf(join(path, name))}`),
    );
    return marks.join('\n');
  } catch (thrown) {
    return systemErrorText(thrown);
  }
}

async function listDocumentNames(directory: string): Promise<Result<string[]>> {
  const names = (await readdir(directory)).filter(
    (name) => DOCUMENT_NAME.test(name) && !EVIDENCE_NAME.test(name),
  );
  if (names.length > ROLLOUT_FILES_MAX) {
    const message = `\`${directory}\` has more than ${ROLLOUT_FILES_MAX} documents`;
    return failed(problem('rollout_unreadable', message, { file: directory }));
  }
  return ok(names.sort(compareBytewise));
}

/** One bad file is in nobody's way. */
async function readAll(directory: string, names: readonly string[]): Promise<DocumentFiles> {
  const files: DocumentFile[] = [];
  const problems: Problem[] = [];
  for (const name of names) {
    const file = escapeName(name);
    const bytes = await readDocument(join(directory, name), file);
    if (bytes.ok) files.push({ file, bytes: bytes.value });
    else problems.push(...bytes.problems);
  }
  return { files, problems };
}

async function readDocument(path: string, file: string): Promise<Result<Uint8Array>> {
  const bytes = await readBounded(path, file, DOCUMENT_BYTES_MAX);
  return bytes.ok ? bytes : failed({ ...bytes.problems[0], code: 'rollout_unreadable' });
}

/** The file that a path leads to, through the links of a volume. */
export async function markOf(path: string): Promise<string> {
  try {
    const [own, real] = await Promise.all([lstat(path), stat(path, { bigint: true })]);
    return [own.ino, real.dev, real.ino, real.size, real.mtimeNs, real.ctimeNs].join(' ');
  } catch (thrown) {
    return systemErrorText(thrown);
  }
}
