import { defineConfig } from 'vitest/config';
import { ClosingReporter } from './test/support/reporter.js';

/** Process tests spawn the built program; Envoy tests also need a real Envoy (see Makefile). */
export default defineConfig({
  test: {
    reporters: [new ClosingReporter()],
    // Left alone vitest keeps one core for itself: on two, that doubles the time.
    maxWorkers: '100%',
    globalSetup: ['test/support/global-setup.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          setupFiles: ['test/support/properties.ts'],
          testTimeout: 30_000,
          // The files of a worker share their modules: loading the engine for each takes twice as
          // long as all the tests. A test that needs a fresh process stands in test/process.
          isolate: false,
        },
      },
      {
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          // What these test is in processes of its own.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'envoy',
          include: ['test/envoy/*.test.ts'],
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'envoy-load',
          include: ['test/envoy/load/*.test.ts'],
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // After the others: what is measured here under load should have the machine to itself.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          // Not of `make test`, which has five minutes: `make verify` and `vitest run` run them.
          name: 'long',
          include: ['test/long/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
