/** `cedargate show`: the change card of a sealed document. */
import { type Command, Option } from 'commander';
import { YAML_BYTES_MAX } from '../constants.js';
import { openRepository, type Repository } from '../repository/open.js';
import { readCard } from '../repository/read-card.js';
import { readDocument } from '../repository/read-document.js';
import { ok, type Result } from '../result.js';
import { parseTrust } from '../rollout/trust.js';
import { cardMarkdown } from './card-markdown.js';
import { printCard } from './card-text.js';
import { cardJson } from './card-words.js';
import { readBytes } from './files.js';
import { fail, type Io, print, printJson } from './output.js';

const EXAMPLES = `Examples:
  cedargate show history/production/payments/0042.json
  In a pull request:
    cedargate show history/production/payments/0042.json --markdown
`;

const NOTES = `
What does not verify is never shown as a fact: an approval that does not count is told with the reason.
What is compared and where bundles are looked for is the repository: history/ and bundles/; who was seen
to call stands in the evidence file beside the document, when it is the one that the document names.
Exit code 0 when the document counts, or lacks approvals only, which the card says; 4 when its signatures do not
verify, or it is not what the history has at this place; 3 when it is invalid.`;

interface Flags {
  readonly trust?: string;
  readonly repo: string;
  readonly markdown?: true;
  readonly json?: true;
}

export function registerShow(program: Command, io: Io): void {
  program
    .command('show')
    .description('show the change card of a sealed rollout or emergency')
    .argument('<file>', 'the sealed document')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .option('--trust <file>', 'the people and rules to judge by (default: trust.yaml of --repo)')
    .option('--repo <dir>', 'the policy repository', '.')
    .option('--markdown', 'print it for a pull request or a ticket')
    .addOption(new Option('--json', 'print it as JSON').conflicts('markdown'))
    .action((file: string, flags: Flags) => show(file, flags, Date.now(), io));
}

async function show(file: string, flags: Flags, nowMs: number, io: Io): Promise<void> {
  const repository = await openWith(flags);
  if (!repository.ok) return fail(io, repository.problems);
  const document = await readDocument(repository.value, file);
  if (!document.ok) return fail(io, document.problems);
  const card = await readCard(repository.value, document.value, nowMs);
  if (flags.json === true) printJson(io, cardJson(card));
  else if (flags.markdown === true) print(io, cardMarkdown(card));
  else printCard(io, card);
  const [first, ...rest] = document.value.problems;
  if (first !== undefined) fail(io, [first, ...rest]);
}

async function openWith({ repo, trust }: Flags): Promise<Result<Repository>> {
  if (trust === undefined) return openRepository(repo);
  const bytes = await readBytes(trust, YAML_BYTES_MAX);
  if (!bytes.ok) return bytes;
  const parsed = parseTrust(bytes.value, trust);
  return parsed.ok ? ok({ root: repo, trust: parsed.value }) : parsed;
}
