/** The change card of a document in a repository: what the card needs to know is gathered here. */
import { inspectOpened } from '../bundle/inspect.js';
import { environmentOfFile } from '../bundle/names.js';
import type { OpenedBundle } from '../bundle/open.js';
import type { Digest } from '../bundle/types.js';
import type { EnvironmentFacts } from '../rollout/card.js';
import { type Card, type CardBundle, documentOf, makeCard } from '../rollout/card.js';
import { approvedState } from '../rollout/effective.js';
import { type FoundBundle, findDigest } from './bundles.js';
import { readElsewhere } from './elsewhere.js';
import { believedEvidence } from './evidence.js';
import type { Repository } from './open.js';
import { documentBefore, overtakenBy, type ReadDocument } from './read-document.js';

export async function readCard(
  repository: Repository,
  document: ReadDocument,
  nowMs: number,
): Promise<Card> {
  const before = documentBefore(document);
  const is = approvedState(documentOf(document.examined));
  const was = before.kind === 'document' ? approvedState(before.document) : undefined;
  const subject = documentOf(document.examined);
  const { resolved } = subject.kind === 'emergency' ? subject.base : subject;
  const wanted = [is.active, is.candidate, resolved.rollback, was?.active, was?.candidate];
  const digests = new Set(wanted.flatMap((bundle) => bundle?.digest ?? []));
  const files = new Map<Digest, Pick<CardBundle, 'file' | 'why'>>();
  const opened = new Map<Digest, FoundBundle>();
  for (const digest of digests) {
    const found = await findDigest(repository, digest);
    if (found.ok) opened.set(digest, found.value);
    const file = found.ok ? found.value.file : null;
    files.set(digest, { file, why: found.ok ? null : found.problems[0].message });
  }
  const active = is.active && opened.get(is.active.digest);
  return makeCard({
    ...{ file: document.file, examined: document.examined, before, trust: repository.trust, nowMs },
    overtakenBy: overtakenBy(document),
    bundle: (digest) => files.get(digest) ?? { file: null, why: null },
    environments: active && environmentFacts(active.opened),
    elsewhere: await readElsewhere(repository, document),
    evidence:
      subject.kind === 'rollout' ? await believedEvidence(document.file, subject) : undefined,
  });
}

/** Undefined when the bundle cannot be loaded: `verify --deep` says why. */
function environmentFacts(opened: OpenedBundle): EnvironmentFacts | undefined {
  const inspected = inspectOpened(opened, []);
  if (!inspected.ok) return undefined;
  const { environments, differences, reasons, environmentPolicies } = inspected.value;
  return {
    files: [...opened.files.keys()].filter((name) => environmentOfFile(name) !== undefined),
    environments: environments.map(({ environment }) => environment),
    differences,
    reasons,
    policies: environmentPolicies,
  };
}
