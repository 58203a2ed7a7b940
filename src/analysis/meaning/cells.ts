/**
 * Cells: one class of caller, one method, one class of destination, one route on each side. Within
 * a cell only the path and the context vary. A cell in which both sides have the same policies, the
 * same facts and the same schema gives the same answers, so it is not asked.
 */
import { unionOfReads } from '../../cedar/policy-reads.js';
import type { ScopeIndex } from '../../cedar/scope-index.js';
import type { CallerClass } from './callers.js';
import { type DestinationClass, resourceOf, routePairs } from './destinations.js';
import { type MethodClass, shapeText, takes } from './methods.js';
import type { RoutePair } from './paths.js';
import { applicableIn, type Membership, type Side, type SidePolicy } from './side.js';

export interface Cell {
  readonly caller: CallerClass;
  readonly method: MethodClass;
  readonly destination: DestinationClass;
  readonly pair: RoutePair;
  readonly a: SideOfCell;
  readonly b: SideOfCell;
}

export interface SideOfCell {
  readonly side: Side;
  readonly action: string;
  /** Policies whose scopes match. */
  readonly policies: readonly SidePolicy[];
}

export interface Sides {
  readonly a: Side;
  readonly b: Side;
}

export interface CellSource {
  readonly callers: readonly CallerClass[];
  readonly methods: readonly MethodClass[];
  readonly destinations: readonly DestinationClass[];
}

/** `filter: false` gives all cells, for a test of the filter. */
export function* cellsOf(
  sides: Sides,
  { callers, methods, destinations }: CellSource,
  { filter }: { readonly filter: boolean },
): Generator<Cell | undefined> {
  const finder = new CellFinder(sides);
  for (const method of methods) {
    for (const pair of pairsFor(sides, method)) {
      for (const destination of destinations) {
        const place = finder.place(method, destination, pair);
        if (place === undefined) continue;
        for (const caller of callers) {
          const cell = finder.cell(caller, place);
          yield filter && finder.isSame(cell, place) ? undefined : cell;
        }
      }
    }
  }
}

/** How many routes (none counts) requests with this action can take. */
export function routeCounts(sides: Sides, methods: readonly MethodClass[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const method of methods) {
    for (const pair of pairsFor(sides, method)) {
      const { a, b } = sides;
      const [left, right] = [
        a.actionOf(method.representative, pair.a),
        b.actionOf(method.representative, pair.b),
      ];
      const actions = left === right && left !== 'rpc' ? method.members : [left];
      for (const action of actions) counts.set(action, (counts.get(action) ?? 0) + 1);
    }
  }
  return counts;
}

function pairsFor({ a, b }: Sides, { representative }: MethodClass): RoutePair[] {
  if (representative === undefined) return [{ a: undefined, b: undefined }];
  const routes = (side: Side) => side.bundle.routes.filter((r) => takes(r, representative));
  return routePairs(routes(a), routes(b));
}

interface PlaceSide {
  readonly side: Side;
  readonly action: string;
  readonly resource: Membership;
  /** Of policies that the other side has not. */
  readonly changed: ScopeIndex;
}

interface Place {
  readonly method: MethodClass;
  readonly destination: DestinationClass;
  readonly pair: RoutePair;
  readonly a: PlaceSide;
  readonly b: PlaceSide;
  /** Beside policies and entities nothing differs: schema, routes, what the bundle covers. */
  readonly sameFrame: boolean;
  readonly sameFacts: boolean;
}

class CellFinder {
  readonly #changedA: ScopeIndex;
  readonly #changedB: ScopeIndex;
  readonly #memberships = new Map<CallerClass, readonly [Membership, Membership]>();
  readonly #sameFacts = new Map<CallerClass, boolean>();
  readonly #reads;

  constructor(private readonly sides: Sides) {
    const { a, b } = sides;
    this.#changedA = changedIndex(a, b);
    this.#changedB = changedIndex(b, a);
    this.#reads = unionOfReads(
      [a, b].flatMap(({ bundle }) => bundle.program.policies.map(({ reads }) => reads)),
    );
  }

  /** Undefined where another cell asks the same. */
  place(method: MethodClass, destination: DestinationClass, pair: RoutePair): Place | undefined {
    const { a, b } = this.sides;
    const { representative } = method;
    const actions = [a.actionOf(representative, pair.a), b.actionOf(representative, pair.b)];
    // gRPC calls have one method; asked with others they would be the same.
    if (actions.every((action) => action === 'rpc') && representative !== 'POST') return undefined;
    const place = (
      side: Side,
      route: RoutePair['a'],
      action = '',
      changed: ScopeIndex,
    ): PlaceSide => {
      const resource = side.membership(resourceOf(destination.representative, route));
      return { side, action, resource, changed };
    };
    const left = resourceOf(destination.representative, pair.a);
    const right = resourceOf(destination.representative, pair.b);
    return {
      method,
      destination,
      pair,
      a: place(a, pair.a, actions[0], this.#changedA),
      b: place(b, pair.b, actions[1], this.#changedB),
      sameFrame: sameFrame(this.sides, actions, pair, destination.representative),
      sameFacts: factsText(a.facts(left, this.#reads)) === factsText(b.facts(right, this.#reads)),
    };
  }

  cell(caller: CallerClass, { method, destination, pair, a, b }: Place): Cell {
    const [left, right] = this.#membershipsOf(caller);
    const of = ({ side, action, resource }: PlaceSide, who: Membership): SideOfCell => {
      let policies: SidePolicy[] | undefined;
      return {
        side,
        action,
        get policies() {
          policies ??= side.applicable(who, action, resource);
          return policies;
        },
      };
    };
    return { caller, method, destination, pair, a: of(a, left), b: of(b, right) };
  }

  isSame(cell: Cell, place: Place): boolean {
    if (!place.sameFrame) return false;
    const [left, right] = this.#membershipsOf(cell.caller);
    const changed = (
      [
        [place.a, left],
        [place.b, right],
      ] as const
    ).some(([{ changed, action, resource }, who]) => {
      return applicableIn(changed, who, action, resource).length > 0;
    });
    if (changed) return false;
    if (place.sameFacts && this.#callerIsSame(cell.caller)) return true;
    return this.#seenIsSame(cell);
  }

  /** By what the policies of this very cell can see, which is less than what any policy can. */
  #seenIsSame({ caller, destination, pair, a, b }: Cell): boolean {
    const meanings = (policies: readonly SidePolicy[]) =>
      policies.map(({ meaning }) => meaning).sort();
    if (JSON.stringify(meanings(a.policies)) !== JSON.stringify(meanings(b.policies))) return false;
    const reads = unionOfReads(a.policies.map(({ source }) => source.reads));
    const left = resourceOf(destination.representative, pair.a);
    const right = resourceOf(destination.representative, pair.b);
    return (
      factsText(a.side.facts(caller.subject, reads)) ===
        factsText(b.side.facts(caller.subject, reads)) &&
      factsText(a.side.facts(left, reads)) === factsText(b.side.facts(right, reads))
    );
  }

  #membershipsOf(caller: CallerClass): readonly [Membership, Membership] {
    let known = this.#memberships.get(caller);
    if (known === undefined) {
      const { a, b } = this.sides;
      known = [a.membership(caller.subject), b.membership(caller.subject)];
      this.#memberships.set(caller, known);
    }
    return known;
  }

  #callerIsSame(caller: CallerClass): boolean {
    let known = this.#sameFacts.get(caller);
    if (known === undefined) {
      const { a, b } = this.sides;
      const facts = [a, b].map((side) => factsText(side.facts(caller.subject, this.#reads)));
      known = facts[0] === facts[1];
      this.#sameFacts.set(caller, known);
    }
    return known;
  }
}

/** Over the policies that the other side has not, in this meaning and as often. */
function changedIndex(side: Side, other: Side): ScopeIndex {
  const left = new Map<string, number>();
  for (const { meaning } of other.policies) left.set(meaning, (left.get(meaning) ?? 0) + 1);
  const changed = side.policies.filter(({ meaning }) => {
    const count = left.get(meaning) ?? 0;
    left.set(meaning, count - 1);
    return count <= 0;
  });
  return side.indexOf(changed.map(({ source }) => source));
}

function sameFrame(
  { a, b }: Sides,
  [left = '', right = '']: readonly string[],
  pair: RoutePair,
  destination: string,
): boolean {
  const frame = (side: Side, action: string, route: RoutePair['a']) => {
    const { path, protocol } = side.bundle.manifest;
    const shape = side.shapeOf(action);
    // The access of a route is for people: no policy sees it.
    const seen = route === undefined ? null : { ...route, access: undefined, methods: undefined };
    const text = shape && shapeText({ ...shape, groups: undefined });
    return JSON.stringify([action, text, seen, path, protocol, side.covers(destination)]);
  };
  return frame(a, left, pair.a) === frame(b, right, pair.b);
}

/** Order means nothing in it. */
function factsText(facts: ReturnType<Side['facts']>): string {
  const texts = facts.map(({ uid, attrs, parents, tags }) => {
    const sorted = parents.map((parent) => JSON.stringify(parent)).sort();
    const fields = (values: object = {}) =>
      Object.entries(values).sort(([x], [y]) => (x < y ? -1 : 1));
    return JSON.stringify([uid, fields(attrs), sorted, fields(tags)]);
  });
  return JSON.stringify(texts.sort());
}
