/** Results in tests: the value, or a failure that shows the problems. */
import { formatProblem } from '../../src/errors.js';
import type { Result } from '../../src/result.js';

export function resultValue<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.problems.map(formatProblem).join('\n'));
}
