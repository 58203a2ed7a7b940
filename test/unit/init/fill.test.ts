import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fill } from '../../../src/init/fill.js';

const put = (template: string, value: string) =>
  fill(template, { plain: { known: value }, text: { free: value } });

describe('a template', () => {
  it('gets its values, every time they are named', () => {
    expect(put('<%known%>-<%known%>', 'x')).toBe('x-x');
  });

  it('leaves what is no place alone: workflows have braces of their own', () => {
    const text = '$'.concat('{{ github.token }} [[ a ]] <% known %> 100%');
    expect(put(text, 'x')).toBe(text);
  });

  it('is not filled twice: a value that looks like a place stays what it is', () => {
    expect(put('<%free:yaml%>', '<%known%>')).toBe('"<%known%>"');
    expect(put('<%known%>', '$&')).toBe('$&');
  });

  it.each([
    ['<%free%>', 'unquoted'],
    ['<%other%>', 'no value'],
    ['<%toString%>', 'no value'],
    ['<%free:shell%>', 'unknown language'],
  ])('with %s is a bug', (template, message) => {
    expect(() => put(template, 'x')).toThrow(message);
  });
});

describe('YAML text', () => {
  it('is bare where no reader takes it for anything else', () => {
    for (const text of ['team-payments', 'shop/payments', 'a1']) {
      expect(put('<%free:yaml%>', text)).toBe(text);
    }
  });

  it.each(['1', '1.10', '2026.11.1', 'true', 'no', 'on', 'null', '~', '@team', '- a', 'a: b', ''])(
    'is quoted where one might: %j',
    (text) => {
      expect(put('<%free:yaml%>', text)).toBe(JSON.stringify(text));
    },
  );

  it('is read as it was, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(parse(put('owner: <%free:yaml%> # comment', text))).toEqual({ owner: text });
      }),
    );
  });
});

describe('Cedar text', () => {
  it('cannot end the string that it stands in', () => {
    expect(put('@owner(<%free:cedar%>)', 'a") permit \\')).toBe('@owner("a\\") permit \\\\")');
  });
});
