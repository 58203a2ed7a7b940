/** What `/status` of a sidecar says about one rollout, read as strictly as a log. Pure. */
import { digestSchema } from '../bundle/built-manifest.js';
import type { RolloutId } from '../repository/layout.js';
import type { VerifiedDocument } from '../rollout/types.js';
import * as shape from '../shape/kinds.js';
import { type Contradiction, contradiction } from './runs.js';

const documentSchema = shape.object({
  name: shape.string(),
  sequence: shape.int(),
  digest: digestSchema,
});

const standingSchema = shape.object({
  rollout: documentSchema,
  approved: documentSchema.nullable().default(null),
  lag: shape.object({ since: shape.string(), reason: shape.string() }).nullable().default(null),
});

const statusSchema = shape.object({
  service: shape.string().nullable().default(null),
  environment: shape.string().nullable(),
  rollout: shape.unknown(),
  rollouts: shape.array(shape.unknown()).default([]),
});

/** A sidecar that runs the rollout now. */
export interface Live {
  readonly url: string;
  /** Null when requests name their destination. */
  readonly service: string | null;
  readonly sequence: number;
  readonly digest: string;
  /** The newest document that it has verified; null when it does not say. */
  readonly approved: number | null;
  readonly lag: { readonly since: string; readonly reason: string } | null;
}

export interface LiveFacts {
  readonly live: readonly Live[];
  /** URLs of which nothing is known, and why. */
  readonly failed: readonly { readonly url: string; readonly why: string }[];
  readonly contradictions: readonly Contradiction[];
}

/** The parsed JSON of a URL, or why there is none. */
export interface Answer {
  readonly url: string;
  readonly answer: { readonly status: unknown } | { readonly why: string };
}

export function liveFacts(
  id: RolloutId,
  documents: readonly VerifiedDocument[],
  answers: readonly Answer[],
): LiveFacts {
  const live: Live[] = [];
  const failed: { url: string; why: string }[] = [];
  const contradictions: Contradiction[] = [];
  for (const { url, answer } of answers) {
    const found = 'why' in answer ? answer.why : readStatus(url, answer.status, id);
    if (typeof found === 'string') {
      failed.push({ url, why: found });
      continue;
    }
    const document = documents.find(({ digest }) => digest === found.digest);
    const why = contradiction(found, document, documents);
    const { sequence, digest } = found;
    if (why === undefined) live.push(found);
    else contradictions.push({ source: url, at: null, sequence, digest, why });
  }
  return { live, failed, contradictions };
}

/** Or why it says nothing about the rollout. */
function readStatus(url: string, status: unknown, id: RolloutId): Live | string {
  const parsed = statusSchema.safeParse(status);
  if (!parsed.success) return 'what it answers is no /status of cedargate';
  const { service, environment, rollout, rollouts } = parsed.data;
  if (environment !== id.environment) return 'it serves another environment';
  const standings = rollouts.length > 0 ? rollouts : rollout === null ? [] : [status];
  for (const each of standings) {
    const standing = standingSchema.safeParse(each);
    if (!standing.success) return 'what it answers is no /status of cedargate';
    const { rollout: running, approved, lag } = standing.data;
    if (running.name !== id.name) continue;
    const { sequence, digest } = running;
    return { url, service, sequence, digest, approved: approved?.sequence ?? null, lag };
  }
  return 'it does not run this rollout';
}
