/** The program with every command, in the order of the help. */
import type { Command } from 'commander';
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
import { registerExplain } from './explain.js';
import { registerHistory } from './history.js';
import { registerInit } from './init.js';
import { registerKeygen } from './keygen.js';
import type { Io } from './output.js';
import { serveProgram } from './program.js';
import { registerPromote } from './promote.js';
import { registerRelax } from './relax.js';
import { registerRollback } from './rollback.js';
import { registerShow } from './show.js';
import { registerVerify } from './verify.js';

export function buildProgram(io: Io): Command {
  const program = serveProgram(io);
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
