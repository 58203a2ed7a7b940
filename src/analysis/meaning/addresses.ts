/** IP addresses as numbers: one address for every way in which ranges can hold it or not. */
import { isIP } from 'node:net';

interface Range {
  readonly family: 4 | 6;
  readonly low: bigint;
  readonly high: bigint;
}

const BITS = { 4: 32, 6: 128 } as const;
/** For documentation (RFC 5737, 3849): nobody's address, so tried before the ends of ranges. */
const SAMPLES = ['198.51.100.7', '2001:db8::7'];

/**
 * Addresses with the indices of the ranges that hold them; no two alike. Exact: every piece that
 * ranges cut the numbers into begins where a range begins or just behind one.
 */
export function addressClasses(
  ranges: readonly string[],
): { readonly address: string; readonly inside: ReadonlySet<number> }[] {
  const parsed = ranges.map(parseRange);
  const candidates = SAMPLES.map((text) => parseRange(text) as Range);
  for (const range of parsed) {
    if (range === undefined) continue;
    const { family, low, high } = range;
    for (const at of [low, high + 1n, 0n]) candidates.push({ family, low: at, high: at });
  }
  const found = new Map<string, { address: string; inside: ReadonlySet<number> }>();
  for (const { family, low } of candidates) {
    if (low >= 1n << BigInt(BITS[family])) continue;
    const inside = parsed.flatMap((range, index) => {
      const holds = range?.family === family && range.low <= low && low <= range.high;
      return holds ? [index] : [];
    });
    const key = `${family}:${inside.join()}`;
    if (!found.has(key)) {
      found.set(key, { address: format(family, low), inside: new Set(inside) });
    }
  }
  return [...found.values()];
}

/** An address or a range as Cedar's `ip` takes it; undefined for anything else. */
function parseRange(text: string): Range | undefined {
  const [address = '', prefix] = text.split('/');
  const family = isIP(address);
  if (family !== 4 && family !== 6) return undefined;
  const value = family === 4 ? valueOf4(address) : valueOf6(address);
  const bits = BITS[family];
  const length = prefix === undefined ? bits : Number(prefix);
  const size = 1n << BigInt(bits - length);
  const low = (value / size) * size;
  return { family, low, high: low + size - 1n };
}

function valueOf4(address: string): bigint {
  return address.split('.').reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

function valueOf6(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = new Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].reduce(
    (value, group) => value * 65536n + BigInt(`0x${group}`),
    0n,
  );
}

function format(family: 4 | 6, value: bigint): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, index) => {
    return ((value >> BigInt(16 * (7 - index))) & 65535n).toString(16);
  });
  // The first run of zeros that is as long as can be.
  const text = groups.join(':');
  const [longest = ''] = (text.match(/\b0(:0)+\b/g) ?? []).sort((a, b) => b.length - a.length);
  return longest === '' ? text : text.replace(longest, '::').replace(/:{3,}/, '::');
}
