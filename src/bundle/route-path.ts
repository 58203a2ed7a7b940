/**
 * The path of a route: literal segments and `{x}`. A literal is compared with the decoded segments
 * of requests, so what no request can carry (check/path.ts rejects it) is refused here: the route
 * would never match. A test holds the two together.
 */
import { PATH_BYTES_MAX, PATH_SEGMENTS_MAX } from '../constants.js';
import type { RouteSegment } from './types.js';

export type ParsedRoutePath =
  | { readonly ok: true; readonly segments: readonly RouteSegment[] }
  /** What is wrong, to follow "`path`". */
  | { readonly ok: false; readonly fault: string };

interface PathOptions {
  readonly allowSemicolon: boolean;
}

const PARAM = /^\{(.*)\}$/s;
const PARAM_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const CONTROL = /\p{Cc}/u;
/** Read as dots or slashes by some, whatever NFKC makes of them (design.md, 5). */
const LOOKALIKE = /[\u2024-\u2026\u2044\u2215\u2216\u29f5\u29f8\u29f9]/;
const STRUCTURAL = /[./\\;%?#]/;

export function parseRoutePath(path: string, options: PathOptions): ParsedRoutePath {
  const bad = (fault: string): ParsedRoutePath => ({ ok: false, fault });
  if (!path.startsWith('/')) return bad('must begin with `/`');
  if (Buffer.byteLength(path, 'utf8') > PATH_BYTES_MAX) {
    return bad(`must not be longer than ${PATH_BYTES_MAX} bytes`);
  }
  const parts = path.slice(1).split('/');
  // One trailing slash is ignored, and `/` itself has no segments.
  if (parts.at(-1) === '') parts.pop();
  if (parts.length > PATH_SEGMENTS_MAX) {
    return bad(`must not have more than ${PATH_SEGMENTS_MAX} segments`);
  }

  const segments: RouteSegment[] = [];
  const names = new Set<string>();
  for (const part of parts) {
    const param = PARAM.exec(part)?.[1];
    if (param === undefined) {
      const fault = literalFault(part, options);
      if (fault !== undefined) return bad(fault);
      segments.push({ literal: part });
      continue;
    }
    if (!PARAM_NAME.test(param)) {
      return bad(`has the parameter \`{${param}}\`: names are letters, digits and \`_\``);
    }
    if (names.has(param)) return bad(`has the parameter \`{${param}}\` twice`);
    names.add(param);
    segments.push({ param });
  }
  return { ok: true, segments };
}

/** Why a literal segment can match no request, or would not mean what it seems to. */
function literalFault(text: string, { allowSemicolon }: PathOptions): string | undefined {
  if (text === '') return 'has an empty segment (`//`)';
  const name = text.includes(';') ? text.slice(0, text.indexOf(';')) : text;
  if (text.includes(';') && !allowSemicolon) {
    return 'has a `;`, which `allow: [semicolon]` must allow';
  }
  if (name === '.' || name === '..') return 'has a `.` or `..` segment';
  if (name === '') return 'has a segment that begins with `;`';
  if (text === '*' || text === '**') return 'has a `*`, which is no wildcard: write `{name}`';
  if (/[{}]/.test(text)) return 'has a brace inside a segment: a parameter is a whole segment';
  if (text.includes('%')) return 'is percent-encoded: write the decoded characters';
  if (/[?#]/.test(text)) return 'has a `?` or `#`: only the path is matched';
  if (text.includes('\\')) return 'has a backslash';
  if (CONTROL.test(text)) return 'has a control character';
  if (hasLookalike(text)) return 'has a character that others may read as one of `. / \\ ; % ? #`';
  return undefined;
}

function hasLookalike(text: string): boolean {
  if (LOOKALIKE.test(text)) return true;
  return [...text].some((c) => c > '\u007f' && STRUCTURAL.test(c.normalize('NFKC')));
}
