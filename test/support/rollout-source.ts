/** The source of a rollout for tests: the example of the format, whole. */
export const SOURCE = `# Payments in production.
apiVersion: cedargate.dev/v1
kind: PolicyRollout
name: payments
environment: production
destinations: [{service: shop/payments, onFault: fail, requireLog: false}]   # onFault: fail | allow | deny
change: {type: normal, ticket: CHG-1041, owner: team-payments, reason: enforce reads, reviewBy: 2027-02-22}
bundle: payments@2026.11.3
candidate: payments@2026.11.4
enforce:                                 # order-free; nothing here: all shadow
  - {name: reads, match: {access: read, percent: 25}}
hold:                                    # beats enforce
  - {name: partners, match: {callers: ["spiffe://partner.example/**"]}}   # until CHG-1100
exceptions:
  # Ends with the next release.
  - name: orders-refunds
    ticket: INC-99
    owner: team-orders
    reason: missing grant seen in shadow
    match: {callers: ["spiffe://example.org/ns/shop/sa/orders"], access: write, routes: [refund]}
    from: 2026-11-20T00:00:00Z
    until: 2026-12-01T00:00:00.500Z
blocks: []
`;
