/** Where a request stands in a rollout, in words. */
import type {
  EntryFinding,
  KeyFinding,
  StandingExplanation,
} from '../analysis/explain-standing.js';
import { escapeName } from '../bundle/names.js';
import { listText } from '../rollout/match-words.js';

const LIST_WORDS: Readonly<Record<EntryFinding['list'], string>> = {
  blocks: 'block',
  hold: 'hold',
  enforce: 'enforced slice',
  exceptions: 'exception',
};
/** Values of one key that are named; `--json` has all. */
const VALUES_SHOWN = 3;

/** The first line says what becomes of it. */
export function standingLines(standing: StandingExplanation): string[] {
  const lists = Object.keys(LIST_WORDS) as EntryFinding['list'][];
  return [headText(standing), ...lists.flatMap((list) => listLines(list, standing))].map(
    escapeName,
  );
}

function headText({ kind, slice, mode, exception, verdict }: StandingExplanation): string {
  const where = {
    block: `blocked by \`${slice}\``,
    hold: `held in shadow by \`${slice}\``,
    enforce: `enforced by slice \`${slice}\``,
    none: 'in shadow, in no slice',
  }[kind ?? 'none'];
  if (verdict === null) return `${where}: it was never evaluated, so nobody knows what comes of it`;
  const { outcome, reason, wouldDeny } = verdict;
  const by = exception === null ? '' : `, exception \`${exception}\` speaks for it`;
  const would = mode === 'shadow' && wouldDeny ? ', and would be denied if it were enforced' : '';
  return `${where}: ${outcome} (${reason})${by}${would}`;
}

/** Those that take the request; where none does, the nearest one. */
function listLines(list: EntryFinding['list'], { entries }: StandingExplanation): string[] {
  const all = entries.filter((entry) => entry.list === list);
  const taking = all.filter(({ takes }) => takes);
  const shown = taking.length > 0 ? taking : all.sort(nearestFirst).slice(0, 1);
  return shown.map(entryText);
}

function nearestFirst(a: EntryFinding, b: EntryFinding): number {
  return misses(a).length - misses(b).length;
}

function misses({ keys }: EntryFinding): readonly KeyFinding[] {
  return keys.filter(({ answer }) => answer !== 'yes');
}

function entryText(entry: EntryFinding): string {
  const { list, name, takes, live, from, until, keys } = entry;
  const what = `${LIST_WORDS[list]} \`${name}\``;
  if (!takes) {
    const why = misses(entry).map((key) => keyText(key));
    return `nearest ${what} does not take it: ${why.join('; ')}`;
  }
  const why = keys.length === 0 ? 'everything' : keys.map((key) => keyText(key)).join('; ');
  return live
    ? `${what} takes it: ${why}`
    : `${what} would take it, but not at this time, only from ${from} until ${until}: ${why}`;
}

function keyText({ key, answer, wanted, found }: KeyFinding): string {
  if (key === 'percent') {
    if (found === null) return 'percent takes no caller who is anonymous or cannot be read';
    return `bucket ${found}, ${answer === 'yes' ? 'inside' : 'outside'} of ${wanted} percent`;
  }
  const asked = `${key} ${wantedText(wanted)}`;
  if (answer === 'yes') return asked;
  if (answer === 'unknown') return `${asked}, and that cannot be told`;
  return `${asked}, and here it is ${found ?? 'none that is known'}`;
}

function wantedText(wanted: KeyFinding['wanted']): string {
  if (!Array.isArray(wanted)) return String(wanted);
  const shown = (wanted as readonly string[]).slice(0, VALUES_SHOWN);
  const rest = wanted.length - shown.length;
  return listText([...shown, ...(rest > 0 ? [`${rest} more`] : [])], 'or');
}
