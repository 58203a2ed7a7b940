/**
 * The edits that commands make to the source of a rollout, as text to text: what is not meant stays
 * as people wrote it. Whether the outcome is a rollout, `parseRolloutSource` says afterwards: an edit
 * may contradict what is there, such as a slice whose name `hold` has already.
 *
 * Every function wants a text that `parseRolloutSource` takes, or an edit of one, and throws when it
 * is no YAML map.
 */
import { API_VERSION } from '../bundle/built-manifest.js';
import {
  addYamlText,
  appendYamlItem,
  type ItemStyle,
  removeYamlField,
  removeYamlItem,
  replaceYamlItem,
  setYamlText,
  yamlField,
  yamlFlow,
} from '../bundle/yaml-edit.js';
import { blockFields, exceptionFields } from './entries-schema.js';
import { bundleRefText } from './source-schema.js';
import type { Block, BundleRef, Exception, RolloutSource, Slice } from './types.js';
import { utcDayText } from './utc-time.js';

export type SliceList = 'enforce' | 'hold';
type List = SliceList | 'exceptions' | 'blocks';
type Item = Readonly<Record<string, unknown>> & { readonly name: string };

/** The order in which a source is written. */
const FIELDS = [
  ...['apiVersion', 'kind', 'name', 'environment', 'destinations', 'change', 'bundle'],
  ...['candidate', 'enforce', 'hold', 'exceptions', 'blocks'],
];

export function setBundle(text: string, ref: BundleRef): string {
  return setYamlText(text, ['bundle'], bundleRefText(ref));
}

/** Without `ref` the candidate goes. */
export function setCandidate(text: string, ref: BundleRef | undefined): string {
  if (ref === undefined) return removeYamlField(text, 'candidate');
  const value = bundleRefText(ref);
  return yamlField(text, 'candidate') === undefined
    ? addYamlText(text, 'candidate', value, FIELDS)
    : setYamlText(text, ['candidate'], value);
}

/** Only what is given changes. */
export function setChange(text: string, change: Partial<RolloutSource['change']>): string {
  return Object.entries(changeFields(change)).reduce(
    (edited, [field, value]) => setYamlText(edited, ['change', field], value),
    text,
  );
}

/** In place of the slice of that name in the same list, or behind the others. */
export function putSlice(text: string, list: SliceList, { name, match }: Slice): string {
  return put(text, list, { name, match }, 'flow');
}

/** Unchanged when there is none of that name; so are the others below. */
export function removeSlice(text: string, list: SliceList, name: string): string {
  return remove(text, list, name);
}

/** `enforce`: everything is in shadow then. */
export function removeAllSlices(text: string, list: SliceList): string {
  return namesOf(text, list).reduce<string>((edited) => removeYamlItem(edited, list, 0), text);
}

/** In place of the exception of that name, or behind the others. */
export function putException(text: string, exception: Exception): string {
  return put(text, 'exceptions', exceptionFields(exception), 'lines');
}

export function removeException(text: string, name: string): string {
  return remove(text, 'exceptions', name);
}

/** In place of the block of that name, or behind the others. */
export function putBlock(text: string, block: Block): string {
  return put(text, 'blocks', blockFields(block), 'lines');
}

export function removeBlock(text: string, name: string): string {
  return remove(text, 'blocks', name);
}

/** What a first source is made from. */
export type NewSource = Pick<RolloutSource, 'name' | 'environment' | 'change' | 'bundle'> & {
  /** `<namespace>/<name>` each. */
  readonly destinations: readonly string[];
};

/** The first source of a rollout: nothing is enforced. */
export function newRolloutSource(source: NewSource): string {
  const { name, environment, destinations, change, bundle } = source;
  const services = destinations.map((service) => ({ service }));
  return [
    `# The approved state of ${name} in ${environment}. What is in no list below is in shadow.`,
    `apiVersion: ${API_VERSION}`,
    'kind: PolicyRollout',
    `name: ${yamlFlow(name)}`,
    `environment: ${yamlFlow(environment)}`,
    `destinations: ${yamlFlow(services)}`,
    `change: ${yamlFlow(changeFields(change))}`,
    `bundle: ${yamlFlow(bundleRefText(bundle))}`,
    'enforce: []',
    'hold: [] # stands above enforce',
    'exceptions: []',
    'blocks: []',
    '',
  ].join('\n');
}

function put(text: string, list: List, item: Item, style: ItemStyle): string {
  const index = namesOf(text, list).indexOf(item.name);
  return index === -1
    ? appendYamlItem(text, list, item, { order: FIELDS, style })
    : replaceYamlItem(text, list, index, item);
}

function remove(text: string, list: List, name: string): string {
  const index = namesOf(text, list).indexOf(name);
  return index === -1 ? text : removeYamlItem(text, list, index);
}

/** Read as YAML only: between two edits a source may contradict itself. */
function namesOf(text: string, list: List): readonly unknown[] {
  const items = yamlField(text, list);
  return Array.isArray(items) ? items.map((item: Partial<Item> | null) => item?.name) : [];
}

function changeFields({ reviewByMs, ...texts }: Partial<RolloutSource['change']>) {
  const { type, ticket, owner, reason } = texts;
  const reviewBy = reviewByMs === undefined ? undefined : utcDayText(reviewByMs);
  const fields = { type, ticket, owner, reason, reviewBy };
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
  );
}
