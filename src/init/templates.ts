/** The templates, as files beside this one: in src and, copied by the build, in dist. */
import { readFileSync } from 'node:fs';
import { sourceFile } from '../package-files.js';

export function readTemplate(name: string): string {
  return readFileSync(sourceFile(`init/template/${name}.tmpl`), 'utf8');
}
