import { expect, test } from 'vitest';
import { warmUp } from '../../../src/reload/warm-up.js';

test('the bundle of the warm-up is valid: it goes through all of the compiler', () => {
  expect(warmUp).not.toThrow();
});
