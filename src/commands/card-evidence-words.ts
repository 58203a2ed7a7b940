/** The words for who was seen to call, the same in text and in Markdown. */
import { escapeName } from '../bundle/names.js';
import { CARD_CALLERS_SHOWN } from '../constants.js';
import type { Card } from '../rollout/card.js';
import type { CardSlice } from '../rollout/card-evidence.js';

/** One line each, and none where the document has no evidence. */
export function evidenceLines({ seen }: Card): string[] {
  if (seen === null) return [];
  if (seen.why !== null) return [escapeName(`the evidence cannot be shown: ${seen.why}`)];
  const logs = seen.logs.map(({ name, lines }) => `${name} (${lines} lines)`).join(', ');
  const span = seen.from === null ? '' : `, from ${seen.from} to ${seen.to}`;
  return [
    ...seen.slices.flatMap(sliceLines),
    escapeName(`from ${logs === '' ? 'no lines at all' : logs}${span}`),
  ];
}

function sliceLines({ name, percent, known, inside, outside, requestsADay }: CardSlice): string[] {
  const day = requestsADay === null ? '' : `, ${requestsADay} requests a day`;
  const callers = `${known} known ${known === 1 ? 'caller' : 'callers'}`;
  const head =
    percent === null
      ? `slice ${name}: ${callers}${day}`
      : `slice ${name}, ${percent} % of ${callers}: ${inside.length} inside, ${outside} outside${day}`;
  const named = inside.slice(0, CARD_CALLERS_SHOWN).map(({ caller, requests }) => {
    return escapeName(
      `  inside: ${caller} (${requests} ${requests === 1 ? 'request' : 'requests'})`,
    );
  });
  const rest = inside.length - named.length;
  return [head, ...named, ...(rest > 0 ? [`  and ${rest} more: see the evidence file`] : [])];
}
