/** The flags that commands which change a rollout have in common, and what they mean together. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import { KEY_FILE_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import type { RolloutId } from '../repository/layout.js';
import { openRepository, type Repository } from '../repository/open.js';
import type { RolloutChange } from '../repository/seal-rollout.js';
import { failed, ok, type Result } from '../result.js';
import { parseDuration, parseUtcDay } from '../rollout/utc-time.js';
import { type PrivateKey, parsePrivateKey } from '../signing/keys.js';
import { readBytes } from './files.js';

export interface PlaceFlags {
  readonly environment: string;
  readonly repo: string;
  readonly json?: true;
}

export interface ChangeFlags extends PlaceFlags {
  readonly ticket?: string;
  readonly reason?: string;
  readonly owner?: string;
  readonly reviewBy?: string;
  readonly key: string;
  readonly reconcile?: true;
  readonly replace?: true;
}

export function withPlaceFlags(command: Command): Command {
  return command
    .requiredOption('--environment <name>', 'the environment of the rollout')
    .option('--repo <directory>', 'the policy repository', '.')
    .option('--json', 'print the outcome as JSON');
}

export function withChangeFlags(command: Command): Command {
  return withPlaceFlags(command)
    .option('--ticket <ticket>', 'the ticket of the change')
    .option('--reason <text>', 'why, in a sentence')
    .option('--owner <team>', 'who answers for it (default: as it was)')
    .option('--review-by <YYYY-MM-DD>', 'when somebody looks at it again (default: as it was)')
    .requiredOption('--key <file>', 'the private key of whoever makes the change')
    .option('--reconcile', 'take over the open emergency')
    .option('--replace', 'replace the document that waits for approval');
}

/** What a command works on. */
export interface Place {
  readonly id: RolloutId;
  readonly repository: Repository;
}

export async function openPlace(name: string, flags: PlaceFlags): Promise<Result<Place>> {
  const { environment, repo } = flags;
  for (const each of [name, environment]) {
    if (!NAME_PATTERN.test(each)) return refuse(`\`${each}\` ${NAME_RULE}`);
  }
  const repository = await openRepository(repo);
  return repository.ok
    ? ok({ id: { name, environment }, repository: repository.value })
    : repository;
}

export async function readKey(file: string): Promise<Result<PrivateKey>> {
  const pem = await readBytes(file, KEY_FILE_BYTES_MAX);
  return pem.ok ? parsePrivateKey(pem.value.toString('utf8'), file) : pem;
}

type Common = Omit<RolloutChange, 'edit' | 'id' | 'first' | 'from' | 'revoke' | 'evidence'>;

/** What every change of a rollout says, whatever it changes. Ticket and reason are never inherited. */
export async function commonOf(flags: ChangeFlags, nowMs: number): Promise<Result<Common>> {
  const { ticket, reason, owner, reviewBy } = flags;
  if (ticket === undefined || reason === undefined) {
    return refuse('a change needs --ticket and --reason');
  }
  const reviewByMs = reviewBy === undefined ? undefined : parseUtcDay(reviewBy);
  if (reviewBy !== undefined && reviewByMs === undefined) {
    return refuse(`--review-by must be a day such as \`2027-02-22\`, not \`${reviewBy}\``);
  }
  const key = await readKey(flags.key);
  if (!key.ok) return key;
  return ok({
    change: {
      // A change made by command is a planned one, also after a review of an emergency.
      type: flags.reconcile === true ? 'emergency-review' : 'normal',
      ticket,
      reason,
      ...(owner === undefined ? {} : { owner }),
      ...(reviewByMs === undefined ? {} : { reviewByMs }),
    },
    reconcile: flags.reconcile === true,
    replace: flags.replace === true,
    key: key.value,
    nowMs,
    newSeed: randomBytes(16).toString('hex'),
  });
}

/** `--for 4h` or `--until TIME` as the moment at which it ends. */
export function endOf(
  flags: { readonly for?: string; readonly until?: string },
  nowMs: number,
): Result<number> {
  const { for: duration, until } = flags;
  if ((duration === undefined) === (until === undefined)) {
    return refuse('give either --for DURATION, such as 4h or 14d, or --until TIME');
  }
  const lasts = duration === undefined ? undefined : parseDuration(duration);
  const endMs = lasts === undefined ? Date.parse(until ?? '') : nowMs + lasts;
  if (Number.isNaN(endMs) || (duration !== undefined && lasts === undefined)) {
    const form =
      duration === undefined ? 'time such as 2027-02-22T18:00:00Z' : 'duration such as 4h';
    return refuse(`\`${duration ?? until}\` is no ${form}`);
  }
  return ok(endMs);
}

export function refuse(message: string) {
  return failed(problem('input_invalid', message));
}
