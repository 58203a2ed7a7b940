/** `cedargate keygen`: a new pair of keys, and the entry for trust.yaml that makes it count. */
import { access } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { generateKeyPair, KEY_TYPES, type KeyType } from '../signing/keys.js';
import { createFile } from './files.js';
import { fail, type Io, note, print, printJson } from './output.js';

const EXAMPLES = `Examples:
  Write ada-laptop.key, which stays secret, and ada-laptop.pub:
    cedargate keygen ada-laptop
  With ECDSA, which more hardware and key services speak:
    cedargate keygen keys/ada-laptop --type ecdsa-p256
`;

const NOTES = `
The private key is not encrypted: keep it where only its owner can read it. A key that never leaves a
key service or a token is better still; see \`bundle pae\` and \`bundle attach\`.`;

/** Only its owner may read a private key. */
const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

interface Flags {
  readonly type: KeyType;
  readonly json?: true;
}

interface NewKey {
  readonly id: string;
  readonly type: KeyType;
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
  /** To be pasted under `keys:` of trust.yaml. */
  readonly trustEntry: string;
}

export function registerKeygen(program: Command, io: Io): void {
  program
    .command('keygen')
    .description('make a pair of keys for signing')
    .argument('<name>', 'writes <name>.key and <name>.pub; its last part is the name of the key')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .addOption(
      new Option('--type <type>', 'the kind of key').choices(KEY_TYPES).default(KEY_TYPES[0]),
    )
    .option('--json', 'print what was made as JSON')
    .action(async (path: string, flags: Flags) => {
      const result = await keygen(path, flags.type, Date.now());
      if (!result.ok) return fail(io, result.problems);
      if (flags.json === true) return printJson(io, result.value);
      const { id, privateKeyFile, publicKeyFile, trustEntry } = result.value;
      note(io, `wrote ${privateKeyFile} (keep it secret) and ${publicKeyFile}`);
      note(io, `key id ${id}\n`);
      note(io, 'For trust.yaml, and add its name to `keys` of its person there:');
      print(io, `keys:\n${trustEntry}`);
    });
}

async function keygen(path: string, type: KeyType, nowMs: number): Promise<Result<NewKey>> {
  const name = basename(path);
  if (!NAME_PATTERN.test(name)) {
    return failed(problem('input_invalid', `the name of a key ${NAME_RULE}`));
  }
  const privateKeyFile = `${path}.key`;
  const publicKeyFile = `${path}.pub`;
  for (const file of [privateKeyFile, publicKeyFile]) {
    // Asked before anything is written; createFile would refuse as well, but after half of the work.
    if (await exists(file)) {
      const help = 'choose another name: a key that was overwritten cannot be had back';
      return failed(problem('file_unwritable', 'the file is there already', { file, help }));
    }
  }
  const { privatePem, publicPem, publicKey } = generateKeyPair(type);
  const secret = await createFile(privateKeyFile, Buffer.from(privatePem), PRIVATE_MODE);
  if (!secret.ok) return secret;
  const open = await createFile(publicKeyFile, Buffer.from(publicPem), PUBLIC_MODE);
  if (!open.ok) return open;
  const trustEntry = entryOf(name, publicPem, nowMs);
  return ok({ id: publicKey.id, type, privateKeyFile, publicKeyFile, trustEntry });
}

/** From the beginning of the day: a bundle is as old as its last change, not as its signature. */
function entryOf(name: string, publicPem: string, nowMs: number): string {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const block = publicPem.trimEnd().split('\n');
  return [
    `  ${name}:`,
    '    public: |',
    ...block.map((line) => `      ${line}`),
    `    from: ${day}T00:00:00Z`,
  ].join('\n');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
