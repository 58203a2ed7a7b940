/**
 * What Node and malloc are told, and deploy/kubernetes/payments.yaml tells them (a test holds it to this):
 * every server is measured so, the no-op server too. docs/performance.md says why.
 */
export const RUNTIME_ENVIRONMENT = {
  NODE_OPTIONS: '--max-old-space-size=192 --max-semi-space-size=2 --v8-pool-size=1',
  MALLOC_ARENA_MAX: '1',
} as const;
