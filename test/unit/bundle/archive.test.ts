import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packArchive, unpackArchive } from '../../../src/bundle/archive.js';
import { packTar } from '../../../src/bundle/tar.js';
import {
  ARCHIVE_BYTES_MAX,
  ARCHIVE_ENTRIES_MAX,
  ARCHIVE_TAR_BYTES_MAX,
} from '../../../src/constants.js';
import { TAR_END, type TarEntry, tarGzOf, tarOf } from '../../support/tars.js';

const MANIFEST: TarEntry = { name: 'manifest.json', content: '{}' };
const ENTRIES = [
  { name: 'a.cedar', bytes: Buffer.from('permit(principal, action, resource);\n'.repeat(40)) },
  { name: 'bundle.yaml', bytes: Buffer.from('name: x\n') },
  { name: 'empty.cedar', bytes: Buffer.alloc(0) },
  { name: 'manifest.json', bytes: Buffer.from('{}') },
  { name: 'zahlungen-größe.cedar', bytes: Buffer.alloc(512, 'x') },
];

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function refusal(bytes: Uint8Array): string {
  const result = unpackArchive(bytes, 'x.tar.gz');
  if (result.ok) return 'taken';
  const [{ code, file, message }] = result.problems;
  expect(file).toBe('x.tar.gz');
  return `${code}: ${message}`;
}

describe('packArchive', () => {
  it('gives bytes that never change: gzip, deflate and tar are ours to keep', () => {
    expect(sha256(packArchive(ENTRIES))).toBe(
      '9c44685ee3906881c2d2e355e9bc354a8abf2323c44766e187f0c874ed0c0e98',
    );
  });

  it('puts manifest.json first and the rest in bytewise order, whatever order it is given', () => {
    const names = (entries: typeof ENTRIES) => {
      const result = unpackArchive(packArchive(entries), 'x.tar.gz');
      return result.ok ? result.value.map(({ name }) => name) : result.problems;
    };
    const expected = [
      'manifest.json',
      'a.cedar',
      'bundle.yaml',
      'empty.cedar',
      'zahlungen-größe.cedar',
    ];
    expect(names(ENTRIES)).toEqual(expected);
    expect(names([...ENTRIES].reverse())).toEqual(expected);
  });

  it('says nothing of time, owner or machine in the gzip header', () => {
    expect([...packArchive(ENTRIES).subarray(0, 10)]).toEqual([31, 139, 8, 0, 0, 0, 0, 0, 2, 255]);
  });

  it('writes what tar reads', () => {
    const listing = execFileSync('tar', ['-tvzf', '-'], {
      input: packArchive(ENTRIES),
      env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
      encoding: 'utf8',
    });
    expect(listing.split('\n')[0]).toMatch(/^-rw-r--r-- 0\/0 +2 1970-01-01 00:00 manifest\.json$/);
  });

  it('throws on a name that no archive may hold: its caller has checked', () => {
    expect(() => packTar([{ name: 'a/b', bytes: Buffer.alloc(0) }])).toThrow('flat');
  });
});

describe('unpackArchive', () => {
  it('gives back what was packed', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.record({
            name: fc.stringMatching(/^[a-zA-Z0-9_é€𝒜-][a-zA-Z0-9_.é€𝒜-]{0,20}$/u),
            bytes: fc.uint8Array({ maxLength: 1100 }).map((bytes) => Buffer.from(bytes)),
          }),
          { selector: ({ name }) => name },
        ),
        (files) => {
          const others = files.filter(({ name }) => name !== 'manifest.json');
          const entries = [...others, { name: 'manifest.json', bytes: Buffer.from('{}') }];
          const result = unpackArchive(packArchive(entries), 'x');
          const got = result.ok ? result.value : [];
          expect(new Map(got.map(({ name, bytes }) => [name, Buffer.from(bytes)]))).toEqual(
            new Map(entries.map(({ name, bytes }) => [name, bytes])),
          );
        },
      ),
    );
  });

  it('takes the same tar however it was deflated', () => {
    const tar = packTar(ENTRIES);
    for (const level of [0, 1, 9]) expect(refusal(gzipSync(tar, { level }))).toBe('taken');
  });

  it('takes the hand-made tar that the tests below break', () => {
    expect(refusal(tarGzOf([MANIFEST, { name: 'a.cedar', content: 'x' }]))).toBe('taken');
  });

  const packed = packArchive(ENTRIES);
  const changed = (offset: number, byte: number) => {
    const copy = Buffer.from(packed);
    copy[offset < 0 ? copy.length + offset : offset] = byte;
    return copy;
  };
  it.each<[string, Uint8Array, string]>([
    ['nothing', Buffer.alloc(0), 'the file is not gzip'],
    ['a beginning of a header', packed.subarray(0, 5), 'the file is not gzip'],
    ['another format', Buffer.from('PK\u0003\u0004 something else'), 'the file is not gzip'],
    ['optional fields', changed(3, 8), 'the gzip header has optional fields'],
    ['data cut off', packed.subarray(0, 60), 'the archive does not inflate'],
    ['a trailer cut off', packed.subarray(0, -3), 'the archive is cut off'],
    ['a wrong CRC', changed(-8, (packed.at(-8) ?? 0) ^ 1), 'the gzip checksum is wrong'],
    ['a wrong length', changed(-1, 1), 'the gzip checksum is wrong'],
    ['a second member', Buffer.concat([packed, packed]), 'bytes follow the end of the gzip data'],
    ['trailing zeros', Buffer.concat([packed, Buffer.alloc(8)]), 'bytes follow the end'],
    ['garbage as data', Buffer.concat([packed.subarray(0, 10), Buffer.alloc(40, 0xff)]), 'inflate'],
  ])('refuses %s', (_what, bytes, message) => {
    expect(refusal(bytes)).toContain('archive_invalid: ');
    expect(refusal(bytes)).toContain(message);
  });

  it('refuses more bytes than the limit before it inflates them', () => {
    expect(refusal(Buffer.alloc(ARCHIVE_BYTES_MAX + 1))).toContain(
      `bundle_too_large: the archive has more than ${ARCHIVE_BYTES_MAX} bytes`,
    );
  });

  it('refuses a bomb: a small file that inflates beyond the limit', () => {
    const bomb = gzipSync(Buffer.alloc(ARCHIVE_TAR_BYTES_MAX + 1), { level: 9 });
    expect(bomb.length).toBeLessThan(ARCHIVE_BYTES_MAX);
    expect(refusal(bomb)).toBe(
      `bundle_too_large: the archive inflates to more than ${ARCHIVE_TAR_BYTES_MAX} bytes`,
    );
  });

  it('refuses more files than the limit', () => {
    const names = Array.from({ length: ARCHIVE_ENTRIES_MAX }, (_, n) => `p${n}.cedar`).sort();
    const entries = [MANIFEST, ...names.map((name) => ({ name }))];
    expect(refusal(tarGzOf(entries))).toBe(
      `bundle_too_large: the archive holds more than ${ARCHIVE_ENTRIES_MAX} files`,
    );
    expect(refusal(tarGzOf(entries.slice(0, -1)))).toBe('taken');
  });
});

describe('the tar in a bundle', () => {
  const second = (entry: Partial<TarEntry>) =>
    tarGzOf([MANIFEST, { name: 'a.cedar', content: 'x', ...entry }]);

  it.each<[string, string, string]>([
    ['a file of the old format', '\0', 'holds a file of the old tar format'],
    ['a hard link', '1', 'holds a hard link'],
    ['a symbolic link', '2', 'holds a symbolic link'],
    ['a character device', '3', 'holds a character device'],
    ['a block device', '4', 'holds a block device'],
    ['a directory', '5', 'holds a directory'],
    ['a pipe', '6', 'holds a pipe'],
    ['a contiguous file', '7', 'holds a contiguous file'],
    ['a pax header', 'x', 'holds a pax header'],
    ['a global pax header', 'g', 'holds a global pax header'],
    ['a long name of GNU tar', 'L', 'holds a long name of GNU tar'],
    ['a long link name of GNU tar', 'K', 'holds a long link name of GNU tar'],
    ['a sparse file', 'S', 'holds a sparse file'],
    ['a type nobody knows', 'Z', 'holds an entry of an unknown type'],
  ])('may not hold %s', (_what, type, message) => {
    expect(refusal(second({ type }))).toContain(`archive_invalid: the archive ${message}`);
  });

  it.each<[string, string | Buffer, string]>([
    ['an absolute name', '/etc/passwd', 'leads into another directory'],
    ['a name upwards', '../a.cedar', 'leads into another directory'],
    ['a name in a folder', 'tests/a.yaml', 'leads into another directory'],
    ['a name with a backslash', '..\\a.cedar', 'leads into another directory'],
    ['a dot name', '.a.cedar', 'begins with a dot'],
    ['two dots', '..', 'begins with a dot'],
    ['no name', '', 'is empty'],
    ['a name after a NUL', Buffer.from('a.cedar\0b'), 'goes on after a NUL'],
    ['a name that is not UTF-8', Buffer.from([0x61, 0xff]), 'cannot be seen, or is not UTF-8'],
    ['a control character', 'a\u0007.cedar', 'a\\u{7}.cedar` has characters that cannot be seen'],
    ['a right-to-left override', 'a\u202e.cedar', 'has characters that cannot be seen'],
  ])('may not hold %s', (_what, name, message) => {
    expect(refusal(second({ name }))).toContain('archive_invalid: the name `');
    expect(refusal(second({ name }))).toContain(message);
  });

  it.each<[string, Partial<TarEntry>, string]>([
    ['a wrong checksum', { checksum: '000001\0 ' }, 'a tar header has a wrong checksum'],
    ['a checksum in another form', { over: [], checksum: '0010000\0' }, 'wrong checksum'],
    ['the GNU magic', { over: [[257, 'ustar  \0']] }, 'not of the ustar format'],
    ['the old magic', { over: [[257, '\0\0\0\0\0\0\0\0']] }, 'not of the ustar format'],
    ['a prefix', { over: [[345, 'folder']] }, 'has a prefix: names must be flat'],
    ['a size that is no number', { over: [[124, '0000000000x\0']] }, 'is not an octal number'],
    ['a size in base 256', { over: [[124, Buffer.from([0x80])]] }, 'is not an octal number'],
    ['a size with spaces', { over: [[124, '         1 \0']] }, 'is not an octal number'],
    ['a mode', { over: [[100, '0000755\0']] }, 'sets mode, owner, time or another fixed field'],
    ['a set-uid bit', { over: [[100, '0004644\0']] }, 'sets mode, owner, time'],
    ['an owner', { over: [[108, '0001750\0']] }, 'sets mode, owner, time'],
    ['a group', { over: [[116, '0001750\0']] }, 'sets mode, owner, time'],
    ['a time', { over: [[136, '00000000001\0']] }, 'sets mode, owner, time'],
    ['a link name', { over: [[157, 'b']] }, 'sets mode, owner, time'],
    ['an owner name', { over: [[265, 'root']] }, 'sets mode, owner, time'],
    ['a group name', { over: [[297, 'root']] }, 'sets mode, owner, time'],
    ['a device number', { over: [[329, '0000001\0']] }, 'sets mode, owner, time'],
    ['bytes behind the header', { over: [[500, 'x']] }, 'sets mode, owner, time'],
    ['bytes behind the content', { padding: Buffer.alloc(511, 1) }, 'bytes follow the end of `a'],
  ])('may not have %s', (_what, entry, message) => {
    expect(refusal(second(entry))).toContain('archive_invalid: ');
    expect(refusal(second(entry))).toContain(message);
  });

  const a = { name: 'a.cedar', content: 'x' };
  const b = { name: 'b.cedar', content: 'x' };
  it.each<[string, Buffer, string]>([
    ['nothing in it', tarGzOf([]), 'the archive is empty'],
    ['no bytes at all', gzipSync(Buffer.alloc(0)), 'the tar is cut off'],
    ['another file first', tarGzOf([a, MANIFEST]), 'the first file is `a.cedar`, not `manifest'],
    ['no manifest', tarGzOf([a]), 'the first file is `a.cedar`'],
    ['one name twice', tarGzOf([MANIFEST, a, a]), 'the archive holds `a.cedar` twice'],
    ['two manifests', tarGzOf([MANIFEST, MANIFEST]), 'the archive holds `manifest.json` twice'],
    ['a late second manifest', tarGzOf([MANIFEST, a, MANIFEST]), '`manifest.json` is out of order'],
    ['names out of order', tarGzOf([MANIFEST, b, a]), '`a.cedar` is out of order'],
    ['a name again, later', tarGzOf([MANIFEST, a, b, a]), '`a.cedar` is out of order'],
    ['no end', tarGzOf([MANIFEST, a], Buffer.alloc(0)), 'the tar is cut off'],
    ['half an end', tarGzOf([MANIFEST, a], Buffer.alloc(512)), 'exactly two blocks of zeros'],
    ['a longer end', tarGzOf([MANIFEST, a], Buffer.alloc(10240)), 'exactly two blocks of zeros'],
    [
      'a file after the end',
      tarGzOf([MANIFEST, a], Buffer.concat([TAR_END, tarOf([b])])),
      'exactly two blocks of zeros',
    ],
    [
      'content cut off',
      gzipSync(tarOf([MANIFEST, { ...a, content: 'x'.repeat(600) }]).subarray(0, 2560 - 512)),
      '`a.cedar` is cut off',
    ],
    [
      'a size beyond the file',
      tarGzOf([MANIFEST, { ...a, over: [[124, '77777777777\0']] }]),
      '`a.cedar` is cut off',
    ],
  ])('may not be with %s', (_what, bytes, message) => {
    expect(refusal(bytes)).toContain('archive_invalid: ');
    expect(refusal(bytes)).toContain(message);
  });

  it('is refused or identical, whatever byte of it is changed', () => {
    const tar = packTar(ENTRIES);
    const position = fc.nat({ max: tar.length - 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(position, fc.nat({ max: 255 })), { minLength: 1 }), (edits) => {
        const copy = Buffer.from(tar);
        for (const [at, byte] of edits) copy[at] = byte;
        const result = unpackArchive(gzipSync(copy, { level: 0 }), 'x');
        if (result.ok) expect(packTar(result.value).equals(copy)).toBe(true);
      }),
    );
  });

  it('is what gzip says it is', () => {
    expect(gunzipSync(packArchive(ENTRIES)).equals(packTar(ENTRIES))).toBe(true);
  });
});
