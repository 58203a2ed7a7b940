/** `cedargate verify` of an audit folder. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CheckedFolder, checkFolder } from '../audit/check-folder.js';
import { AUDIT_INDEX_FILE } from '../audit/index-file.js';
import { shortProblem } from '../audit/report.js';
import type { Trust } from '../rollout/trust.js';
import { EXIT } from './exit-codes.js';
import { fail, type Io, print, printJson, style } from './output.js';

/** A folder with an index; a bundle is a file. */
export async function isAuditFolder(path: string): Promise<boolean> {
  const isThere = (found: { isFile(): boolean }) => found.isFile();
  return stat(join(path, AUDIT_INDEX_FILE)).then(isThere, () => false);
}

/** Ends with 4 when anything is off. */
export async function verifyAudit(
  io: Io,
  folder: string,
  trust: Trust,
  flags: { readonly trustDigest?: readonly string[]; readonly json?: true },
): Promise<void> {
  const checked = await checkFolder(folder, { given: trust, pinned: flags.trustDigest ?? [] });
  if (checked.ok) tell(io, folder, checked.value, trust, flags.json === true);
  const problems = checked.ok ? checked.value.problems : checked.problems;
  const [first, ...rest] = problems;
  if (first === undefined) return;
  fail(io, [first, ...rest]);
  io.exitCode = EXIT.trust;
}

function tell(io: Io, folder: string, checked: CheckedFolder, trust: Trust, json: boolean): void {
  const { index, digest, histories, problems } = checked;
  const documents = histories.flatMap(({ entries }) => entries);
  const [from, to] = [index.from, index.to].map((ms) => new Date(ms).toISOString());
  if (json) {
    printJson(io, {
      ...{ digest, from, to, trust: trust.digest, verified: problems.length === 0 },
      documents: documents.map(({ file, document, trust: judgedBy }) => {
        return { file, digest: document?.digest ?? null, judgedBy };
      }),
      notes: index.notes,
      problems: problems.map(shortProblem),
    });
    return;
  }
  const verdict =
    problems.length === 0
      ? style(io.stdout, 'green', 'verified')
      : style(io.stdout, 'red', `${problems.length} things are off`);
  print(io, `${folder}: ${verdict}, ${index.files.size} files, ${documents.length} documents`);
  print(io, `from ${from} until before ${to}\nindex.json ${digest}\ntrust      ${trust.digest}`);
  for (const text of index.notes) print(io, `note: ${text}`);
}
