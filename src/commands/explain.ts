/** `cedargate explain`: decide one request and say which policies decided, and why others did not. */
import type { Command } from 'commander';
import type { Explanation } from '../analysis/explain.js';
import { parseLoggedDecision } from '../analysis/logged-decision.js';
import { type QuestionFlags, readQuestion } from '../analysis/question.js';
import { loadBundleDirectory } from '../bundle/load.js';
import type { CompiledBundle } from '../bundle/types.js';
import type { ActiveBundle } from '../check/types.js';
import { problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import { printExplanation } from './explain-text.js';
import { fail, type Io, printJson } from './output.js';
import { readInput } from './read-input.js';

const EXAMPLES = `Examples:
  Would orders be allowed to refund, and if not, why not?
    cedargate explain --bundle ./policies --caller spiffe://example.org/ns/shop/sa/orders \\
      --method POST --path /payments/card-1/refunds --header x-ticket=INC-42
  With a token, in production:
    cedargate explain --bundle ./policies --environment production --method GET \\
      --path /payments/card-1 --caller spiffe://partner.example/ns/edge/sa/gateway \\
      --claim tenant=acme
  A line of the decision log:
    grep DECISION_ID decisions.log | cedargate explain --bundle ./policies --line -
`;

const NOTES = `
Exit code 0 whatever the decision: the question was answered. Claims go by the default names
(task_id, task_kind, task_intent).`;

interface Flags extends QuestionFlags {
  readonly bundle: string;
  readonly environment?: string;
  readonly line?: string;
  readonly json?: true;
}

export function registerExplain(program: Command, io: Io): void {
  program
    .command('explain')
    .description('decide one request, and say which policies decided and why others did not')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .option('--bundle <directory>', 'the bundle directory', 'policies')
    .option('--caller <id>', 'a SPIFFE ID, or `anonymous`')
    .option('--method <method>', 'the HTTP method; for a gRPC call POST')
    .option('--path <path>', 'path and query as a client sends them; for gRPC /service/method')
    .option('--service <ns/name>', "the destination (default: the one of the bundle's scope)")
    .option('--environment <name>', 'chooses entities.<name>.json, fills context.environment')
    .option('--header <k=v>', 'a request header (repeatable)', collect)
    .option(
      '--claim <k=json>',
      'a claim of the token; what is no JSON is text (repeatable)',
      collect,
    )
    .option('--source-address <ip>', 'the address of the caller')
    .option('--time <time>', 'RFC 3339 (default: now)')
    .option('--line <file>', 'a line of the decision log instead of all this; `-` for stdin')
    .option('--json', 'print the explanation as JSON')
    .action(async (flags: Flags) => {
      const result = await explain(flags, io);
      if (!result.ok) fail(io, result.problems);
      else if (flags.json === true) printJson(io, result.value);
      else printExplanation(io, result.value);
    });
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

const QUESTION_FLAGS = [
  ...(['caller', 'method', 'path', 'service', 'header', 'claim', 'sourceAddress', 'time'] as const),
];

async function explain(flags: Flags, io: Io): Promise<Result<Explanation>> {
  if (flags.line === undefined) return explainFlags(flags);
  if (QUESTION_FLAGS.some((name) => flags[name] !== undefined)) {
    const help = 'the line says who asked what: leave out --caller, --method, --path and so on';
    return failed(problem('input_invalid', '`--line` stands alone', { help }));
  }
  const text = await readInput(flags.line, io.stdin);
  const line = text.ok ? parseLoggedDecision(text.value) : text;
  if (!line.ok) return line;
  const environment = flags.environment ?? line.value.environment ?? undefined;
  const { explainLogged } = await import('../analysis/explain.js');
  return withBundle(flags.bundle, environment, (active) => explainLogged(line.value, active));
}

async function explainFlags(flags: Flags): Promise<Result<Explanation>> {
  const { explainRequest } = await import('../analysis/explain.js');
  const defaults = { environment: flags.environment, nowMs: Date.now() };
  return withBundle(flags.bundle, flags.environment, (active) => {
    const question = readQuestion(flags, active.bundle, defaults);
    return question.ok ? explainRequest(question.value, active) : question;
  });
}

async function withBundle(
  directory: string,
  environment: string | undefined,
  work: (active: ActiveBundle) => Result<Explanation>,
): Promise<Result<Explanation>> {
  const { result } = await loadBundleDirectory(directory, { environment });
  if (!result.ok) return result;
  const bundle: CompiledBundle = result.value;
  const { createEvaluator } = await import('../cedar/evaluator.js');
  const evaluator = createEvaluator(bundle.program);
  if (!evaluator.ok) return evaluator;
  try {
    return work({ bundle, evaluator: evaluator.value, loadedAtMs: 0 });
  } finally {
    evaluator.value.release();
  }
}
