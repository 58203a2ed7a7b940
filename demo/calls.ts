/** The calls of the story, made through Envoy and shown as a table. */
import type { Stage } from './stage.js';
import type { Call, Listener, SeenCall, World } from './world.js';

/** How long the story waits for a restart or a reload; generous, for machines that do other work. */
export const WAIT = { timeoutMs: 30_000 };

export const READ: Call = { caller: 'orders', method: 'GET', path: '/payments/card-42' };
export const CREATE: Call = { caller: 'orders', method: 'POST', path: '/payments' };
export const BATCH_READS: Call = { ...READ, caller: 'batch' };
/** Batch has no business refunding, until a version of the policies says that it has. */
export const BATCH_REFUNDS: Call = {
  caller: 'batch',
  method: 'POST',
  path: '/payments/card-42/refunds',
};

/** Nobody but orders creates payments, in any version. */
export const BATCH_CREATES: Call = { ...CREATE, caller: 'batch' };

/** Makes the calls one after the other and prints their table. */
export async function callAll(
  stage: Stage,
  world: World,
  listener: Listener,
  calls: readonly Call[],
): Promise<SeenCall[]> {
  const seen: SeenCall[] = [];
  for (const call of calls) seen.push(await world.call(call, listener));
  stage.table(seen.map(({ row }) => row));
  return seen;
}

/** One call of a table. */
export function find(seen: readonly SeenCall[], { caller, method, path }: Call): SeenCall {
  const isIt = ({ row }: SeenCall) =>
    row.caller === caller && row.method === method && row.path === path;
  const found = seen.find(isIt);
  if (found === undefined) throw new Error(`no call ${method} ${path} in the table`);
  return found;
}

/** Everything of a row in a few words. */
export function words({ row }: SeenCall): string {
  return `decision ${row.decision}, mode ${row.mode}, outcome ${row.outcome}, HTTP ${row.status}`;
}
