/**
 * Patterns of SPIFFE IDs: `*` stands for any text within a segment, `**` as the last segment for one
 * or more further segments. Compiled by hand, because a RegExp of several `*` can backtrack for ever.
 */

export type GlobTest = (text: string) => boolean;

export function compileGlob(pattern: string): GlobTest {
  const segments = pattern.split('/');
  const deep = segments.at(-1) === '**';
  if (deep) segments.pop();
  const compiled = segments.map((segment) => segment.split('*'));
  return (text) => {
    let start = 0;
    for (const [index, parts] of compiled.entries()) {
      const slash = text.indexOf('/', start);
      const end = slash === -1 ? text.length : slash;
      if (!matchSegment(parts, text, start, end)) return false;
      if (slash === -1) return !deep && index === compiled.length - 1;
      start = slash + 1;
    }
    return deep && start < text.length;
  };
}

/** Whether `text` from `start` to `end` is these parts, with anything in between them. */
function matchSegment(parts: readonly string[], text: string, start: number, end: number): boolean {
  const first = parts[0] ?? '';
  if (!text.startsWith(first, start)) return false;
  if (parts.length === 1) return end - start === first.length;
  const last = parts.at(-1) ?? '';
  const limit = end - last.length;
  let at = start + first.length;
  if (limit < at || !text.startsWith(last, limit)) return false;
  // The leftmost place is always right: whatever follows has the most room then.
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > limit) return false;
    at = found + part.length;
  }
  return true;
}
