/** Suites that need a tool which a machine may lack; the reporter names what was skipped, and why. */
import { describe } from 'vitest';
import { findEnvoy } from './envoy.js';

/** `describe` where an Envoy can be had, `describe.skip` elsewhere. For test/envoy/ only. */
export const describeWithEnvoy = describe.skipIf('missing' in findEnvoy());
