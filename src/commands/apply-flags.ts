/** `--apply` of the commands that make documents: hand it to the cluster, and watch it arrive. */
import type { Command } from 'commander';
import { type ApplyOptions, applyDocument } from '../apply/apply.js';
import { createTimeline, incompleteProblem, summaryLines } from '../apply/timeline.js';
import type { SealedChange } from '../repository/seal-rollout.js';
import { ok, type Result } from '../result.js';
import { parseDuration } from '../rollout/utc-time.js';
import { refuse } from './change-flags.js';
import { collect } from './match-flags.js';
import { fail, type Io, note } from './output.js';

export interface ApplyFlags {
  readonly apply?: true;
  readonly kubectl?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly configMap?: string;
  readonly selector?: string;
  readonly statusUrl?: readonly string[];
  readonly timeout?: string;
}

export function withApplyFlags(command: Command): Command {
  return command
    .option('--apply', 'hand the document to kubectl, and watch until every sidecar runs it')
    .option('--kubectl <path>', 'the kubectl to use (default: the one on the PATH)')
    .option('--context <name>', 'the context of kubectl')
    .option('--namespace <name>', 'the namespace of ConfigMap and pods')
    .option('--config-map <name>', 'the ConfigMap (default: cedargate-rollout-<name>)')
    .option('--selector <labels>', 'the pods (default: app.kubernetes.io/name=<name>)')
    .option('--status-url <url>', 'a /status to watch instead of the pods (repeatable)', collect)
    .option('--timeout <duration>', 'how long to watch (default: 2m)');
}

/** Asked before anything is written, too: a slip in a flag must not cost a document. */
export function applyTimeout({ timeout }: ApplyFlags): Result<number | undefined> {
  if (timeout === undefined) return ok(undefined);
  const timeoutMs = parseDuration(timeout);
  return timeoutMs === undefined
    ? refuse('--timeout must be a duration such as `90s`')
    : ok(timeoutMs);
}

/** The sealed file, approvals included, and what it is called. */
export type Applicable = Pick<SealedChange, 'bytes' | 'id' | 'sequence' | 'digest'>;

/** The timeline goes to stderr: stdout has what the command made. */
export async function applyChange(io: Io, sealed: Applicable, flags: ApplyFlags): Promise<void> {
  const timeoutMs = applyTimeout(flags);
  if (!timeoutMs.ok) return fail(io, timeoutMs.problems);
  const { kubectl, context, namespace, configMap, selector, statusUrl } = flags;
  const options: ApplyOptions = {
    env: io.env,
    ...(kubectl === undefined ? {} : { kubectl }),
    context,
    namespace,
    configMap,
    selector,
    statusUrls: statusUrl,
    timeoutMs: timeoutMs.value,
  };
  const { bytes, id, sequence, digest } = sealed;
  const timeline = createTimeline();
  const report = await applyDocument({ bytes, name: id.name, sequence, digest }, options, {
    now: Date.now,
    onEvent: (event) => {
      const line = timeline(event);
      if (line !== undefined) note(io, line);
    },
  });
  if (!report.ok) return fail(io, report.problems);
  for (const line of summaryLines(report.value)) note(io, line);
  const incomplete = incompleteProblem(report.value);
  if (incomplete !== undefined) fail(io, [incomplete]);
}
