/**
 * Throw-away SPIFFE certificates for trying envoy.yaml by hand: `make certs` writes ca, payments (the
 * server), orders, batch and partner into certs/.
 */
import { createCa } from '../test/support/certs.js';

const dir = process.argv[2] ?? 'certs';
const ca = createCa(dir);
const workloads = {
  payments: 'spiffe://example.org/ns/shop/sa/payments',
  orders: 'spiffe://example.org/ns/shop/sa/orders',
  batch: 'spiffe://example.org/ns/shop/sa/batch',
  partner: 'spiffe://partner.example/ns/edge/sa/gateway',
};
for (const [name, id] of Object.entries(workloads)) ca.spiffe(name, id);
console.log(`wrote ${dir}/ca.crt and ${Object.keys(workloads).join(', ')} (.crt, .key)`);
