/** `cedargate explain`: decide one request and say which policies decided, and why others did not. */
import type { Command } from 'commander';
import type { Explanation } from '../analysis/explain.js';
import { parseLoggedDecision } from '../analysis/logged-decision.js';
import { type QuestionFlags, readQuestion } from '../analysis/question.js';
import { loadBundleDirectory } from '../bundle/load.js';
import type { ActiveBundle, Generation } from '../check/types.js';
import { problem } from '../errors.js';
import { createRolloutGeneration } from '../reload/generation.js';
import { failed, ok, type Result } from '../result.js';
import { type RolloutFlags, readRollout } from './explain-rollout.js';
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
  What becomes of it in production: which slice it is in, and why:
    cedargate explain --rollout payments --environment production --method POST \\
      --path /payments/card-1/refunds --caller spiffe://example.org/ns/shop/sa/orders
  A line of the decision log:
    grep DECISION_ID decisions.log | cedargate explain --bundle ./policies --line -
`;

const BUNDLE_DEFAULT = 'policies';

const NOTES = `
Exit code 0 whatever the decision: the question was answered. Claims go by the default names
(task_id, task_kind, task_intent).`;

interface Flags extends QuestionFlags, RolloutFlags {
  readonly line?: string;
  readonly json?: true;
}

export function registerExplain(program: Command, io: Io): void {
  program
    .command('explain')
    .description('decide one request, and say which policies decided and why others did not')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .option(
      '--bundle <directory>',
      `the bundle directory (default: ${BUNDLE_DEFAULT}; with --rollout the bundle that it runs)`,
    )
    .option('--rollout <name|file>', 'say where it stands in this rollout, or sealed document')
    .option('--repo <directory>', 'the policy repository, for --rollout', '.')
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
  if (!text.ok) return text;
  const line = parseLoggedDecision(text.value);
  if (!line.ok) return line;
  const { explainLogged, explainLoggedUnder } = await import('../analysis/explain.js');
  const environment = flags.environment ?? line.value.environment ?? undefined;
  const placed = environment === undefined ? flags : { ...flags, environment };
  return withBundle(placed, (active, rollouts) => {
    return rollouts === undefined
      ? explainLogged(line.value, active)
      : explainLoggedUnder(line.value, active, rollouts);
  });
}

async function explainFlags(flags: Flags): Promise<Result<Explanation>> {
  const { explainRequest } = await import('../analysis/explain.js');
  return withBundle(flags, (active, rollouts, environment) => {
    const service = flags.service ?? onlyDestination(rollouts);
    const defaults = { environment, nowMs: Date.now() };
    const asked = service === undefined ? flags : { ...flags, service };
    const question = readQuestion(asked, active.bundle, defaults);
    return question.ok ? explainRequest(question.value, active, rollouts) : question;
  });
}

function onlyDestination(rollouts: Generation | undefined): string | undefined {
  const [only, ...more] = rollouts?.destinations.keys() ?? [];
  return more.length === 0 ? only : undefined;
}

type Work = (
  active: ActiveBundle,
  rollouts: Generation | undefined,
  environment: string | undefined,
) => Result<Explanation>;

async function withBundle(flags: Flags, work: Work): Promise<Result<Explanation>> {
  const { rollout: named, environment } = flags;
  const rollout = named === undefined ? undefined : await readRollout(named, flags);
  if (rollout?.ok === false) return rollout;
  const loaded =
    rollout === undefined
      ? (await loadBundleDirectory(flags.bundle ?? BUNDLE_DEFAULT, { environment })).result
      : ok(rollout.value.bundle);
  if (!loaded.ok) return loaded;
  const bundle = loaded.value;
  const { createEvaluator } = await import('../cedar/evaluator.js');
  const evaluator = createEvaluator(bundle.program);
  if (!evaluator.ok) return evaluator;
  const active = { bundle, evaluator: evaluator.value, loadedAtMs: 0 };
  try {
    if (rollout === undefined) return work(active, undefined, environment);
    const { state, warnings } = rollout.value;
    const parts = [{ state, active }] as const;
    const rollouts = createRolloutGeneration({ number: 1, parts, clockFloorMs: 0 });
    const explained = work(active, rollouts, state.environment);
    if (!explained.ok) return explained;
    return ok({ ...explained.value, warnings: [...warnings, ...explained.value.warnings] });
  } finally {
    evaluator.value.release();
  }
}
