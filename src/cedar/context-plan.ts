/**
 * What of a context goes along with a question, and what of that an answer can depend on. A field
 * costs the engine 10 us, so what no policy reads is not sent; and two contexts with the same key have
 * the same answer, so that only one of them need be asked.
 *
 * Sound by construction: the key tells everything about what is sent, apart from what a text is beyond
 * the outcomes of the tests that policies do with it (context-uses.ts).
 */
import { bareRecord } from '../bare-record.js';
import { LikeTests } from './like-tests.js';
import type { CedarValue, ContextUse } from './types.js';

type Values = Readonly<Record<string, CedarValue>>;

export interface ContextPlan {
  /** What is sent of it. */
  narrow(context: Values): Values;
  /** Undefined when the answer must not be remembered. */
  keyOf(context: Values): string | undefined;
  /**
   * What keys tell, and in which order: those of two plans mean the same only where this is the same.
   * It may differ for sets of policies that say the same, as their order does.
   */
  tells(): string;
}

/** More tests of one text cost more than they save: its value counts then. */
const TESTS_MAX = 128;
/** Client data, whose fields are all optional in every schema: one left out is missed by nobody. */
const OPTIONAL: ReadonlySet<string> = new Set(['headers', 'query', 'params', 'claims', 'task']);
/** Differs in every request. */
const TIME = 'time';

/** `required`: fields of the context that the schema wants to be there, whether they are read or not. */
export function planContext(
  uses: readonly ContextUse[],
  required: ReadonlySet<string> = new Set(),
): ContextPlan {
  if (uses.some(({ path }) => path.length === 0)) return WHOLE;
  const unread = [...required].filter((name) => !uses.some(({ path }) => path[0] === name));
  // Sent as a whole, whatever of it is read, so that the whole is told.
  const deep = uses.filter(({ path }) => path.length > 1 && !isOptional(path));
  const more = new Set([...unread, ...deep.map(({ path }) => path[0] as string)]);
  const all = [...uses, ...[...more].map((name) => ({ path: [name] }))];
  const sent = treeOf(all);
  const narrow = (context: Values) => fieldsOf(context, sent);
  const tells = () => JSON.stringify(all);
  if (sent.inner.has(TIME)) return { narrow, keyOf: () => undefined, tells };
  const tellers = all.map(tellerOf);
  return {
    narrow,
    tells,
    keyOf(context) {
      let key = '';
      for (const tell of tellers) {
        const told = tell(context);
        if (told === undefined) return undefined;
        key += told;
      }
      return key;
    },
  };
}

/** For policies too many to look at each use: all fields that they may read, for their values. */
export function planFields(
  fields: ReadonlySet<string> | undefined,
  required?: ReadonlySet<string>,
): ContextPlan {
  if (fields === undefined) return WHOLE;
  const uses = [...fields].sort().map((name) => ({ path: [name], value: true }));
  return planContext(uses, required);
}

const WHOLE: ContextPlan = {
  narrow: (context) => context,
  keyOf: (context) => (Object.hasOwn(context, TIME) ? undefined : textOf(context)),
  tells: () => '*',
};

/** What is sent of a record. */
interface Tree {
  whole: boolean;
  readonly inner: Map<string, Tree>;
}

function treeOf(uses: readonly ContextUse[]): Tree {
  const root: Tree = { whole: false, inner: new Map() };
  for (const { path, value } of uses) {
    let at = root;
    for (const name of path) {
      const next: Tree = at.inner.get(name) ?? { whole: !isOptional(path), inner: new Map() };
      at.inner.set(name, next);
      at = next;
    }
    at.whole ||= value === true;
  }
  return root;
}

function isOptional([name = '']: readonly string[]): boolean {
  return OPTIONAL.has(name);
}

function fieldsOf(values: Values, { inner }: Tree): Values {
  const sent = bareRecord<CedarValue>();
  for (const name in values) {
    const tree = inner.get(name);
    if (tree === undefined) continue;
    const value = values[name] as CedarValue;
    // What should be a record and is none is sent as it is: the engine says what is wrong with it.
    sent[name] = tree.whole || !isRecord(value) ? value : fieldsOf(value, tree);
  }
  return sent;
}

/** Tells of one use; undefined for what no policy was meant to see there. */
type Teller = (context: Values) => string | undefined;

/** INVARIANT: what is told ends where its own form says so, so that no two keys run together. */
function tellerOf({ path, value, equals = [], like = [] }: ContextUse): Teller {
  const whole = value === true || equals.length + like.length > TESTS_MAX;
  const narrowed = isOptional(path);
  const positions = new Map(equals.map((text, index) => [text, index]));
  const tests = new LikeTests(like);
  return (context) => {
    let at: CedarValue = context;
    for (let depth = 0; depth < path.length; depth += 1) {
      const name = path[depth] as string;
      if (!isRecord(at)) return undefined;
      if (!Object.hasOwn(at, name)) return `-${depth};`;
      at = at[name] as CedarValue;
    }
    if (whole) return textOf(at);
    // What is sent of it, other uses tell.
    if (isRecord(at)) return narrowed ? '+;' : textOf(at);
    if (typeof at !== 'string') return textOf(at);
    // The engine would read another text.
    if (!at.isWellFormed()) return undefined;
    return `?${positions.get(at) ?? ''}:${tests.placesOf(at)};`;
  };
}

/** JSON ends where it ends. */
function textOf(value: CedarValue | Values): string {
  return `=${JSON.stringify(value)}`;
}

/** An extension value only looks like one: less of it would be no value of its type. */
function isRecord(value: CedarValue): value is Values {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return !Object.hasOwn(value, '__extn');
}
