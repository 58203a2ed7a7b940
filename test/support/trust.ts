/** trust.yaml for tests, with real keys whose private halves sign. */
import {
  generateKeyPair,
  type KeyType,
  type PrivateKey,
  type PublicKey,
  parsePrivateKey,
  parsePublicKey,
} from '../../src/signing/keys.js';
import { resultValue } from './result.js';

export interface TestKey {
  readonly id: string;
  readonly privatePem: string;
  readonly publicPem: string;
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
}

export function testKey(id: string, type: KeyType = 'ed25519'): TestKey {
  const { privatePem, publicPem } = generateKeyPair(type);
  const privateKey = resultValue(parsePrivateKey(privatePem, `${id}.key`));
  const publicKey = resultValue(parsePublicKey(publicPem, `${id}.pub`));
  return { id, privatePem, publicPem, privateKey, publicKey };
}

/** One entry below `keys:`; `more` are further lines of it. */
export function keyEntry(
  { id, publicPem }: Pick<TestKey, 'id' | 'publicPem'>,
  more: readonly string[] = ['from: 2026-01-01T00:00:00Z'],
): string {
  const block = publicPem.trimEnd().split('\n');
  const lines = ['public: |', ...block.map((line) => `  ${line}`), ...more];
  return `  ${id}:\n${lines.map((line) => `    ${line}\n`).join('')}`;
}

export interface TrustParts {
  readonly people: string;
  readonly keys: string;
  readonly roles: string;
  /** Whole top-level fields. */
  readonly more?: string;
}

export function trustText({ people, keys, roles, more = '' }: TrustParts): string {
  return `people:\n${people}keys:\n${keys}roles:\n${roles}${more}`;
}

/** People with one key each, of whom `threshold` must sign. */
export function trustOf(
  keys: Readonly<Record<string, Pick<TestKey, 'id' | 'publicPem'>>>,
  threshold: number,
): string {
  const people = Object.entries(keys).map(
    ([person, { id }]) =>
      `  ${person}: {name: ${person}, email: ${person}@example.org, keys: [${id}]}\n`,
  );
  return trustText({
    people: people.join(''),
    keys: Object.values(keys)
      .map((key) => keyEntry(key))
      .join(''),
    roles: `  bundleSigner: {people: [${Object.keys(keys).join(', ')}], threshold: ${threshold}}\n`,
  });
}
