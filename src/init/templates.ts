/** The templates, as files beside this one: in src and, copied by the build, in dist. */
import { readFileSync } from 'node:fs';

export function readTemplate(name: string): string {
  return readFileSync(new URL(`./template/${name}.tmpl`, import.meta.url), 'utf8');
}
