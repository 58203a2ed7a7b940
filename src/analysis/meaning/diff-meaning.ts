/**
 * Which classes of requests are decided otherwise by bundle B than by bundle A: enumerates what the
 * policies of both can tell apart, and asks both for each. Pure but for the engine; docs/bundle-diff.md
 * says what it can and cannot see.
 */
import type { CompiledBundle } from '../../bundle/types.js';
import type { CreateEvaluator } from '../../cedar/types.js';
import { DIFF_NAMES_MAX } from '../../constants.js';
import type { Result } from '../../result.js';
import { type Ask, askerOf, withBoth } from './ask.js';
import { shares, spread } from './budget.js';
import { callerClasses } from './callers.js';
import { type Cell, type CellSource, cellsOf, routeCounts, type Sides } from './cells.js';
import { destinationClasses } from './destinations.js';
import { type CellAnswers, type FlippedQuestion, flipsOfCell, joinFlips } from './flips.js';
import { methodClasses } from './methods.js';
import { type CellQuestions, combinationAt, Questions, requestAt } from './questions.js';
import { attributeValues, Side } from './side.js';
import type { Flip, MeaningDiff, NotExhaustive } from './types.js';

export interface MeaningOptions {
  readonly environment: string | undefined;
  /** Questions asked of each side at most. */
  readonly limit: number;
  /** To look at beside those that the bundles name. */
  readonly destinations: readonly string[];
  /** False asks every cell, whether it can differ or not: for a test of the filter. */
  readonly filter?: boolean;
}

export function diffMeaning(
  bundles: { readonly a: CompiledBundle; readonly b: CompiledBundle },
  options: MeaningOptions,
  createEvaluator: CreateEvaluator,
): Result<MeaningDiff> {
  const sides: Sides = { a: new Side(bundles.a), b: new Side(bundles.b) };
  const both = [sides.a, sides.b];
  const source: CellSource = {
    callers: callerClasses(both),
    methods: methodClasses(both),
    destinations: destinationClasses(both, options.destinations),
  };
  const { cells, seen, differing } = chooseCells(sides, source, options);
  const questions = new Questions(attributeValues(both));
  const planned = planCells(cells, questions, options.limit);
  return withBoth(bundles, createEvaluator, (evaluators) => {
    const ask = askerOf(bundles, evaluators, options.environment);
    return report(
      planned,
      ask,
      { seen, differing, routes: routeCounts(sides, source.methods) },
      options,
    );
  });
}

/** Where more cells differ than questions may be asked, every n-th is kept: they are all counted. */
function chooseCells(sides: Sides, source: CellSource, { limit, filter = true }: MeaningOptions) {
  let kept: Cell[] = [];
  let stride = 1;
  let seen = 0;
  let differing = 0;
  for (const cell of cellsOf(sides, source, { filter })) {
    seen += 1;
    if (cell === undefined) continue;
    if (differing % stride === 0) kept.push(cell);
    differing += 1;
    if (kept.length > limit) {
      kept = kept.filter((_, index) => index % 2 === 0);
      stride *= 2;
    }
  }
  return { cells: kept, seen, differing };
}

interface PlannedCell {
  readonly cell: Cell;
  readonly questions: CellQuestions;
  readonly share: number;
}

function planCells(cells: readonly Cell[], questions: Questions, limit: number): PlannedCell[] {
  const made = cells.map((cell) => ({ cell, questions: questions.of(cell) }));
  const given = shares(
    made.map(({ questions: { distinct } }) => distinct),
    limit,
  );
  return made.map((each, index) => ({ ...each, share: given[index] ?? 0 }));
}

interface Counts {
  readonly seen: number;
  readonly differing: number;
  /** Of each action. */
  readonly routes: ReadonlyMap<string, number>;
}

function report(
  planned: readonly PlannedCell[],
  ask: Ask,
  { seen, differing, routes }: Counts,
  { environment }: MeaningOptions,
): MeaningDiff {
  const flips: Flip[] = [];
  const inexact = new Map<string, NotExhaustive>();
  const sampledFields = new Set<string>();
  const examples: string[] = [];
  let asked = 0;
  let combinations = 0;
  let unfinished = differing - planned.length;
  for (const plan of planned) {
    const { answers, count, impossible } = askCell(plan, ask);
    asked += count;
    combinations += plan.questions.distinct - impossible;
    flips.push(...flipsOfCell(answers, environment));
    collectInexact(plan, inexact);
    for (const field of plan.questions.cutFields) sampledFields.add(field);
    if (answers.finished) continue;
    unfinished += 1;
    if (examples.length < DIFF_NAMES_MAX) examples.push(cellText(plan.cell));
  }
  return {
    environment: environment ?? null,
    flips: joinFlips(flips, (action) => routes.get(action) ?? 0),
    asked: {
      classes: seen,
      differing,
      questions: asked,
      combinations,
      unfinished: { count: unfinished, examples },
    },
    notExhaustive: [...inexact.values()],
    sampledFields: [...sampledFields].sort(),
  };
}

function askCell({ cell, questions, share }: PlannedCell, ask: Ask) {
  const { total, distinct } = questions;
  const finished = share >= distinct;
  const flipped: FlippedQuestion[] = [];
  const done = new Set<string>();
  let count = 0;
  let impossible = 0;
  // Fillers make some combinations equal, so more numbers than questions are looked at.
  for (const index of spread(total, finished ? total : share * 2)) {
    if (!finished && count >= share) break;
    const combination = combinationAt(questions, index);
    const key = combination.join();
    if (done.has(key)) continue;
    done.add(key);
    const request = requestAt(cell, questions, combination);
    if (request === undefined) {
      impossible += 1;
      continue;
    }
    count += 1;
    const answers = ask(request, cell.destination.representative);
    if (answers.a.decision !== answers.b.decision) flipped.push({ combination, request, answers });
  }
  const answers: CellAnswers = { cell, questions, flipped, finished };
  return { answers, count, impossible };
}

function collectInexact({ cell, questions }: PlannedCell, found: Map<string, NotExhaustive>): void {
  if (questions.inexact.size === 0) return;
  for (const { policies } of [cell.a, cell.b]) {
    for (const { source } of policies) {
      for (const expression of questions.inexact.get(source.id) ?? []) {
        const { id, file, line } = source;
        found.set(`${id} ${expression}`, { policy: id, file, line, expression });
      }
    }
  }
}

/** One class in words, as lists of unfinished ones have it. */
function cellText({ caller, method, destination, pair }: Cell): string {
  const what = method.representative ?? 'connect';
  const route = pair.a?.name ?? pair.b?.name;
  const where = route === undefined ? '' : ` route ${route}`;
  return `${caller.members[0]}: ${what} on ${destination.representative}${where}`;
}
