/**
 * Who could call: every workload that either bundle names, made-up ones where only a namespace or a
 * trust domain is named, and the anonymous caller; those that nothing can tell apart are one class.
 */
import { childrenOf, type Expression } from '../../cedar/policy-json.js';
import { policyConditions } from '../../cedar/policy-parts.js';
import { type UnitedReads, unionOfReads } from '../../cedar/policy-reads.js';
import { parseSpiffeId, readCaller } from '../../check/identity.js';
import { Stop } from '../../check/stop.js';
import { DIFF_STATES_MAX } from '../../constants.js';
import type { Side, Subject } from './side.js';
import { ANY_RUN, type Guard, literal, type Pattern, partition } from './strings.js';

export interface CallerClass {
  /** Who asks for all of them: a SPIFFE ID, or `anonymous`. */
  readonly representative: string;
  /** Who they are, in words. */
  readonly members: readonly string[];
  readonly subject: Subject;
}

interface Candidate {
  readonly id: string;
  readonly words: string;
}

const ANONYMOUS = 'anonymous';
/** Parts of made-up names. `x-` because a real one may well be called `other`. */
const MADE_UP = 'any-other';

export function callerClasses(sides: readonly Side[]): CallerClass[] {
  const named = new Set(sides.flatMap((side) => side.named()).map(({ id }) => id));
  const reads = unionOfReads(sides.flatMap(readsOfSide));
  const classes = new Map<string, { first: Candidate; members: string[]; subject: Subject }>();
  for (const candidate of candidates(sides)) {
    const subject = subjectOf(candidate.id);
    if (subject === undefined) continue;
    const key = signature(subject, sides, reads, named);
    const known = classes.get(key);
    if (known === undefined) {
      classes.set(key, { first: candidate, members: [candidate.words], subject });
    } else if (!known.members.includes(candidate.words)) known.members.push(candidate.words);
  }
  return [...classes.values()].map(({ first, members, subject }) => {
    return { representative: first.id, members, subject };
  });
}

function readsOfSide({ bundle }: Side) {
  return bundle.program.policies.map(({ reads }) => reads);
}

/** All that a policy of either side can see of the caller, its own name left out where nobody asks. */
function signature(
  subject: Subject,
  sides: readonly Side[],
  reads: UnitedReads,
  named: ReadonlySet<string>,
): string {
  const { type, id } = subject.entity.uid;
  const own = named.has(id) ? id : '';
  const seen = sides.map((side) => {
    const facts = side.facts(subject, reads).map((entity) => {
      const { uid } = entity;
      const it = uid.type === type && uid.id === id;
      // Ancestors are found in no order of their own.
      const parents = entity.parents.map((parent) => JSON.stringify(parent)).sort();
      return { ...entity, parents, uid: it ? null : uid };
    });
    return JSON.stringify(facts.map((fact) => JSON.stringify(fact)).sort());
  });
  return JSON.stringify([type, own, ...seen]);
}

export function subjectOf(id: string): Subject | undefined {
  const principal = id === ANONYMOUS ? '' : id;
  const caller = readCaller({ principal, certificate: '' }, false);
  return caller instanceof Stop ? undefined : caller;
}

/** Real ones first: they stand for their class. */
function candidates(sides: readonly Side[]): Candidate[] {
  const uids = sides.flatMap((side) => [
    ...side.named(),
    ...side.bundle.program.entities.flatMap(({ uid, parents }) => [uid, ...parents]),
  ]);
  const idsOf = (type: string) => {
    return [...new Set(uids.filter((uid) => uid.type === type).map(({ id }) => id))].sort();
  };
  const workloads = idsOf('Workload').filter((id) => typeof parseSpiffeId(id) !== 'string');
  const domains = new Set(idsOf('TrustDomain'));
  const namespaces = new Set<string>();
  for (const id of idsOf('Namespace')) {
    namespaces.add(id);
    domains.add(id.split('/')[0] ?? '');
  }
  for (const id of workloads) {
    const spiffe = parseSpiffeId(id);
    if (typeof spiffe !== 'string') domains.add(spiffe.trustDomain);
  }
  const elsewhere = `${MADE_UP}.example`;
  const accounts = namesToTry(sides, 'serviceAccount');
  const places = namesToTry(sides, 'namespace');
  const made: Candidate[] = [];
  const add = (id: string, words: string) => {
    if (!workloads.includes(id)) made.push({ id, words });
  };
  const suffix = (account: string) => (account === MADE_UP ? '' : ` such as ${account}`);
  for (const namespace of namespaces) {
    const [domain = '', name = ''] = namespace.split('/');
    for (const account of accounts) {
      const id = `spiffe://${domain}/ns/${name}/sa/${account}`;
      add(id, `any other workload in namespace ${namespace}${suffix(account)}`);
    }
  }
  for (const domain of [...domains, elsewhere]) {
    const where = domain === elsewhere ? 'of any other trust domain' : `of trust domain ${domain}`;
    for (const place of places) {
      for (const account of accounts) {
        const id = `spiffe://${domain}/ns/${place}/sa/${account}`;
        add(id, `any other workload ${where}${suffix(place)}${suffix(account)}`);
      }
    }
    add(`spiffe://${domain}/${MADE_UP}`, `any other workload ${where}, in no namespace`);
  }
  const real = workloads.map((id) => ({ id, words: id }));
  return [...real, ...made, { id: ANONYMOUS, words: ANONYMOUS }];
}

/** Names of one segment of a SPIFFE ID, dots alone left out. */
const SEGMENT: Guard = {
  start: 0,
  next: (_, character) => (/[A-Za-z0-9_-]/.test(character) ? 1 : undefined),
  accepts: (state) => state === 1,
};

/** One name for every combination of tests on `principal.namespace` or `.serviceAccount`. */
function namesToTry(sides: readonly Side[], attribute: string): string[] {
  const patterns = sides.flatMap(({ bundle }) =>
    bundle.program.policies
      .filter(({ reads }) => reads.attributes.includes(attribute))
      .flatMap(({ text }) =>
        policyConditions(text).flatMap(({ body }) => patternsOn(body, attribute)),
      ),
  );
  const { classes } = partition(patterns, { guard: SEGMENT, statesMax: DIFF_STATES_MAX });
  const tested = classes.filter(({ matches }) => matches.length > 0).map(({ witness }) => witness);
  return [...new Set([MADE_UP, ...tested])];
}

/** Patterns that an attribute of this name is compared with. */
function patternsOn(expression: Expression, attribute: string): Pattern[] {
  const inner = childrenOf(expression).flatMap((child) => patternsOn(child, attribute));
  const [operator, operands] = Object.entries(expression)[0] as [string, Operands];
  const { left, right } = operands;
  if (operator === 'like' && isAttribute(left, attribute)) {
    const steps = (operands.pattern ?? []).flatMap((part): Pattern => {
      return part === 'Wildcard' ? [ANY_RUN] : literal(part.Literal);
    });
    return [...inner, steps];
  }
  if (!['==', '!=', 'contains'].includes(operator)) return inner;
  const other = isAttribute(left, attribute)
    ? right
    : isAttribute(right, attribute)
      ? left
      : undefined;
  if (other === undefined) return inner;
  const values = 'Set' in other && Array.isArray(other.Set) ? (other.Set as Expression[]) : [other];
  const texts = values.flatMap((value) => {
    return 'Value' in value && typeof value.Value === 'string' ? [literal(value.Value)] : [];
  });
  return [...inner, ...texts];
}

interface Operands {
  readonly left?: Expression;
  readonly right?: Expression;
  readonly pattern?: readonly ('Wildcard' | { readonly Literal: string })[];
}

function isAttribute(expression: Expression | undefined, name: string): boolean {
  if (expression === undefined || !('.' in expression)) return false;
  return (expression['.'] as { attr: string }).attr === name;
}
