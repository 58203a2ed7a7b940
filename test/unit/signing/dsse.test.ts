import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64 } from '../../../src/signing/base64.js';
import { formatSignatureSet, pae, parseSignatureSet } from '../../../src/signing/dsse.js';

const TYPE = 'application/vnd.example.v1+json';
const parse = (text: string) => parseSignatureSet(Buffer.from(text, 'utf8'), 's.json', TYPE);
/** Keys are in order as they stand, so this is canonical. */
const text = (signatures: unknown, payloadType: unknown = TYPE) =>
  JSON.stringify({ payloadType, signatures });

describe('the pre-authentication encoding', () => {
  it('is the one of the DSSE specification', () => {
    expect(pae('http://example.com/HelloWorld', Buffer.from('hello world')).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  it('counts bytes, not characters', () => {
    expect(pae('té', Buffer.from('\u20ac')).toString()).toBe('DSSEv1 3 té 3 \u20ac');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), (type, payload) => {
        const bytes = pae(type, payload);
        const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
        expect(bytes.subarray(0, bytes.length - payload.length).toString()).toBe(head);
        expect(bytes.subarray(bytes.length - payload.length)).toEqual(Buffer.from(payload));
      }),
    );
  });

  it('differs when type or payload differs, wherever the border between them is', () => {
    expect(pae('a b', Buffer.from('c'))).not.toEqual(pae('a', Buffer.from('b c')));
  });
});

describe('a list of signatures', () => {
  it('comes back as it was written', () => {
    const signature = fc.record({
      keyid: fc.stringMatching(/^[\x21-\x7e]{0,80}$/),
      sig: fc
        .uint8Array({ minLength: 1, maxLength: 72 })
        .map((bytes) => Buffer.from(bytes).toString('base64')),
    });
    fc.assert(
      fc.property(fc.array(signature, { maxLength: 32 }), (signatures) => {
        const set = { payloadType: TYPE, signatures };
        const bytes = formatSignatureSet(set);
        expect(parseSignatureSet(bytes, 's.json', TYPE)).toEqual({ ok: true, value: set });
      }),
    );
  });

  it('is read in both alphabets, and with or without padding', () => {
    for (const sig of ['-_8=', '-_8', '+/8=', '+/8']) {
      expect(parse(text([{ keyid: 'k', sig }]))).toMatchObject({
        ok: true,
        value: { signatures: [{ sig: '+/8=' }] },
      });
    }
  });

  it.each([
    ['another payload type', text([], 'application/json'), 'not for a payload of type'],
    ['no payload type', '{"signatures":[]}', '`payloadType` is missing'],
    ['no signatures', `{"payloadType":"${TYPE}"}`, '`signatures` is missing'],
    ['an unknown field', `{"payloadType":"${TYPE}","signatures":[],"x":1}`, 'unknown field'],
    ['an unknown field inside', text([{ keyid: '', sig: 'AAAA', x: 1 }]), 'unknown'],
    ['no key id', text([{ sig: 'AAAA' }]), '`signatures[0].keyid` is missing'],
    ['a long key id', text([{ keyid: 'k'.repeat(257), sig: 'AAAA' }]), 'at most 256'],
    ['an escape in a key id', text([{ keyid: '\u001b[2J', sig: 'AAAA' }]), 'printable'],
    ['a signature that is no base64', text([{ keyid: '', sig: '!' }]), 'must be base64'],
    ['spare bits', text([{ keyid: '', sig: 'AB==' }]), 'must be base64'],
    ['too much padding', text([{ keyid: '', sig: 'AAAA==' }]), 'must be base64'],
    ['an empty signature', text([{ keyid: '', sig: '' }]), 'must be base64'],
    ['a long signature', text([{ keyid: '', sig: 'A'.repeat(100) }]), '1 to 72 bytes'],
    ['too many', text(Array(33).fill({ keyid: '', sig: 'AAAA' })), 'at most 32'],
    ['a list', '[]', 'the file is missing or not'],
  ])('is refused with %s', (_name, bytes, message) => {
    const result = parse(bytes);
    expect(result).toMatchObject({
      ok: false,
      problems: [{ code: 'signatures_invalid', file: 's.json' }],
    });
    expect(JSON.stringify(result)).toContain(message);
  });

  it('is refused when it is not canonical', () => {
    expect(parse(`{ "payloadType":"${TYPE}","signatures":[]}`)).toMatchObject({
      problems: [{ code: 'json_not_canonical' }],
    });
  });
});

describe('base64', () => {
  it('gives the bytes back, or nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const buffer = Buffer.from(bytes);
        expect(decodeBase64(buffer.toString('base64'))).toEqual(buffer);
        expect(decodeBase64(buffer.toString('base64url'))).toEqual(buffer);
      }),
    );
  });

  it.each(['=', 'A', 'A===', 'AA=', 'AAA==', 'A A=', 'AA\n==', 'AB==', 'AAB='])(
    'does not read %j',
    (bad) => {
      expect(decodeBase64(bad)).toBeUndefined();
    },
  );
});
