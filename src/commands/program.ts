/** The command line as a whole: which commands there are, help, and how mistakes end. */
import { Command, CommanderError } from 'commander';
import { CedargateError } from '../errors.js';
import { packageVersion } from '../version.js';
import { registerApprove } from './approve.js';
import { registerAuditExport } from './audit-export.js';
import { registerBlock } from './block.js';
import { registerBundleAttach } from './bundle-attach.js';
import { registerBundleBuild } from './bundle-build.js';
import { registerBundleDiff } from './bundle-diff.js';
import { registerBundleExport } from './bundle-export.js';
import { registerBundleInspect } from './bundle-inspect.js';
import { registerBundlePae } from './bundle-pae.js';
import { registerBundleSign } from './bundle-sign.js';
import { registerBundleTest } from './bundle-test.js';
import { registerConfigPrint } from './config-print.js';
import { registerEnforce } from './enforce.js';
import { registerExceptionAdd } from './exception-add.js';
import { registerExceptionEnd } from './exception-end.js';
import { registerExceptionList } from './exception-list.js';
import { EXIT, EXIT_MEANINGS } from './exit-codes.js';
import { registerExplain } from './explain.js';
import { registerHistory } from './history.js';
import { registerInit } from './init.js';
import { registerKeygen } from './keygen.js';
import { crash, fail, type Io, print } from './output.js';
import { registerPromote } from './promote.js';
import { registerRelax } from './relax.js';
import { registerRollback } from './rollback.js';
import { registerServe } from './serve.js';
import { registerShow } from './show.js';
import { registerVerify } from './verify.js';

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
    await buildProgram(io).parseAsync(args, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // Help that was asked for is a success; help instead of a command is not.
      io.exitCode = thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
    } else if (thrown instanceof CedargateError) fail(io, thrown.problems);
    else crash(io, thrown);
  }
}

export function buildProgram(io: Io): Command {
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
  registerInit(program, io);
  const bundle = program
    .command('bundle')
    .description('work on bundles: directories of policies, and files built from them');
  registerBundleBuild(bundle, io);
  registerBundleTest(bundle, io);
  registerBundleDiff(bundle, io);
  registerBundleInspect(bundle, io);
  registerBundleExport(bundle, io);
  registerBundleSign(bundle, io);
  registerBundlePae(bundle, io);
  registerBundleAttach(bundle, io);
  registerPromote(program, io);
  registerEnforce(program, io);
  registerRelax(program, io);
  registerBlock(program, io);
  registerRollback(program, io);
  const exception = program
    .command('exception')
    .description('work on exceptions: what is let through for a limited time');
  registerExceptionAdd(exception, io);
  registerExceptionEnd(exception, io);
  registerExceptionList(exception, io);
  registerShow(program, io);
  registerApprove(program, io);
  registerVerify(program, io);
  registerKeygen(program, io);
  registerExplain(program, io);
  registerHistory(program, io);
  const audit = program.command('audit').description('prove what happened');
  registerAuditExport(audit, io);
  const config = program.command('config').description('look at the configuration');
  registerConfigPrint(config, io);
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
