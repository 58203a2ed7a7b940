/** The command line as a whole: which commands there are, help, and how mistakes end. */
import { Command, CommanderError } from 'commander';
import { CedargateError } from '../errors.js';
import { packageVersion } from '../version.js';
import { EXIT, EXIT_MEANINGS } from './exit-codes.js';
import { crash, fail, type Io, print } from './output.js';
import { registerServe } from './serve.js';

const EXAMPLES = `Examples:
  cedargate serve --service shop/payments --bundle ./policies
  cedargate init policy-repository
  cedargate bundle test ./policies
  cedargate config print --config cedargate.yaml
`;

const VERSION_FLAGS: ReadonlySet<string> = new Set(['-V', '--version']);

/** Runs one command line (without node and script) and leaves the exit code in `io`. */
export async function run(args: readonly string[], io: Io): Promise<void> {
  try {
    // By hand, since commander wants the text at once and the engine is loaded only for this.
    if (VERSION_FLAGS.has(args[0] ?? '')) return await printVersion(io);
    const program = await programFor(args[0], io);
    await program.parseAsync(args, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // Help that was asked for is a success; help instead of a command is not.
      io.exitCode = thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
    } else if (thrown instanceof CedargateError) fail(io, thrown.problems);
    else crash(io, thrown);
  }
}

/** A sidecar that starts does not wait for the modules of the other commands: 50 ms. */
async function programFor(command: string | undefined, io: Io): Promise<Command> {
  if (command === 'serve') return serveProgram(io);
  const { buildProgram } = await import('./all-commands.js');
  return buildProgram(io);
}

/** The program with `serve` alone. */
export function serveProgram(io: Io): Command {
  const program = new Command('cedargate');
  program
    .description('Envoy external authorization that decides with Cedar')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', `\nExit codes:\n${exitCodeLines()}`)
    .option('-V, --version', 'print the versions of cedargate, of Cedar and of its language')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
      getOutHasColors: () => io.stdout.colour,
      getErrHasColors: () => io.stderr.colour,
    });
  registerServe(program, io);
  return program;
}

async function printVersion(io: Io): Promise<void> {
  const { engineVersion } = await import('../cedar/engine.js');
  const { sdk, language } = engineVersion();
  print(io, `cedargate ${packageVersion()}\ncedar ${sdk}\ncedar language ${language}`);
}

function exitCodeLines(): string {
  return Object.entries(EXIT_MEANINGS)
    .map(([code, meaning]) => `  ${code}  ${meaning}`)
    .join('\n');
}
