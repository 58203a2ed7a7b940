/**
 * An emergency on the last approved document, sealed and signed. It needs one key and no approval,
 * and can do nothing that its few words do not say. Nothing is written here.
 */
import type { Digest } from '../bundle/types.js';
import { RECONCILE_WITHIN_MS } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { type Failed, failed, ok, type Result } from '../result.js';
import { parseSealed } from '../rollout/documents.js';
import { approvedState } from '../rollout/effective.js';
import { blockFields } from '../rollout/entries-schema.js';
import { fitProblem } from '../rollout/fit.js';
import { sealEmergency } from '../rollout/seal.js';
import type { Block, VerifiedEmergency, VerifiedRollout } from '../rollout/types.js';
import { verifyDocument } from '../rollout/verify.js';
import type { PrivateKey } from '../signing/keys.js';
import { bundleFacts, findDigest } from './bundles.js';
import { documentFile, type RolloutId } from './layout.js';
import type { Repository } from './open.js';
import { openHistory } from './open-history.js';
import { personWith } from './people.js';
import type { SealedChange } from './seal-rollout.js';

/** What one command adds; what an open emergency says already is repeated. */
export interface Delta {
  readonly relax: readonly string[] | 'all';
  readonly rollback: boolean;
  readonly blocks: readonly Block[];
  /** Names of blocks that the open emergency has, and this one does not repeat. */
  readonly endBlocks: readonly string[];
  /** Revokes what runs under the last document. */
  readonly revokeActive: boolean;
}

export interface EmergencyChange {
  readonly id: RolloutId;
  readonly delta: Partial<Delta>;
  readonly ticket: string;
  readonly key: PrivateKey;
  readonly nowMs: number;
}

export interface SealedEmergencyChange extends SealedChange {
  readonly document: VerifiedEmergency;
}

export async function sealEmergencyChange(
  repository: Repository,
  { id, delta, ticket, key, nowMs }: EmergencyChange,
): Promise<Result<SealedEmergencyChange>> {
  const { trust } = repository;
  const person = personWith(key, 'emergency', trust, nowMs);
  if (!person.ok) return person;
  const history = await openHistory(repository, id);
  if (!history.ok) return history;
  const { newest, lastRollout, entries, documents } = history.value;
  if (lastRollout === undefined) {
    const message = `there is no approved document of \`${id.name}\` in \`${id.environment}\``;
    const help = 'check the name and --environment: an emergency stands on what is approved there';
    return failed(problem('change_refused', message, { help }));
  }
  const by = { trust, environment: id.environment };
  const stands = verifyDocument(lastRollout.bytes, documentFile(id, lastRollout.sequence), by);
  if (!stands.ok) return withoutBase(stands, id);
  // One that was declared with a key that is gone says nothing any more, but what it revoked.
  const open = newest?.kind === 'emergency' && isOn(newest, lastRollout) ? newest : undefined;
  const overdue = open && overdueProblem(open, nowMs);
  if (overdue !== undefined) return failed(overdue);
  const base = parseSealed(lastRollout.bytes, 'base');
  if (!base.ok) return base;
  if (base.value.kind !== 'SealedRollout') throw new Error('a verified rollout is a rollout');

  const active =
    delta.revokeActive === true ? approvedState(open ?? lastRollout).active?.digest : undefined;
  const within = trust.limits.reconcileWithin ?? RECONCILE_WITHIN_MS;
  const revoked = documents.flatMap((each) => {
    return each.kind === 'emergency' && isOn(each, lastRollout) ? each.revoke : [];
  });
  // A proposal that waits keeps its number, and is overtaken.
  const sequence = (entries.at(-1)?.sequence ?? 0) + 1;
  const bytes = sealEmergency(
    {
      base: base.value,
      sequence,
      relax: united(open?.relax ?? [], delta.relax ?? []),
      rollback: (open?.rollback ?? false) || (delta.rollback ?? false),
      blocks: unitedBlocks(open?.blocks ?? [], delta).map(blockFields),
      revoke: [...new Set<Digest>([...revoked, ...(active ? [active] : [])])],
      ticket,
      issuedAt: new Date(nowMs).toISOString(),
      reconcileBy: new Date(nowMs + within).toISOString(),
    },
    key,
  );
  const file = documentFile(id, sequence);
  const verified = verifyDocument(bytes, file, by);
  if (!verified.ok) return asAsked(verified);
  if (verified.value.kind !== 'emergency') throw new Error('a sealed emergency is one');
  const misfit = await blocksMisfit(repository, verified.value, delta.blocks ?? []);
  if (misfit !== undefined) return failed(misfit);
  const { digest } = verified.value;
  const change = {
    ...{ id, file, bytes, sequence, digest },
    ...{ replaces: undefined, source: undefined, evidence: undefined },
  };
  return ok({ ...change, document: verified.value });
}

function isOn({ base }: VerifiedEmergency, { digest }: VerifiedRollout): boolean {
  return base.digest === digest;
}

/** No sidecar that has the trust.yaml of now would take it: it stands inside the emergency, and is verified with it. */
function withoutBase({ problems: [first, ...rest] }: Failed, { name, environment }: RolloutId) {
  const help = `a sidecar with this trust.yaml refuses every emergency on that document: have it approved again (\`cedargate approve\`), or seal it anew (\`cedargate promote ${name} --environment ${environment}\`); docs/signing.md, "A stolen key", says what goes faster`;
  return failed({ ...first, help }, ...rest);
}

/** The document was never written: what people can correct is what they asked for. */
function asAsked({ problems: [first, ...rest] }: Failed): Failed {
  const help =
    first.code === 'rollout_invalid' ? { help: 'correct what the command was given' } : {};
  const { file: _, ...without } = first;
  return failed({ ...without, ...help }, ...rest);
}

/**
 * A slip in the name of a route would block nobody, and cost new pods their bundle. Where the bundle is
 * not at hand nobody can tell, and an emergency does not wait for it.
 */
async function blocksMisfit(
  repository: Repository,
  document: VerifiedEmergency,
  blocks: readonly Block[],
): Promise<Problem | undefined> {
  const { active } = approvedState(document);
  const found = active && (await findDigest(repository, active.digest));
  if (found?.ok !== true) return undefined;
  const facts = bundleFacts(found.value.opened);
  if (!facts.ok) return undefined;
  const asked = { destinations: [], enforce: [], hold: [], exceptions: [], blocks };
  return fitProblem(asked, facts.value, { routes: true });
}

/** Whoever lets an emergency lie does not get another one: somebody has to look at it first. */
function overdueProblem({ sequence, ticket, reconcileByMs }: VerifiedEmergency, nowMs: number) {
  if (nowMs < reconcileByMs) return undefined;
  const by = new Date(reconcileByMs).toISOString();
  const message = `emergency ${sequence} (${ticket}) was to be reconciled by ${by}`;
  const help = 'take it over first: a rollout with --reconcile';
  return problem('emergency_unreconciled', message, { help });
}

function united(a: Delta['relax'], b: Delta['relax']): Delta['relax'] {
  return a === 'all' || b === 'all' ? 'all' : [...new Set([...a, ...b])];
}

/** A block of the same name takes the place of the one before. */
function unitedBlocks(
  before: readonly Block[],
  { blocks: added = [], endBlocks = [] }: Partial<Delta>,
): readonly Block[] {
  const names = new Set([...added.map(({ name }) => name), ...endBlocks]);
  return [...before.filter(({ name }) => !names.has(name)), ...added];
}
