/** KEEP=1: lines to paste into another terminal, and the log in a file, until the signal. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI } from '../test/support/sidecar.js';
import { BUNDLE, type Bundles, NEXT, TRUST } from './bundles.js';
import { BATCH_REFUNDS, READ } from './calls.js';
import { ORDERS_FILE } from './sources.js';
import type { Stage } from './stage.js';
import type { Call, Environment, World } from './world.js';

/** How often new lines of the decision log are written to the file. */
const FLUSH_MS = 200;

export async function keep(
  stage: Stage,
  world: World,
  bundles: Bundles,
  interrupted: Promise<unknown>,
): Promise<void> {
  const log = join(world.dir, 'decisions.ndjson');
  stage.heading(
    'Left running (KEEP=1). Paste what you like; Ctrl-C ends it and removes everything.',
  );
  for (const [what, command] of linesToPaste(world, bundles, log)) {
    stage.say(`\n  # ${what}\n  ${command}`);
  }
  let written = 0;
  const flush = () => {
    const fresh = world.lines().slice(written);
    written += fresh.length;
    appendFileSync(log, fresh.map((line) => `${JSON.stringify(line)}\n`).join(''));
  };
  flush();
  const timer = setInterval(flush, FLUSH_MS);
  await interrupted;
  clearInterval(timer);
}

function linesToPaste(world: World, bundles: Bundles, log: string): [string, string][] {
  const curl = (call: Call, environment: Environment) => {
    const own = join(world.certs, call.caller);
    const method = call.method === 'GET' ? '' : ` -X ${call.method}`;
    const who = `--cacert ${join(world.certs, 'ca.crt')} --cert ${own}.crt --key ${own}.key`;
    const port = world.port(environment === 'test' ? 'testing' : 'enforcing');
    return `curl -i ${who}${method} https://localhost:${port}${call.path}`;
  };
  const admin = `curl -s http://127.0.0.1:${world.adminPort('production')}`;
  const cedargate = `node ${CLI}`;
  const file = bundles.at(BUNDLE);
  return [
    ['a call that is allowed', curl(READ, 'production')],
    [
      'one that is denied',
      curl({ caller: 'batch', method: 'GET', path: '/admin/keys' }, 'production'),
    ],
    ['one that is allowed in production', curl(BATCH_REFUNDS, 'production')],
    ['and denied in test', curl(BATCH_REFUNDS, 'test')],
    ['what is running', `${admin}/status`],
    ['metrics', `${admin}/metrics`],
    ['the log', `tail -f ${log}`],
    ['what is in the signed file', `${cedargate} bundle inspect ${file}`],
    ['who signed it', `${cedargate} verify ${file} --trust ${bundles.at(TRUST)}`],
    ['the next version, for your editor', join(bundles.at(NEXT), ORDERS_FILE)],
    ['and what it would mean', `${cedargate} bundle diff ${file} ${bundles.at(NEXT)}`],
  ];
}
