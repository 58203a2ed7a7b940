/** What the second act builds and compares: policies/ with its tests, and two versions made of it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Policies, readPolicies, withVersion } from './versions.js';

const ENTITIES = 'entities.production.json';
export const ORDERS_FILE = 'orders.cedar';
const BATCH = 'spiffe://example.org/ns/shop/sa/batch';
export const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';
const CHECKOUT = 'spiffe://example.org/ns/shop/sa/checkout';

const REFUNDERS = `// Who is in the group differs from environment to environment; this policy does not.
@id("refunders")
@owner("team-payments")
@description("Members of the group refunders refund card payments.")
permit (
  principal in Group::"refunders",
  action == Action::"POST",
  resource == Route::"shop/payments/refund"
);
`;

const REFUNDERS_TESTS = `- name: batch refunds in production
  caller: ${BATCH}
  method: POST
  path: /payments/card-1/refunds
  environment: production
  decision: allow
  policies: [refunders]
- name: and nowhere else
  caller: ${BATCH}
  method: POST
  path: /payments/card-1/refunds
  environment: test
  decision: deny
  reason: no_permit
`;

/** A bundle directory with its tests: `tests/x.yaml` -> text. */
export function readSource(directory: string): Policies {
  const tests = Object.entries(readPolicies(join(directory, 'tests')));
  return {
    ...readPolicies(directory),
    ...Object.fromEntries(tests.map(([name, text]) => [`tests/${name}`, text])),
  };
}

export function writeSource(directory: string, source: Policies): void {
  for (const [name, text] of Object.entries(source)) {
    const file = join(directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** A group may refund, and batch is in it, in production alone. */
export function withGroup(source: Policies): Policies {
  const entities = JSON.parse(source[ENTITIES] ?? '[]') as unknown[];
  const batch = {
    uid: { type: 'Workload', id: BATCH },
    attrs: {},
    parents: [{ type: 'Group', id: 'refunders' }],
  };
  return {
    ...withVersion(source, '2026.12.1'),
    'refunders.cedar': REFUNDERS,
    'tests/refunders.yaml': REFUNDERS_TESTS,
    [ENTITIES]: `${JSON.stringify([...entities, batch], null, 2)}\n`,
  };
}

/** A new service creates the payments. Whoever wrote it forgot that orders still does. */
export function withCheckout(source: Policies): Policies {
  const before = source[ORDERS_FILE] ?? '';
  const after = before.replace(`Workload::"${ORDERS}"`, `Workload::"${CHECKOUT}"`);
  if (after === before) throw new Error('the edit changes nothing');
  return { ...withVersion(source, '2026.12.2'), [ORDERS_FILE]: after };
}
