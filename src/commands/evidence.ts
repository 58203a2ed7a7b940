/** `--evidence LOG...`: who was seen to call in the slices of a change, read from decision logs. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { loadOpened } from '../bundle/load-opened.js';
import { tenantsOf } from '../reload/generation.js';
import type { FoundBundle } from '../repository/bundles.js';
import type { CollectEvidence } from '../repository/seal-rollout.js';
import { ok, type Result } from '../result.js';
import type { Slice } from '../rollout/types.js';
import { logLines } from './log-reading.js';
import { type Io, note } from './output.js';

export interface EvidenceFlags {
  readonly evidence?: readonly string[];
}

export function withEvidenceFlag(command: Command): Command {
  return command.option(
    '--evidence <log...>',
    'decision logs that say who calls, plain or gzip, `-` for stdin; a percentage needs them',
  );
}

/** Undefined when no logs are given. */
export function evidenceFrom(io: Io, { evidence }: EvidenceFlags): CollectEvidence | undefined {
  if (evidence === undefined) return undefined;
  return async ({ source, slices, active }) => {
    const tenants = await tenantsFor(slices, active, source.environment);
    if (!tenants.ok) return tenants;
    const { KnownCallers } = await import('../analysis/known-callers.js');
    const known = new KnownCallers({ source, slices, tenants: tenants.value });
    const read = await logLines(evidence, io.stdin, (name, text) => {
      known.line(name === '-' ? 'stdin' : basename(name), text);
    });
    if (!read.ok) return read;
    const seen = known.result();
    const { counted, elsewhere, bad } = seen.lines;
    const parts = [
      `${counted} decisions of ${source.name} in ${source.environment} read`,
      ...(elsewhere > 0 ? [`${elsewhere} of other places left out`] : []),
      ...(bad > 0 ? [`${bad} ${bad === 1 ? 'line was' : 'lines were'} none of cedargate`] : []),
    ];
    note(io, `evidence: ${parts.join(', ')}`);
    return ok(seen);
  };
}

/** Loaded only where a slice asks for them. */
async function tenantsFor(
  slices: readonly Slice[],
  { opened }: FoundBundle,
  environment: string,
): Promise<Result<ReadonlyMap<string, string>>> {
  if (!slices.some(({ match }) => match.tenants !== undefined)) return ok(new Map());
  const loaded = loadOpened(opened, { environment });
  return loaded.ok ? ok(tenantsOf(loaded.value)) : loaded;
}
