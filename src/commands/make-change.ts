/** What every command that changes a rollout does: seal, write, say, and hand over when asked. */
import type { Command } from 'commander';
import type { Digest } from '../bundle/types.js';
import { openHistory } from '../repository/open-history.js';
import {
  type Delta,
  type SealedEmergencyChange,
  sealEmergencyChange,
} from '../repository/seal-emergency.js';
import {
  type CollectEvidence,
  type SealedRolloutChange,
  sealChange,
} from '../repository/seal-rollout.js';
import { ok, type Result } from '../result.js';
import type { Provenance } from '../rollout/change-rules.js';
import type { VerifiedRollout } from '../rollout/types.js';
import { type ApplyFlags, applyChange, applyTimeout, withApplyFlags } from './apply-flags.js';
import {
  type ChangeFlags,
  commonOf,
  openPlace,
  type Place,
  readKey,
  refuse,
  withChangeFlags,
} from './change-flags.js';
import { fail, type Io } from './output.js';
import { printChange, printEmergency, saveChange } from './save-change.js';

export interface Edit {
  readonly edit: (text: string) => string;
  readonly first?: string | undefined;
  readonly from?: Provenance | undefined;
  readonly revoke?: readonly Digest[];
  readonly evidence?: CollectEvidence | undefined;
  /** What is said of the document, besides what changes. */
  readonly says?: (document: VerifiedRollout) => readonly string[];
}

/** What a command works on, its moment included. */
export interface Making {
  readonly place: Place;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export type EmergencyCommandFlags = ChangeFlags & ApplyFlags & { readonly emergency?: true };

type Plan<T> = (making: Making) => Promise<Result<T>> | Result<T>;

export function withEmergencyFlags(command: Command): Command {
  return withApplyFlags(
    withChangeFlags(command).option(
      '--emergency',
      'at once, with one emergency key and no approval; to be taken over later',
    ),
  );
}

/** Seals a rollout and writes it. */
export async function makeChange(
  io: Io,
  name: string,
  flags: ChangeFlags & ApplyFlags,
  plan: Plan<Edit>,
): Promise<void> {
  // Before anything is written: no sidecar would take what nobody has approved.
  if (flags.apply === true) return fail(io, refuse(APPLY_WITHOUT_EMERGENCY).problems);
  const nowMs = Date.now();
  const place = await openPlace(name, flags);
  if (!place.ok) return fail(io, place.problems);
  const sealed = await seal(place.value, flags, nowMs, plan);
  if (!sealed.ok) return fail(io, sealed.problems);
  printChange(io, flags, sealed.value.change, sealed.value.says);
}

const APPLY_WITHOUT_EMERGENCY =
  '--apply needs --emergency here: what waits for approval is handed over by `cedargate approve --apply`';

async function seal(
  place: Place,
  flags: ChangeFlags,
  nowMs: number,
  plan: Plan<Edit>,
): Promise<Result<{ change: SealedRolloutChange; says: Edit['says'] }>> {
  const common = await commonOf(flags, nowMs);
  if (!common.ok) return common;
  const what = await plan({ place, nowMs });
  if (!what.ok) return what;
  const { edit, first, from, revoke = [], evidence, says } = what.value;
  const { id, repository } = place;
  const change = { ...common.value, id, edit, first, from, revoke, evidence };
  const sealed = await sealChange(repository, change);
  if (!sealed.ok) return sealed;
  const saved = await saveChange(repository, sealed.value);
  return saved.ok ? ok({ change: sealed.value, says }) : saved;
}

/** Seals an emergency and writes it; the source stays, for it is what people approved. */
export async function makeEmergency(
  io: Io,
  name: string,
  flags: EmergencyCommandFlags,
  plan: Plan<Partial<Delta>>,
): Promise<void> {
  const place = await openPlace(name, flags);
  if (!place.ok) return fail(io, place.problems);
  const sealed = await sealDelta(place.value, flags, Date.now(), plan);
  if (!sealed.ok) return fail(io, sealed.problems);
  printEmergency(io, flags, sealed.value);
  if (flags.apply === true) await applyChange(io, sealed.value, flags);
}

async function sealDelta(
  place: Place,
  flags: EmergencyCommandFlags,
  nowMs: number,
  plan: Plan<Partial<Delta>>,
): Promise<Result<SealedEmergencyChange>> {
  const { ticket } = flags;
  if (ticket === undefined) return refuse('an emergency needs --ticket');
  const timeout = applyTimeout(flags);
  if (!timeout.ok) return timeout;
  const key = await readKey(flags.key);
  if (!key.ok) return key;
  const delta = await plan({ place, nowMs });
  if (!delta.ok) return delta;
  const { id, repository } = place;
  const change = { id, delta: delta.value, ticket, key: key.value, nowMs };
  const sealed = await sealEmergencyChange(repository, change);
  if (!sealed.ok) return sealed;
  const saved = await saveChange(repository, sealed.value);
  return saved.ok ? sealed : saved;
}

/** The history of the rollout, when every document of it could be believed once. Problem code: `history_broken`. */
export async function historyAt({ id, repository }: Place) {
  return openHistory(repository, id);
}
