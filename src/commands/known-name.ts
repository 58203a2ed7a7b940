/** Names on the command line, held against what is approved: a slip must not look like a success. */
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { RolloutSource } from '../rollout/types.js';
import type { Place } from './change-flags.js';
import { historyAt } from './make-change.js';

const WORDS = {
  enforce: { one: 'slice', is: 'is enforced' },
  exceptions: { one: 'exception', is: 'is approved' },
  blocks: { one: 'block', is: 'is approved' },
} as const satisfies Partial<Record<keyof RolloutSource, { one: string; is: string }>>;

/** Whether the newest approved rollout has it. Problem code: `change_refused`. */
export async function checkKnown(
  place: Place,
  list: keyof typeof WORDS,
  name: string,
): Promise<Result<undefined>> {
  const history = await historyAt(place);
  if (!history.ok) return history;
  // Names are looked up in what ran last; whether it still counts is asked when the change is sealed.
  const { newest, lastRollout } = history.value;
  const names = (lastRollout?.source[list] ?? []).map((each) => each.name);
  if (names.includes(name)) return ok(undefined);
  const { one, is } = WORDS[list];
  const ofEmergency =
    list === 'blocks' &&
    newest?.kind === 'emergency' &&
    newest.blocks.some((block) => block.name === name);
  const help = ofEmergency
    ? `emergency ${newest.sequence} has it: end it there with --emergency, or take the emergency over with --reconcile and without it`
    : `correct the name; \`cedargate history\` shows what is approved`;
  return failed(unknown(`no ${one} \`${name}\` ${is}`, names, help));
}

/** The same of the blocks that the open emergency added: an emergency ends no others. */
export async function checkOpenBlock(place: Place, name: string): Promise<Result<undefined>> {
  const history = await historyAt(place);
  if (!history.ok) return history;
  const { newest } = history.value;
  const names = newest?.kind === 'emergency' ? newest.blocks.map((block) => block.name) : [];
  if (names.includes(name)) return ok(undefined);
  const help = 'one that is approved ends by an approved change: leave out --emergency';
  return failed(unknown(`no open emergency has a block \`${name}\``, names, help));
}

function unknown(what: string, names: readonly string[], help: string) {
  const known = names.map((each) => `\`${each}\``).join(', ') || 'none';
  return problem('change_refused', `${what}; there is: ${known}`, { help });
}
