/** The rollouts of the same name in other environments of the repository, held against a document. */
import { documentOf } from '../rollout/card.js';
import { compareElsewhere, type Elsewhere } from '../rollout/elsewhere.js';
import { listHistories } from './histories.js';
import { readHistory } from './history.js';
import type { Repository } from './open.js';
import type { ReadDocument } from './read-document.js';

/** A history that cannot be read is left out: `history` says what is wrong with it. */
export async function readElsewhere(
  { root, trust }: Repository,
  { id, examined, history }: ReadDocument,
): Promise<Elsewhere[]> {
  const ids = await listHistories(root);
  if (!ids.ok) return [];
  const subject = documentOf(examined);
  const before = history.entries.filter(({ sequence }) => sequence < subject.sequence);
  const here = [...before.flatMap(({ document }) => document ?? []), subject];
  const found: Elsewhere[] = [];
  for (const { name, environment } of ids.value) {
    if (name !== id.name || environment === id.environment) continue;
    const there = await readHistory(root, { name, environment }, { trust, environment });
    if (!there.ok) continue;
    const documents = there.value.entries.flatMap(({ document }) => document ?? []);
    const compared = compareElsewhere(environment, documents, here);
    if (compared !== undefined) found.push(compared);
  }
  return found;
}
