import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PATH_RULES, type PathRule, parsePath } from '../../../src/check/path.js';
import { PATH_BYTES_MAX, PATH_SEGMENTS_MAX } from '../../../src/constants.js';

const rule = (target: string) => {
  const parsed = parsePath(target);
  return parsed.ok ? undefined : parsed.rule;
};

describe('a path that has one reading is taken', () => {
  const taken: [target: string, path: string, segments: string[]][] = [
    ['/', '/', ['']],
    ['/a', '/a', ['a']],
    ['/a/', '/a/', ['a', '']],
    ['/a/b.txt', '/a/b.txt', ['a', 'b.txt']],
    ['/a?x=/../b', '/a', ['a']],
    ['/a??b', '/a', ['a']],
    ['/a%20b', '/a b', ['a b']],
    ['/a%2Db', '/a-b', ['a-b']],
    ['/caf%C3%A9', '/café', ['café']],
    ['/café', '/café', ['café']],
    ['/%E6%97%A5/x', '/日/x', ['日', 'x']],
    ['/...', '/...', ['...']],
    ['/.well-known/x', '/.well-known/x', ['.well-known', 'x']],
    ["/a!$&'()*+,=:@b", "/a!$&'()*+,=:@b", ["a!$&'()*+,=:@b"]],
  ];
  it.each(taken)('%s is %s', (target, path, segments) => {
    expect(parsePath(target)).toMatchObject({ ok: true, path, segments, semicolon: false });
  });

  it('keeps the query apart and undecoded', () => {
    expect(parsePath('/a?b=%2F&c')).toMatchObject({ query: 'b=%2F&c' });
    expect(parsePath('/a')).toMatchObject({ query: undefined });
    expect(parsePath('/a?')).toMatchObject({ query: '' });
  });

  it('reports a literal semicolon, for the bundle or route to allow', () => {
    expect(parsePath('/a;v=1/b')).toMatchObject({ ok: true, semicolon: true, path: '/a;v=1/b' });
  });
});

describe('a path that could be read in two ways is rejected', () => {
  const table: [target: string, rule: PathRule][] = [
    ['', 'path_not_absolute'],
    ['*', 'path_not_absolute'],
    ['a/b', 'path_not_absolute'],
    ['http://other/a', 'path_not_absolute'],
    ['?a', 'path_not_absolute'],
    ['//', 'path_empty_segment'],
    ['//a', 'path_empty_segment'],
    ['/a//b', 'path_empty_segment'],
    ['/a//', 'path_empty_segment'],
    ['/;x', 'path_empty_segment'],
    ['/a/;x', 'path_empty_segment'],
    ['/.', 'path_dot_segment'],
    ['/..', 'path_dot_segment'],
    ['/a/../b', 'path_dot_segment'],
    ['/a/./b', 'path_dot_segment'],
    ['/a/%2e', 'path_dot_segment'],
    ['/a/%2E%2e/b', 'path_dot_segment'],
    ['/a/.%2e/b', 'path_dot_segment'],
    ['/a/..;/b', 'path_dot_segment'],
    ['/a/..;x=1/b', 'path_dot_segment'],
    ['/a%2Fb', 'path_encoded_slash'],
    ['/a%2fb', 'path_encoded_slash'],
    ['/..%2fadmin', 'path_encoded_slash'],
    ['/a\\b', 'path_backslash'],
    ['/a%5Cb', 'path_backslash'],
    ['/a%00', 'path_control_character'],
    ['/a\u0000', 'path_control_character'],
    ['/%0a..', 'path_control_character'],
    ['/%09.', 'path_control_character'],
    ['/a%7Fb', 'path_control_character'],
    ['/a%C2%85b', 'path_control_character'],
    ['/a\u0085b', 'path_control_character'],
    ['/%c0%ae', 'path_not_utf8'],
    ['/%ff', 'path_not_utf8'],
    ['/%ED%A0%80', 'path_not_utf8'],
    ['/..%c0%af', 'path_not_utf8'],
    ['/a%', 'path_broken_encoding'],
    ['/a%2', 'path_broken_encoding'],
    ['/a%zz', 'path_broken_encoding'],
    ['/%u002e', 'path_broken_encoding'],
    ['/%61dmin', 'path_encoded_alphanumeric'],
    ['/%41', 'path_encoded_alphanumeric'],
    ['/%7A', 'path_encoded_alphanumeric'],
    ['/%30', 'path_encoded_alphanumeric'],
    ['/%252e', 'path_double_encoding'],
    ['/100%25', 'path_double_encoding'],
    ['/a%3Bb', 'path_semicolon'],
    ['/a;b%3Bc', 'path_semicolon'],
    ['/a#b', 'path_fragment'],
    ['/a%23b', 'path_fragment'],
    ['/a%3Fb', 'path_question_mark'],
    ['/\uff0e\uff0e/a', 'path_lookalike'],
    ['/%EF%BC%8F', 'path_lookalike'],
    ['/a\uff05b', 'path_lookalike'],
    ['/a\uff1bb', 'path_lookalike'],
    ['/a\uff1fb', 'path_lookalike'],
    ['/a\uff03b', 'path_lookalike'],
    ['/a\uff3cb', 'path_lookalike'],
    ['/\u2100', 'path_lookalike'],
    ...[0x2024, 0x2025, 0x2026, 0x2044, 0x2215, 0x2216, 0x29f5, 0x29f8, 0x29f9].map(
      (code): [string, PathRule] => [`/a${String.fromCodePoint(code)}b`, 'path_lookalike'],
    ),
    [`/${'a'.repeat(PATH_BYTES_MAX)}`, 'path_too_long'],
    ['/a'.repeat(PATH_SEGMENTS_MAX + 1), 'path_too_many_segments'],
  ];
  it.each(table)('%j breaks %s', (target, expected) => {
    expect(rule(target)).toBe(expected);
  });

  it('rejects every ASCII letter and digit that is percent-encoded, in either case', () => {
    for (const character of 'abcxyzABCXYZ0189') {
      const hex = character.charCodeAt(0).toString(16);
      expect(rule(`/%${hex}`)).toBe('path_encoded_alphanumeric');
      expect(rule(`/%${hex.toUpperCase()}`)).toBe('path_encoded_alphanumeric');
    }
  });

  it('rejects every character that NFKC turns into a structural one', () => {
    for (let code = 0x80; code <= 0xffff; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const character = String.fromCharCode(code);
      if (/[./\\;%?#]/.test(character.normalize('NFKC'))) {
        expect(rule(`/a${encodeURIComponent(character)}`), code.toString(16)).toBe(
          'path_lookalike',
        );
      }
    }
  });
});

describe('whatever the target, the answer is a whole path or a known rule', () => {
  const pieces = fc.constantFrom(
    ...['/', '//', '.', '..', '%2e', '%2F', '%5c', '%00', '%', '%25', '%61', ';', '#', '?', '\\'],
    ...['a', 'B', '0', '-', '\uff0e', '\u2215', 'é', '%C3%A9', '%c3', '%e3%80%82', '日', '\u0000'],
  );
  const target = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
    fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `/${text}`),
  );

  it('and what is taken has no segment that anybody could read otherwise', () => {
    fc.assert(
      fc.property(target, (text) => {
        const parsed = parsePath(text);
        if (!parsed.ok) {
          expect(Object.keys(PATH_RULES)).toContain(parsed.rule);
          return;
        }
        expect(parsed.path).toBe(`/${parsed.segments.join('/')}`);
        for (const [index, segment] of parsed.segments.entries()) {
          expect(segment).not.toMatch(/[/\\%?#\p{Cc}]/u);
          expect(['.', '..']).not.toContain(segment.split(';')[0]);
          if (index < parsed.segments.length - 1) expect(segment).not.toBe('');
          for (const character of segment) {
            if (character > '\u007f') expect(character.normalize('NFKC')).not.toMatch(/[./\\;%?#]/);
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('and the path that policies see decodes to itself', () => {
    fc.assert(
      fc.property(target, (text) => {
        const parsed = parsePath(text);
        if (!parsed.ok) return;
        expect(parsePath(parsed.path)).toMatchObject({ ok: true, path: parsed.path });
      }),
      { numRuns: 3_000 },
    );
  });
});
