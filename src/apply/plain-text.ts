/** Words of other programs, made fit for one line of a terminal. */
import { escapeName } from '../bundle/names.js';

/** Lines joined, nothing that a terminal would act on, and at most so many characters. */
export function plainText(text: string, charsMax: number): string {
  const joined = text
    .slice(0, charsMax * 2)
    .trim()
    .replace(/\s+/g, ' ');
  const shown = escapeName(joined);
  return shown.length > charsMax ? `${shown.slice(0, charsMax - 1)}…` : shown;
}
