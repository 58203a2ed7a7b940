/**
 * What the demo prints: headings, notes, commands, tables and claims. A claim is printed together
 * with what was observed, and recorded for the verdict.
 */
import { CLAIMS, type Claim, type Observation, type Observations } from './observe.js';
import { type CallRow, type Paint, renderColumns, renderTable } from './table.js';

export class Stage {
  readonly #paint: Paint;
  readonly #observations: Observations;
  #afterBlank = false;

  constructor(paint: Paint, observations: Observations) {
    this.#paint = paint;
    this.#observations = observations;
  }

  /** A line as it is. Of several blank ones in a row only the first is printed. */
  say(text = ''): void {
    const isBlank = text === '';
    if (!(isBlank && this.#afterBlank)) process.stdout.write(`${text}\n`);
    this.#afterBlank = isBlank;
  }

  heading(text: string): void {
    this.say();
    this.say(this.#paint.strong(text));
  }

  /** The end of a story that did not go well. */
  alarm(text: string): void {
    this.say();
    this.say(this.#paint.bad(text));
  }

  note(...lines: readonly string[]): void {
    for (const line of lines) this.say(line === '' ? '' : `  ${line}`);
  }

  /** Words of the program itself: a log line, an answer. */
  quote(...lines: readonly string[]): void {
    this.note(...lines.map((line) => (line === '' ? '' : this.#paint.faint(line))));
  }

  claim(id: Claim, { seen, evidence }: Observation): void {
    const recorded = this.#observations.record(id, seen, evidence);
    const mark = recorded.seen ? this.#paint.good('seen    ') : this.#paint.bad('NOT SEEN');
    this.say(`  ${mark}  ${CLAIMS[id]}\n            ${this.#paint.faint(recorded.evidence)}`);
  }

  /** Calls as they were seen. */
  table(rows: readonly CallRow[]): void {
    this.#block(renderTable(rows));
  }

  /** Anything else in columns. */
  list(titles: readonly string[], rows: readonly (readonly string[])[]): void {
    this.#block(renderColumns(titles, rows));
  }

  #block(lines: readonly string[]): void {
    this.say();
    this.note(...lines);
    this.say();
  }
}
