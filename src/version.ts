/** The version of this program. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** One level up from here both in src and in dist. */
const PACKAGE_FILE = new URL('../package.json', import.meta.url);

export function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(PACKAGE_FILE, 'utf8'));
  return z.object({ version: z.string() }).parse(parsed).version;
}
