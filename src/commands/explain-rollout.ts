/** `explain --rollout`: the rollout of a request, by name or by file, and the bundle that it decides by. */
import { loadBundleDirectory } from '../bundle/load.js';
import { loadOpened } from '../bundle/load-opened.js';
import { NAME_PATTERN } from '../bundle/names.js';
import type { CompiledBundle } from '../bundle/types.js';
import { problem } from '../errors.js';
import { findDigest } from '../repository/bundles.js';
import { openRepository, type Repository } from '../repository/open.js';
import { openHistory } from '../repository/open-history.js';
import { readDocument } from '../repository/read-document.js';
import { failed, ok, type Result } from '../result.js';
import { documentOf } from '../rollout/card.js';
import { approvedState } from '../rollout/effective.js';
import { bundleRefText } from '../rollout/source.js';
import type { ApprovedState } from '../rollout/types.js';

export interface RolloutFlags {
  readonly rollout?: string;
  readonly repo: string;
  readonly environment?: string;
  readonly bundle?: string;
}

export interface ExplainedRollout {
  readonly state: ApprovedState;
  readonly bundle: CompiledBundle;
  readonly warnings: readonly string[];
}

/** Problem codes: those of a history, a document and its bundle; `input_invalid`. */
export async function readRollout(
  named: string,
  flags: RolloutFlags,
): Promise<Result<ExplainedRollout>> {
  const repository = await openRepository(flags.repo);
  if (!repository.ok) return repository;
  const found = NAME_PATTERN.test(named)
    ? await byName(repository.value, named, flags.environment)
    : await byFile(repository.value, named);
  if (!found.ok) return found;
  const { state, warnings } = found.value;
  const { environment } = state;
  if (flags.environment !== undefined && flags.environment !== environment) {
    return refuse(`the rollout is of environment \`${environment}\``, 'correct --environment');
  }
  const bundle = await bundleOf(repository.value, state, flags.bundle);
  if (!bundle.ok) return bundle;
  const { name, version } = bundle.value.manifest;
  const wanted = state.active && bundleRefText(state.active);
  const other =
    wanted === bundleRefText({ name, version })
      ? []
      : [`the rollout runs ${wanted ?? 'no bundle'}, and this is ${name}@${version}`];
  return ok({ state, bundle: bundle.value, warnings: [...warnings, ...other] });
}

type Found = Result<Omit<ExplainedRollout, 'bundle'>>;

async function byName(
  repository: Repository,
  name: string,
  environment: string | undefined,
): Promise<Found> {
  if (environment === undefined) {
    return refuse('--rollout by name needs --environment', 'or give the file of a document');
  }
  const history = await openHistory(repository, { name, environment });
  if (!history.ok) return history;
  const { latest } = history.value;
  if (latest === undefined) {
    const message = `no document of \`${name}\` is approved in \`${environment}\``;
    return refuse(message, 'give the file of one that waits: history/E/NAME/0001.json');
  }
  return ok({ state: approvedState(latest), warnings: [] });
}

async function byFile(repository: Repository, file: string): Promise<Found> {
  const document = await readDocument(repository, file);
  if (!document.ok) return document;
  const { examined, problems } = document.value;
  const waits = examined.kind === 'rollout' && examined.rollout.unmet.length > 0;
  return ok({
    state: approvedState(documentOf(examined)),
    warnings: [
      ...problems.map(({ message }) => message),
      ...(waits ? ['the document is not approved: nothing runs by it yet'] : []),
    ],
  });
}

/** A directory that is given, else the bundle that the rollout runs. */
async function bundleOf(
  repository: Repository,
  { active, environment }: ApprovedState,
  directory: string | undefined,
): Promise<Result<CompiledBundle>> {
  if (directory !== undefined)
    return (await loadBundleDirectory(directory, { environment })).result;
  if (active === undefined) {
    return refuse('the rollout runs no bundle', 'give a directory with --bundle');
  }
  const found = await findDigest(repository, active.digest);
  return found.ok ? loadOpened(found.value.opened, { environment }) : found;
}

function refuse(message: string, help: string) {
  return failed(problem('input_invalid', message, { help }));
}
