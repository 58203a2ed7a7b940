/** Requests as slices see them, and rollouts to put them in. */
import { parseSpiffeId } from '../../src/check/identity.js';
import type { Traits } from '../../src/check/match.js';
import { type SliceSources, Slices } from '../../src/check/slices.js';
import type { Block, Exception, Match } from '../../src/rollout/types.js';

export const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';
export const REPORTS = 'spiffe://example.org/ns/finance/sa/reports';
export const PARTNER = 'spiffe://partner.example/team/a';

/** `anonymous`, a SPIFFE ID, or undefined for an identity that cannot be read. */
export function callerOf(name: string | undefined): Traits['caller'] {
  if (name === undefined) return undefined;
  const id = parseSpiffeId(name);
  return { name, id: typeof id === 'string' ? undefined : id };
}

/** A read by `orders` on the route `refund`; `changes` say what is different. */
export function traits(changes: Partial<Traits> = {}): Traits {
  return {
    caller: callerOf(ORDERS),
    action: 'GET',
    access: 'read',
    destination: 'shop/payments',
    route: 'refund',
    pathReadable: true,
    ...changes,
  };
}

export const TENANTS: ReadonlyMap<string, string> = new Map([
  [ORDERS, 'red'],
  [REPORTS, 'blue'],
]);

export function slices(sources: Partial<SliceSources> = {}): Slices {
  const none = { enforce: [], hold: [], exceptions: [], blocks: [] };
  return new Slices({ ...none, seed: 'seed', tenants: TENANTS, ...sources });
}

/** From 1,000 ms to 2,000 ms, for everybody. */
export function block(changes: Partial<Block> = {}): Block {
  const people = { ticket: 'INC-1', owner: 'team-payments', reason: 'abuse' };
  return { name: 'abuse', match: {}, fromMs: 1_000, untilMs: 2_000, ...people, ...changes };
}

export function exception(changes: Partial<Exception> = {}): Exception {
  return { ...block({ name: 'refunds' }), overrideForbid: false, ...changes };
}

export function slice(name: string, match: Match = {}) {
  return { name, match };
}
