import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../../../src/config/options.js';
import { suggest } from '../../../src/config/suggest.js';
import { checkValue, decodeText } from '../../../src/config/value.js';
import { textOf, validValues } from './samples.js';

describe('settings', () => {
  it('have names that map one to one', () => {
    for (const name of ['key', 'variable'] as const) {
      expect(new Set(OPTIONS.map((option) => option[name])).size).toBe(OPTIONS.length);
    }
  });

  it.each([
    ['allowUnsigned', '--allow-unsigned', 'CEDARGATE_ALLOW_UNSIGNED'],
    ['tlsClientCa', '--tls-client-ca', 'CEDARGATE_TLS_CLIENT_CA'],
    ['headers.decisionId', undefined, 'CEDARGATE_HEADERS_DECISION_ID'],
    ['drainMs', undefined, 'CEDARGATE_DRAIN_MS'],
  ])('%s is %s and %s', (key, flag, variable) => {
    expect(OPTIONS.find((option) => option.key === key)).toMatchObject({ flag, variable });
  });

  it.each(OPTIONS.map((option) => [option.key, option] as const))(
    '%s has a description, a form and a valid default',
    (_key, option) => {
      expect(option.description).toMatch(/^[A-Z].*\.$/s);
      expect(option.form).not.toBe('');
      if (option.defaultValue !== undefined) {
        expect(checkValue(option, option.defaultValue)).toMatchObject({ ok: true });
      }
    },
  );

  it.each(OPTIONS.map((option) => [option.key, option] as const))(
    '%s reads its own text back',
    (_key, option) => {
      for (const value of validValues(option)) {
        expect(checkValue(option, decodeText(option, textOf(value)))).toEqual({ ok: true, value });
      }
    },
  );

  it('that end in headers take printable ASCII only', () => {
    for (const key of ['headers.prefix', 'helpUrl', 'workload', 'cluster']) {
      const option = OPTIONS.find((o) => o.key === key)!;
      for (const bad of ['\r\nset-cookie: x', '\n', '\0', 'ä', ' ']) {
        const value = `${String(validValues(option)[0])}${bad}`;
        expect([key, checkValue(option, value).ok]).toEqual([key, false]);
      }
    }
  });
});

describe('suggestions', () => {
  it.each([
    ['moed', 'mode'],
    ['listem', 'listen'],
    ['tls-cert', 'tlsCert'],
    ['HELPURL', 'helpUrl'],
  ])('for %s: %s', (unknown, known) => {
    expect(suggest(unknown, ['listen', 'mode', 'tlsCert', 'helpUrl'])).toBe(known);
  });

  it.each(['', 'zzzzzz', 'x'.repeat(10_000)])('for %.10j: none', (unknown) => {
    expect(suggest(unknown, ['listen', 'mode'])).toBeUndefined();
  });
});
