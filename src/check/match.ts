/**
 * Whether a request is one that an entry of a rollout is about. Entries are compiled once, when a
 * generation is built. Keys are AND, values of a list OR, `{}` is everything.
 *
 * What cannot be read answers by rule: an unreadable identity is no caller of any list, unless the
 * entry says `unidentified`; whether a request whose path cannot be read is on a route nobody knows,
 * nor its access or action where routes decide them, so that is a third answer, and check/slices.ts
 * says what it means for which kind of entry.
 */
import type { Match } from '../rollout/types.js';
import { compileGlob } from './glob.js';
import type { SpiffeId } from './identity.js';
import type { PercentBuckets } from './percent.js';
import type { Access } from './types.js';

/** `unknown`: it depends on a route, or on what a route or a tenant says, that cannot be told. */
export type Answer = 'yes' | 'no' | 'unknown';

/** What entries look at in a request. Plain data: replay makes it from a log line. */
export interface Traits {
  /** Undefined when the identity is unreadable; `id` is undefined for anonymous callers. */
  readonly caller: { readonly name: string; readonly id: SpiffeId | undefined } | undefined;
  /** Undefined also where a path that cannot be read keeps it from being told. */
  readonly action: string | undefined;
  /** Undefined when it cannot be told. */
  readonly access: Access | undefined;
  /** `<namespace>/<name>` */
  readonly destination: string;
  /** Name of the declared route that it takes; undefined for none. */
  readonly route: string | undefined;
  /** Whether `route` can be relied on. */
  readonly pathReadable: boolean;
}

/**
 * Equal for requests that no entry can tell apart. INVARIANT: the action, which a client may choose,
 * comes last, and NUL is in none of the others: no text can pass for another request's.
 */
export function traitsKey(traits: Traits): string {
  const { caller, action, access, destination, route, pathReadable } = traits;
  const readable = `${caller?.name ?? ''}\0${access ?? ''}\0${destination}\0${route ?? ''}`;
  return `${readable}\0${pathReadable}\0${action === undefined ? '' : `=${action}`}`;
}

/** What entries look at beyond the request. */
export interface MatchWorld {
  /** Caller -> its attribute `tenant` in the entities; undefined without a bundle. */
  readonly tenants: ReadonlyMap<string, string> | undefined;
  readonly buckets: PercentBuckets;
}

export interface CompiledMatch {
  answer(traits: Traits): Answer;
  /** The same, key by key: for people. All `yes` means yes, any `no` means no. */
  why(traits: Traits): readonly KeyAnswer[];
  /** The only callers that it can take, when it lists them one by one; undefined = any caller. */
  readonly callers: readonly string[] | undefined;
}

export interface KeyAnswer {
  readonly key: keyof Match;
  readonly answer: Answer;
}

type Caller = NonNullable<Traits['caller']>;
type Test = (traits: Traits) => Answer;
type CallerTest = (caller: Caller) => Answer;
/** What one key of a match asks. */
type Keyed<T> = readonly [key: keyof Match, test: T];

export function compileMatch(match: Match, world: MatchWorld): CompiledMatch {
  const ofRequest = requestTests(match, world.tenants !== undefined);
  const ofCaller = callerTests(match, world);
  const ofPercent = percentTest(match, world);
  const tests = [
    ...ofRequest.map(testOf),
    ...callerTest(ofCaller.map(testOf), match.unidentified === true),
    ...ofPercent.map(testOf),
  ];
  const listed = match.callers !== undefined && !match.callers.some(isGlob) && !match.unidentified;
  return {
    answer: (traits) => allOf(tests, traits),
    why: (traits) => [
      ...ofRequest.map(([key, test]) => ({ key, answer: test(traits) })),
      ...whyCaller(ofCaller, match.unidentified === true, traits),
      ...ofPercent.map(([key, test]) => ({ key, answer: test(traits) })),
    ],
    callers: listed ? match.callers : undefined,
  };
}

/** `no` when one is, else `unknown` when one is. */
function allOf<T>(tests: readonly ((value: T) => Answer)[], value: T): Answer {
  let all: Answer = 'yes';
  for (const test of tests) {
    const answer = test(value);
    if (answer === 'no') return 'no';
    if (answer === 'unknown') all = 'unknown';
  }
  return all;
}

function testOf<T>([, test]: Keyed<T>): T {
  return test;
}

const yesIf = (condition: boolean): Answer => (condition ? 'yes' : 'no');

function requestTests(
  { actions, access, destinations, routes }: Match,
  bundle: boolean,
): Keyed<Test>[] {
  const tests: Keyed<Test>[] = [];
  if (access !== undefined) {
    const test: Test = (traits) =>
      traits.access === undefined ? 'unknown' : yesIf(traits.access === access);
    tests.push(['access', test]);
  }
  if (actions !== undefined) {
    const wanted = new Set<string | undefined>(actions);
    const test: Test = ({ action, pathReadable }) => {
      // A method that is the name of something else in Cedar is readable, and no action.
      if (action === undefined) return pathReadable ? 'no' : 'unknown';
      return yesIf(wanted.has(action));
    };
    tests.push(['actions', test]);
  }
  if (destinations !== undefined) {
    const wanted = new Set(destinations);
    tests.push(['destinations', ({ destination }) => yesIf(wanted.has(destination))]);
  }
  if (routes !== undefined) {
    const wanted = new Set<string | undefined>(routes);
    const test: Test = ({ route, pathReadable }) => {
      if (!bundle || !pathReadable) return 'unknown';
      return yesIf(route !== undefined && wanted.has(route));
    };
    tests.push(['routes', test]);
  }
  return tests;
}

/** All keys about the caller in one test, since an unreadable identity answers them all at once. */
function callerTest(tests: readonly CallerTest[], unidentified: boolean): Test[] {
  if (tests.length === 0) {
    return unidentified ? [({ caller }) => yesIf(caller === undefined)] : [];
  }
  return [({ caller }) => (caller === undefined ? yesIf(unidentified) : allOf(tests, caller))];
}

/** Key by key, in the same way. */
function whyCaller(
  keyed: readonly Keyed<CallerTest>[],
  unidentified: boolean,
  { caller }: Traits,
): KeyAnswer[] {
  if (keyed.length === 0 && unidentified) {
    return [{ key: 'unidentified', answer: yesIf(caller === undefined) }];
  }
  return keyed.map(([key, test]) => {
    return { key, answer: caller === undefined ? yesIf(unidentified) : test(caller) };
  });
}

function callerTests(match: Match, { tenants }: MatchWorld): Keyed<CallerTest>[] {
  const tests: Keyed<CallerTest>[] = [];
  if (match.callers !== undefined) tests.push(['callers', namesTest(match.callers)]);
  if (match.trustDomains !== undefined) {
    const wanted = new Set(match.trustDomains);
    const test: CallerTest = ({ id }) => yesIf(id !== undefined && wanted.has(id.trustDomain));
    tests.push(['trustDomains', test]);
  }
  if (match.namespaces !== undefined) {
    const wanted = new Set(match.namespaces);
    const test: CallerTest = ({ id }) =>
      yesIf(id?.kubernetes !== undefined && wanted.has(id.kubernetes.namespace));
    tests.push(['namespaces', test]);
  }
  if (match.tenants !== undefined) {
    const wanted = new Set<string | undefined>(match.tenants);
    const test: CallerTest = ({ name }) => {
      if (tenants === undefined) return 'unknown';
      const tenant = tenants.get(name);
      return yesIf(tenant !== undefined && wanted.has(tenant));
    };
    tests.push(['tenants', test]);
  }
  return tests;
}

function namesTest(callers: readonly string[]): CallerTest {
  const names = new Set(callers.filter((caller) => !isGlob(caller)));
  const globs = callers.filter(isGlob).map(compileGlob);
  // Patterns are of SPIFFE IDs: anonymous callers are meant only where they are named.
  return ({ name, id }) =>
    yesIf(names.has(name) || (id !== undefined && globs.some((glob) => glob(name))));
}

function isGlob(caller: string): boolean {
  return caller.includes('*');
}

/** Never anonymous callers, nor those who cannot be told apart. */
function percentTest({ percent }: Match, { buckets }: MatchWorld): Keyed<Test>[] {
  if (percent === undefined) return [];
  const test: Test = ({ caller }) =>
    yesIf(caller?.id !== undefined && buckets.of(caller.name) < percent);
  return [['percent', test]];
}
