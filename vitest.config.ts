import { defineConfig } from 'vitest/config';
import { ClosingReporter } from './test/support/reporter.js';

/** Process tests spawn the built program; Envoy tests also need a real Envoy (see Makefile). */
export default defineConfig({
  test: {
    reporters: [new ClosingReporter()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          setupFiles: ['test/support/properties.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'envoy',
          include: ['test/envoy/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          // After the others: what is measured here under load should have the machine to itself.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
