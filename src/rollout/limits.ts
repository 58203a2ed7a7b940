/**
 * The limits of trust.yaml that a rollout or an emergency can be held against alone: the form of
 * tickets, the longest exception, the longest block. The command line asks before it seals, the
 * sidecar when it loads.
 */
import type { Finding } from './finding.js';
import { setText } from './set-text.js';
import type { Trust } from './trust.js';
import type { Block, RolloutSource } from './types.js';

type Limits = Trust['limits'];

/** Paths of the findings are those of a source. */
export function checkLimits(
  { change, exceptions, blocks }: Pick<RolloutSource, 'change' | 'exceptions' | 'blocks'>,
  { limits }: Pick<Trust, 'limits'>,
): readonly Finding[] {
  return [
    ...checkTicket(change.ticket, limits, ['change', 'ticket']),
    ...checkEntries('exceptions', exceptions, limits),
    ...checkEntries('blocks', blocks, limits),
  ];
}

/** Of an emergency; paths are those of its payload. */
export function checkEmergencyLimits(
  { ticket, blocks }: { readonly ticket: string; readonly blocks: readonly Block[] },
  { limits }: Pick<Trust, 'limits'>,
): readonly Finding[] {
  return [...checkTicket(ticket, limits, ['ticket']), ...checkEntries('blocks', blocks, limits)];
}

function checkTicket(
  ticket: string,
  { ticketPattern }: Limits,
  path: readonly PropertyKey[],
): Finding[] {
  // INVARIANT: trust-schema.ts has compiled the pattern in the same way.
  if (ticketPattern === undefined || new RegExp(`^(?:${ticketPattern})$`, 'u').test(ticket)) {
    return [];
  }
  const message = `ticket \`${ticket}\` has not the form that trust.yaml wants`;
  return [{ message, path, help: `it must match \`limits.ticketPattern\`: ${ticketPattern}` }];
}

function checkEntries(
  list: 'exceptions' | 'blocks',
  entries: readonly Block[],
  limits: Limits,
): Finding[] {
  const [field, longest] =
    list === 'exceptions'
      ? (['maxException', limits.maxException] as const)
      : (['maxBlock', limits.maxBlock] as const);
  return entries.flatMap((entry, i) => {
    const findings = checkTicket(entry.ticket, limits, [list, i, 'ticket']);
    if (longest === undefined) return findings;
    const first = beginning(entry, entries);
    const lasts = entry.untilMs - first.fromMs;
    if (lasts <= longest) return findings;
    const what = first === entry ? 'lasts' : `goes on with \`${first.name}\`, and so lasts`;
    const message = `\`${entry.name}\` ${what} ${durationText(lasts)}, and \`limits.${field}\` is ${durationText(longest)}`;
    return [...findings, { message, path: [list, i, 'until'] }];
  });
}

/** Two in a row for the same requests are one: the limit says when people have to look again. */
function beginning(entry: Block, entries: readonly Block[]): Block {
  const match = setText(entry.match);
  const same = entries
    .filter((other) => other.fromMs < entry.fromMs && setText(other.match) === match)
    .sort((a, b) => b.fromMs - a.fromMs);
  let first = entry;
  for (;;) {
    const before = same.find(
      ({ fromMs, untilMs }) => fromMs < first.fromMs && untilMs >= first.fromMs,
    );
    if (before === undefined) return first;
    first = before;
  }
}

/** In the largest unit that leaves no rest, so that one more second shows. */
function durationText(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms / 1_000}s`;
}
