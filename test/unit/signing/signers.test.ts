import { describe, expect, it } from 'vitest';
import { pae, type Signature, type SignatureSet } from '../../../src/signing/dsse.js';
import {
  generateKeyPair,
  type KeyType,
  parsePrivateKey,
  parsePublicKey,
  sign,
} from '../../../src/signing/keys.js';
import {
  countSigners,
  judgeSignatures,
  type Signers,
  type TrustedKey,
} from '../../../src/signing/signers.js';
import { resultValue } from '../../support/result.js';

const TYPE = 'application/vnd.example.v1+json';
const PAYLOAD = Buffer.from('{"a":1}');
const DAY_MS = 86_400_000;
const AT_MS = Date.UTC(2026, 10, 20);

function keyOf(type: KeyType, id: string, times: Partial<TrustedKey> = {}) {
  const pair = generateKeyPair(type);
  const privateKey = resultValue(parsePrivateKey(pair.privatePem, id));
  const publicKey = resultValue(parsePublicKey(pair.publicPem, id));
  const trusted: TrustedKey = {
    ...{ id, publicKey, fromMs: AT_MS - DAY_MS, untilMs: undefined, retiredMs: undefined },
    ...times,
  };
  const signature = (
    payload: Uint8Array = PAYLOAD,
    type_ = TYPE,
    keyid: string = publicKey.id,
  ) => ({
    keyid,
    sig: sign(privateKey, pae(type_, payload)).toString('base64'),
  });
  return { trusted, signature };
}

const ada = keyOf('ed25519', 'ada-1');
const ada2 = keyOf('ecdsa-p256', 'ada-2');
const bob = keyOf('ecdsa-p256', 'bob-1');
const eve = keyOf('ed25519', 'eve-1');

const signers = (threshold: number, more: [string, TrustedKey[]][] = []): Signers => ({
  people: new Map([['ada', [ada.trusted, ada2.trusted]], ['bob', [bob.trusted]], ...more]),
  threshold,
});
const set = (...signatures: Signature[]): SignatureSet => ({ payloadType: TYPE, signatures });
const people = (signatures: SignatureSet, by: Signers, atMs = AT_MS) =>
  resultValue(countSigners(signatures, PAYLOAD, by, atMs)).map(({ person, key }) => [
    person,
    key.id,
  ]);

describe('signers', () => {
  it('are found by their keys, of either type', () => {
    expect(people(set(bob.signature(), ada.signature()), signers(2))).toEqual([
      ['bob', 'bob-1'],
      ['ada', 'ada-1'],
    ]);
  });

  it.each([
    ['no key id', ''],
    ['the name in the trust file', 'ada-1'],
    ['the id of another key', bob.trusted.publicKey.id],
    ['anything', 'whatever'],
  ])('are found whatever the key id says: %s', (_name, keyid) => {
    const found = people(set(ada.signature(PAYLOAD, TYPE, keyid)), signers(1));
    expect(found).toEqual([['ada', 'ada-1']]);
  });

  it('may be more than needed, and strangers beside them do no harm', () => {
    const signatures = set(eve.signature(), ada.signature(), bob.signature());
    expect(people(signatures, signers(1))).toEqual([
      ['ada', 'ada-1'],
      ['bob', 'bob-1'],
    ]);
  });

  const old = (times: Partial<TrustedKey>): [string, TrustedKey[]][] => [
    ['eve', [{ ...eve.trusted, ...times }]],
  ];
  const signedByEve = set(eve.signature());

  it.each<[string, Partial<TrustedKey>, string | undefined]>([
    ['from that very moment', { fromMs: AT_MS }, undefined],
    ['from a moment later', { fromMs: AT_MS + 1 }, 'counts from 2026-11-20T00:00:00.001Z'],
    ['until a moment later', { untilMs: AT_MS + 1 }, undefined],
    ['until that very moment', { untilMs: AT_MS }, 'counts until 2026-11-20T00:00:00.000Z'],
    ['retired a moment later', { retiredMs: AT_MS + 1 }, undefined],
    ['retired at that very moment', { retiredMs: AT_MS }, 'was retired at 2026-11-20'],
    ['retired before its planned end', { retiredMs: AT_MS, untilMs: AT_MS + 9 }, 'was retired at'],
  ])('count by the moment of what they signed: a key %s', (_name, times, fault) => {
    const result = countSigners(signedByEve, PAYLOAD, signers(1, old(times)), AT_MS);
    if (fault === undefined) expect(result).toMatchObject({ ok: true, value: [{ person: 'eve' }] });
    else {
      expect(result).toMatchObject({ ok: false, problems: [{ code: 'signature_threshold' }] });
      expect(JSON.stringify(result)).toContain(fault);
      expect(JSON.stringify(result)).toContain('and this was made at 2026-11-20T00:00:00.000Z');
    }
  });

  it.each<[string, SignatureSet, string]>([
    ['nobody', set(), 'there are no signatures'],
    ['one', set(ada.signature()), '2 people must have signed, 1 did'],
    ['one, twice', set(ada.signature(), ada.signature()), '`ada` signed already'],
    ['one with two keys', set(ada.signature(), ada2.signature()), '`ada` signed already'],
    ['one and a stranger', set(ada.signature(), eve.signature()), 'with no key of the people'],
    [
      'one, and other bytes by the second',
      set(ada.signature(), bob.signature(Buffer.from('{"a":2}'))),
      'does not verify with key `bob-1`',
    ],
    [
      'one, and the same bytes as another type of payload by the second',
      set(ada.signature(), bob.signature(PAYLOAD, 'application/vnd.example.v2+json')),
      'does not verify with key `bob-1`',
    ],
  ])('are too few when it is %s', (_name, signatures, message) => {
    const result = countSigners(signatures, PAYLOAD, signers(2), AT_MS);
    expect(result).toMatchObject({ ok: false, problems: [{ code: 'signature_threshold' }] });
    expect(JSON.stringify(result)).toContain(message);
  });

  it('count once even when a key that does not count comes first', () => {
    const late = { ...ada2.trusted, fromMs: AT_MS + DAY_MS };
    const by = { people: new Map([['ada', [late, ada.trusted]]]), threshold: 1 };
    const verdicts = judgeSignatures(set(ada2.signature(), ada.signature()), PAYLOAD, by, AT_MS);
    expect(verdicts.map(({ fault }) => fault === undefined)).toEqual([false, true]);
    expect(people(set(ada2.signature(), ada.signature()), by)).toEqual([['ada', 'ada-1']]);
  });
});
