/** Policy files to policies: each whole, named, owned, described, and found again in its file. */
import { PROBLEMS_MAX } from '../constants.js';
import { type ErrorCode, type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { isTooDeep, unsafeText } from './depth.js';
import { engine } from './engine.js';
import { type Excerpt, problemAt, wholeFile } from './engine-errors.js';
import { Known } from './known.js';
import { readsOf } from './policy-reads.js';
import { scopeOf } from './policy-scope.js';
import { lineOf, placeAt, type TextFile } from './position.js';
import { skipBlank } from './tokens.js';
import type { PolicySource } from './types.js';

/** A policy together with what is needed while a bundle is compiled, and thrown away after. */
export interface ParsedPolicy {
  readonly policy: PolicySource;
  readonly excerpt: Excerpt;
}

/** Ids are written to logs, metrics and dynamic metadata: one word, nothing to escape. */
export const POLICY_ID = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;
const ID_FORM = '1 to 128 letters, digits and `._/-`, beginning with a letter or digit';

/** A text that is known was accepted before, and is again: what is asked of it depends on nothing else. */
export function parsePolicies(
  files: readonly TextFile[],
  known = new Known(),
): Result<ParsedPolicy[]> {
  const problems: Problem[] = [];
  const policies: ParsedPolicy[] = [];
  for (const file of files) {
    const counted = { index: 0, line: 1 };
    for (const excerpt of known.split(file) ?? splitFile(file, problems)) {
      // Counted on from the policy before: files are long.
      counted.line += lineOf(file.text.slice(counted.index, excerpt.start), Infinity) - 1;
      counted.index = excerpt.start;
      const facts = known.policy(excerpt.text) ?? readPolicy(excerpt, problems);
      if (facts === undefined) continue;
      const policy = { ...facts, file: file.file, line: counted.line };
      policies.push({ policy, excerpt });
    }
  }
  problems.push(...duplicates(policies));
  return okUnless(problems.slice(0, PROBLEMS_MAX), () => policies);
}

/** The policies of a file in the order of the file, with their exact text. */
function splitFile(source: TextFile, problems: Problem[]): Excerpt[] {
  const unsafe = unsafeText(source);
  if (unsafe !== undefined) {
    problems.push(unsafe);
    return [];
  }
  const parts = engine().run((api) => api.policySetTextToParts(source.text));
  if (parts.type === 'failure') {
    const whole = wholeFile(source);
    problems.push(...parts.errors.map((error) => problemAt('policy_syntax', error, whole)));
    return [];
  }
  const templates = inOrder(parts.policy_templates);
  const found = locate(source, inOrder(parts.policies), templates);
  for (const { start } of found.templates) {
    const message = 'the policy is a template: it has a `?principal` or `?resource` slot';
    problems.push(problem('policy_template', message, placeAt(source, start)));
  }
  return found.policies;
}

/**
 * The engine names the policies of a text policy0, policy1, ... and returns them ordered by name as
 * text, so that policy10 comes before policy2. This undoes it.
 */
function inOrder(texts: readonly string[]): string[] {
  const names = texts.map((_, index) => `policy${index}`).sort();
  const ordered: string[] = new Array(texts.length);
  names.forEach((name, index) => {
    ordered[Number(name.slice('policy'.length))] = texts[index] ?? '';
  });
  return ordered;
}

/**
 * Finds each policy where it stands. Searching for its text could find a copy in a comment, so we
 * step over blank space and comments: what follows is the next policy or template.
 */
function locate(source: TextFile, policies: string[], templates: string[]) {
  const found = { policies: [] as Excerpt[], templates: [] as Excerpt[] };
  let index = skipBlank(source.text, 0);
  while (index < source.text.length) {
    const kind = source.text.startsWith(policies[found.policies.length] ?? '\0', index)
      ? 'policies'
      : 'templates';
    const list = kind === 'policies' ? policies : templates;
    const text = list[found[kind].length];
    if (text === undefined || !source.text.startsWith(text, index)) break;
    found[kind].push({ source, start: index, text });
    index = skipBlank(source.text, index + text.length);
  }
  const count = found.policies.length + found.templates.length;
  if (count !== policies.length + templates.length) {
    throw new Error(`found ${count} policies in ${source.file}, the engine more`);
  }
  return found;
}

/** What follows from the text alone. */
type PolicyFacts = Omit<PolicySource, 'file' | 'line'>;

function readPolicy(excerpt: Excerpt, problems: Problem[]): PolicyFacts | undefined {
  const { source, start, text } = excerpt;
  const answer = engine().run((api) => api.policyToJson(text));
  if (answer.type === 'failure') {
    problems.push(...answer.errors.map((error) => problemAt('policy_syntax', error, excerpt)));
    return undefined;
  }
  const annotations = new Map(Object.entries(answer.json.annotations ?? {}));
  const before = problems.length;
  const refuse = (code: ErrorCode, message: string, help?: string) => {
    const advice = help === undefined ? {} : { help };
    problems.push(problem(code, message, { ...placeAt(source, start), ...advice }));
  };
  for (const name of ['id', 'owner', 'description']) {
    if ((annotations.get(name) ?? '').trim() !== '') continue;
    refuse('policy_annotation', `the policy has no \`@${name}\``);
  }
  const id = annotations.get('id') ?? '';
  if (id.trim() !== '' && !POLICY_ID.test(id)) {
    refuse(
      'policy_annotation',
      `\`@id\` \`${id}\` has a form that is not allowed`,
      `use ${ID_FORM}`,
    );
  }
  if (isTooDeep(answer.json)) {
    refuse('policy_too_deep', `the policy \`${id}\` is nested too deep`);
  }
  if (problems.length > before) return undefined;
  const owner = annotations.get('owner') ?? '';
  const description = annotations.get('description') ?? '';
  const { json } = answer;
  const scope = scopeOf(json);
  const reads = readsOf(json, scope);
  return { id, effect: json.effect, owner, description, text, scope, reads };
}

function duplicates(policies: readonly ParsedPolicy[]): Problem[] {
  const first = new Map<string, PolicySource>();
  return policies.flatMap(({ policy, excerpt }) => {
    const other = first.get(policy.id);
    if (other === undefined) {
      first.set(policy.id, policy);
      return [];
    }
    const message = `\`@id\` \`${policy.id}\` is taken by the policy at ${other.file}:${other.line}`;
    const place = placeAt(excerpt.source, excerpt.start);
    return [problem('policy_duplicate_id', message, place)];
  });
}
