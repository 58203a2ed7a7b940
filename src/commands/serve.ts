/** `cedargate serve`: load the configuration, then run until a signal. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { type Flags, loadConfig } from '../config/load.js';
import { addConfigFlags } from './config-flags.js';
import type { ExitCode } from './exit-codes.js';
import { fail, type Io } from './output.js';

const EXAMPLES = `Examples:
  Watch what policies would do, without enforcing anything:
    cedargate serve --service shop/payments --bundle ./policies
  Enforce, with everything else from a file:
    cedargate serve --config cedargate.yaml --mode enforce --allow-unsigned
`;

const NOTES = `
Every flag is also a key of cedargate.yaml and a variable: --tls-cert = tlsCert =
CEDARGATE_TLS_CERT. Flags win over variables, variables over the file.
Signals: SIGTERM and SIGINT drain and stop, SIGHUP reads policies and TLS files again.`;

export function registerServe(program: Command, io: Io): void {
  const command = program
    .command('serve')
    .description('answer Envoy: decide every request with the policies of a directory')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES);
  addConfigFlags(command).action(async (flags: Flags) => {
    const loaded = loadConfig(flags, io.env, { hostName: hostname() });
    if (!loaded.ok) return fail(io, loaded.problems);
    // Loaded late: help and mistakes in flags should not wait for the policy engine.
    const { serve } = await import('../serve.js');
    io.exitCode = (await serve(loaded.value.config)) as ExitCode;
  });
}
