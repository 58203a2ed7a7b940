/** Writes what docs/ takes from the source. `npm run docs`; a test fails when it is out of step. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PAGES } from './docs/pages.js';

const root = new URL('../', import.meta.url);
mkdirSync(new URL('docs/', root), { recursive: true });
for (const { file, render } of PAGES) {
  const path = new URL(file, root);
  const current = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const next = render(current);
  if (next === current) continue;
  writeFileSync(path, next);
  console.log(`${file} written`);
}
