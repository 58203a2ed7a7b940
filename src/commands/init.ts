/** `cedargate init`: make a policy repository that people can start from. */
import { type Command, Option } from 'commander';
import { escapeName } from '../bundle/names.js';
import { problem } from '../errors.js';
import { forEachPerson } from '../init/people.js';
import { firstVersion, makeRepository } from '../init/repository.js';
import { readTemplate } from '../init/templates.js';
import { type Choices, CI_SYSTEMS, readValues } from '../init/values.js';
import { failed, ok, type Result } from '../result.js';
import { generateKeyPair } from '../signing/keys.js';
import { packageVersion } from '../version.js';
import { fail, type Io, note, print, printJson } from './output.js';
import { namesIn, writeNewFiles } from './write-files.js';

const EXAMPLES = `Examples:
  In the directory where you are, which must be empty but for .git:
    cedargate init
  For a service of yours, with CI on GitLab:
    cedargate init policies --service shop/orders --owner team-orders --ci gitlab
`;

const NOTES = `
Makes a tested bundle, trust.yaml with example people, CODEOWNERS, CI and a README that goes through the
loop: edit, test, diff, build, sign, release. Private keys of the example people are written to keys/,
which git ignores. Nothing that exists is overwritten. Exit code 1 when the directory is not empty.`;

/** It holds no file that could be in the way. */
const NOT_IN_THE_WAY = '.git';
/** Names in the way that the message lists. */
const NAMES_SHOWN = 10;

interface Flags extends Choices {
  readonly json?: true;
}

export function registerInit(program: Command, io: Io): void {
  program
    .command('init')
    .description('make a policy repository to start from')
    .argument('[directory]', 'where; made if it does not exist', '.')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .option('--name <name>', 'of the bundle (default: the name of the service)')
    .option(
      '--owner <team>',
      'who owns it: text, or a handle like @shop/payments (default: team-NAME)',
    )
    .option('--service <ns/name>', 'the service that it is for (default: shop/NAME)')
    .option('--trust-domain <domain>', 'of the SPIFFE IDs (default: example.org)')
    .addOption(
      new Option('--ci <system>', 'which CI to set up').choices(CI_SYSTEMS).default('github'),
    )
    .option('--json', 'print what was made as JSON')
    .action(async (directory: string, flags: Flags) => {
      const made = await init(directory, flags, Date.now());
      if (!made.ok) return fail(io, made.problems);
      if (flags.json === true) return printJson(io, made.value);
      for (const path of made.value.files) print(io, path);
      note(io, '\nNext: read README.md, then `git init`, commit, and');
      note(io, `  cedargate bundle test policies/${made.value.name}`);
      note(io, 'trust.yaml names example people: replace them, and keys/, before anything is real');
    });
}

interface Made {
  /** As it was given. */
  readonly directory: string;
  readonly name: string;
  readonly version: string;
  readonly owner: string;
  readonly service: string;
  readonly trustDomain: string;
  readonly ci: string;
  /** Relative to the directory. */
  readonly files: readonly string[];
}

async function init(directory: string, choices: Choices, nowMs: number): Promise<Result<Made>> {
  const values = readValues(choices);
  if (!values.ok) return values;
  const empty = await checkEmpty(directory);
  if (!empty.ok) return empty;
  const files = makeRepository({
    values: values.value,
    keys: forEachPerson(() => generateKeyPair('ed25519')),
    nowMs,
    cedargateVersion: packageVersion(),
    readTemplate,
  });
  const written = await writeNewFiles(directory, files);
  if (!written.ok) return written;
  const { name, owner, service, trustDomain, ci } = values.value;
  return ok({
    directory,
    name,
    version: firstVersion(nowMs),
    owner,
    service: `${service.namespace}/${service.name}`,
    trustDomain,
    ci,
    files: files.map(({ path }) => path),
  });
}

async function checkEmpty(directory: string): Promise<Result<void>> {
  const names = await namesIn(directory);
  if (!names.ok) return names;
  const inTheWay = names.value.filter((name) => name !== NOT_IN_THE_WAY);
  if (inTheWay.length === 0) return ok(undefined);
  const shown = inTheWay.slice(0, NAMES_SHOWN).map((name) => `\`${escapeName(name)}\``);
  const more = inTheWay.length - shown.length;
  const list = `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return failed(problem('directory_not_empty', `\`${directory}\` is not empty: it holds ${list}`));
}
