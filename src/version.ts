/** The version of this program. */
import { readFileSync } from 'node:fs';
import { packageFile } from './package-files.js';
import * as shape from './shape/kinds.js';

export function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'));
  return shape.object({ version: shape.string() }).parse(parsed).version;
}
