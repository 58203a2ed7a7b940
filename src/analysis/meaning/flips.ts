/** From the answers of a cell to rows that people read: boxes of combinations, then rows alike joined. */
import type { Decision } from '../../check/types.js';
import { DIFF_ROWS_MAX } from '../../constants.js';
import type { BothAnswers } from './ask.js';
import { boxesOf } from './boxes.js';
import type { Cell } from './cells.js';
import type { CellQuestions, Combination } from './questions.js';
import type { AskedRequest } from './requests.js';
import type { Flip, FlipRoute, Witness } from './types.js';
import { conditionsOf } from './words.js';

export interface FlippedQuestion {
  readonly combination: Combination;
  readonly request: AskedRequest;
  readonly answers: BothAnswers;
}

export interface CellAnswers {
  readonly cell: Cell;
  readonly questions: CellQuestions;
  readonly flipped: readonly FlippedQuestion[];
  /** Every combination was asked. */
  readonly finished: boolean;
}

export function flipsOfCell(answers: CellAnswers, environment: string | undefined): Flip[] {
  const byChange = new Map<string, FlippedQuestion[]>();
  for (const flipped of answers.flipped) {
    const { a, b } = flipped.answers;
    const key = `${a.decision} ${b.decision}`;
    const known = byChange.get(key);
    if (known === undefined) byChange.set(key, [flipped]);
    else known.push(flipped);
  }
  return [...byChange.values()].flatMap((flipped) => rowsOf(answers, flipped, environment));
}

function rowsOf(
  { cell, questions, finished }: CellAnswers,
  flipped: readonly FlippedQuestion[],
  environment: string | undefined,
): Flip[] {
  const { dimensions } = questions;
  const row = (members: readonly FlippedQuestion[], conditions: readonly string[]): Flip => {
    const [first] = members;
    if (first === undefined) throw new Error('a row has at least one question');
    return flipOf({ cell, questions, first, conditions, finished, environment }, members.length);
  };
  const sizes = dimensions.map(({ values }) => values.length);
  if (finished) {
    const boxes = boxesOf(widened(questions, flipped), sizes);
    if (boxes.length <= DIFF_ROWS_MAX) {
      return boxes.flatMap((box) => {
        const inside = flipped.filter(({ combination }) =>
          combination.every((digit, index) => box[index]?.has(digit)),
        );
        return inside.length === 0 ? [] : [row(inside, conditionsOf(dimensions, box))];
      });
    }
  }
  // Too many to list, or not all known: what all of them have in common.
  const box = sizes.map((_, index) => new Set(flipped.map((one) => one.combination[index] ?? 0)));
  return [row(flipped, conditionsOf(dimensions, box))];
}

/** With the combinations that fillers make equal, so that a filler that does not matter is no condition. */
function widened(
  { dimensions }: CellQuestions,
  flipped: readonly FlippedQuestion[],
): readonly Combination[] {
  let all: Combination[] = flipped.map(({ combination }) => combination);
  dimensions.forEach(({ fills }, position) => {
    if (fills === undefined) return;
    const extra = all.flatMap((combination) => {
      const filled = dimensions.some(({ field, values, fills: filler }, other) => {
        const within = filler === undefined && field.startsWith(`${fills}.`);
        return within && values[combination[other] ?? 0]?.value !== undefined;
      });
      if (!filled || combination[position] !== 0) return [];
      return [combination.map((digit, index) => (index === position ? 1 : digit))];
    });
    all = [...all, ...extra];
  });
  return all;
}

interface RowParts {
  readonly cell: Cell;
  readonly questions: CellQuestions;
  readonly first: FlippedQuestion;
  readonly conditions: readonly string[];
  readonly finished: boolean;
  readonly environment: string | undefined;
}

function flipOf(
  { cell, questions, first, conditions, finished, environment }: RowParts,
  count: number,
): Flip {
  const { caller, method, destination, pair, a, b } = cell;
  const { answers, request } = first;
  const same = a.action === b.action;
  const actions = same && a.action !== 'rpc' ? method.members : [...new Set([a.action, b.action])];
  const readsTime = questions.dimensions.some(({ field }) => {
    return field === 'time' || field === 'task.expiresAt';
  });
  return {
    caller: { representative: caller.representative, members: caller.members },
    actions: same ? actions : [actions.join(' -> ')],
    destination,
    routes: [{ before: pair.a?.name ?? null, after: pair.b?.name ?? null }],
    wholeDestination: false,
    from: answers.a.decision,
    to: answers.b.decision,
    conditions,
    exhaustive: finished,
    questions: count,
    witness: witnessOf(request, destination.representative, environment, readsTime),
    before: answers.a.answer,
    after: answers.b.answer,
  };
}

function witnessOf(
  { sketch, nowMs }: AskedRequest,
  service: string,
  environment: string | undefined,
  readsTime: boolean,
): Witness {
  const { caller, http, claims, sourceAddress } = sketch;
  return {
    caller,
    service,
    environment: environment ?? null,
    method: http?.method ?? null,
    path: http?.path ?? null,
    headers: http?.headers ?? [],
    claims: claims ?? null,
    sourceAddress: sourceAddress ?? null,
    time: readsTime ? new Date(nowMs).toISOString() : null,
  };
}

/** Rows that say the same of other actions, then of other routes, then of other callers, become one. */
export function joinFlips(flips: readonly Flip[], routesOf: (action: string) => number): Flip[] {
  const byAction = join(flips, ({ actions: _, ...rest }) => rest, joinActions);
  const byRoute = join(byAction, ({ routes: _, ...rest }) => rest, joinRoutes);
  const byCaller = join(byRoute, ({ caller: _, ...rest }) => rest, joinCallers);
  return byCaller
    .map((flip) => {
      const count = Math.max(...flip.actions.map(routesOf));
      const wholeDestination = count > 1 && flip.routes.length >= count;
      return { ...flip, wholeDestination };
    })
    .sort((x, y) => rankOf(x) - rankOf(y));
}

function join(
  flips: readonly Flip[],
  keyOf: (flip: Flip) => Partial<Flip>,
  joined: (one: Flip, other: Flip) => Flip,
): Flip[] {
  const rows = new Map<string, Flip>();
  for (const flip of flips) {
    const { witness: _, questions: __, before, after, ...rest } = keyOf(flip);
    const key = JSON.stringify([
      rest,
      before?.reason,
      after?.reason,
      before?.policies,
      after?.policies,
    ]);
    const known = rows.get(key);
    rows.set(key, known === undefined ? flip : joined(known, flip));
  }
  return [...rows.values()];
}

function joinActions(one: Flip, other: Flip): Flip {
  const actions = [...new Set([...one.actions, ...other.actions])];
  return { ...one, actions, questions: one.questions + other.questions };
}

function joinRoutes(one: Flip, other: Flip): Flip {
  const text = (route: FlipRoute) => JSON.stringify(route);
  const known = new Set(one.routes.map(text));
  const routes = [...one.routes, ...other.routes.filter((route) => !known.has(text(route)))];
  return { ...one, routes, questions: one.questions + other.questions };
}

function joinCallers(one: Flip, other: Flip): Flip {
  const members = [...new Set([...one.caller.members, ...other.caller.members])];
  const caller = { representative: one.caller.representative, members };
  return { ...one, caller, questions: one.questions + other.questions };
}

const ORDER: Readonly<Record<Decision, number>> = { deny: 1, error: 2, allow: 3 };

/** What is lost first, then errors, then what is gained. */
function rankOf({ from, to }: Flip): number {
  return from === 'allow' ? ORDER[to] : ORDER[to] * 10 + ORDER[from];
}
