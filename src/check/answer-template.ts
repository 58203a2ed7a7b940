/**
 * Answers that differ in nothing but the decision id are encoded once; the id is then written into a
 * copy. (Encoding an answer takes 20 us, this takes 1.) The templates live as long as the
 * regime that they speak for, and their number is bounded.
 */
import { ANSWER_TEMPLATES_MAX } from '../constants.js';
import type { Regime } from './types.js';

/** As long as a UUID, of a character that no validated value can hold. */
const ID_CHARS = 36;
const PLACEHOLDER = '\u0001'.repeat(ID_CHARS);

/** What stands before, between and after the ids, a character for each byte: joining texts costs least. */
type Template = readonly string[];

export class AnswerTemplates {
  readonly #byRegime = new WeakMap<Regime, Map<string, Template>>();

  /**
   * The answer with this id. `key` says all that the answer depends on under one regime;
   * `encode` makes it for any id of this length.
   */
  answer(
    regime: Regime,
    key: string,
    decisionId: string,
    encode: (decisionId: string) => Buffer,
  ): Buffer {
    if (decisionId.length !== ID_CHARS) return encode(decisionId);
    let templates = this.#byRegime.get(regime);
    if (templates === undefined) {
      templates = new Map();
      this.#byRegime.set(regime, templates);
    }
    let template = templates.get(key);
    if (template === undefined) {
      if (templates.size >= ANSWER_TEMPLATES_MAX) return encode(decisionId);
      template = templateOf(encode(PLACEHOLDER));
      templates.set(key, template);
    }
    return Buffer.from(template.join(decisionId), 'latin1');
  }
}

function templateOf(bytes: Buffer): Template {
  return bytes.toString('latin1').split(PLACEHOLDER);
}
