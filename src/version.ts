/** The version of this program. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { packageFile } from './package-files.js';

export function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'));
  return z.object({ version: z.string() }).parse(parsed).version;
}
