/**
 * gzip around a built bundle. Written by `fflate`, whose bytes are the same on every Node version and
 * processor; read by node:zlib, so that a sidecar never loads the compressor.
 */
import { createRequire } from 'node:module';
import { crc32, inflateRawSync } from 'node:zlib';
import type * as Fflate from 'fflate';
import { ARCHIVE_BYTES_MAX, ARCHIVE_TAR_BYTES_MAX } from '../constants.js';
import { type ErrorCode, messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

const HEADER_BYTES = 10;
/** CRC-32 and length modulo 2^32, both little endian (RFC 1952). */
const TRAILER_BYTES = 8;
/** gzip, deflate, no flags, no time, slowest compression, no operating system. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
const FLAGS_AT = 3;
const LEVEL = 9;

/** The same input gives the same bytes everywhere. */
export function gzip(bytes: Uint8Array): Buffer {
  const { deflateSync } = createRequire(import.meta.url)('fflate') as typeof Fflate;
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([HEADER, deflateSync(bytes, { level: LEVEL }), trailer]);
}

/** Exactly one member without optional fields, and nothing after it. `file` is for messages. */
export function gunzip(bytes: Uint8Array, file: string): Result<Buffer> {
  const refuse = (code: ErrorCode, message: string) => failed(problem(code, message, { file }));
  if (bytes.length > ARCHIVE_BYTES_MAX) {
    return refuse('bundle_too_large', `the archive has more than ${ARCHIVE_BYTES_MAX} bytes`);
  }
  const fault = headerFault(bytes);
  if (fault !== undefined) return refuse('archive_invalid', fault);
  try {
    const { buffer, engine } = inflate(bytes.subarray(HEADER_BYTES));
    const end = HEADER_BYTES + engine.bytesWritten;
    const trailer = Buffer.from(bytes.subarray(end));
    if (trailer.length < TRAILER_BYTES) return refuse('archive_invalid', 'the archive is cut off');
    if (trailer.length > TRAILER_BYTES) {
      return refuse('archive_invalid', 'bytes follow the end of the gzip data');
    }
    const whole =
      trailer.readUInt32LE(0) === crc32(buffer) && trailer.readUInt32LE(4) === buffer.length;
    return whole ? ok(buffer) : refuse('archive_invalid', 'the gzip checksum is wrong');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      const message = `the archive inflates to more than ${ARCHIVE_TAR_BYTES_MAX} bytes`;
      return refuse('bundle_too_large', message);
    }
    return refuse('archive_invalid', `the archive does not inflate: ${messageOf(thrown)}`);
  }
}

/** What is wrong with the first bytes of a gzip file; undefined when nothing is. */
function headerFault(bytes: Uint8Array): string | undefined {
  const starts = HEADER.subarray(0, FLAGS_AT).every((byte, index) => bytes[index] === byte);
  if (!starts || bytes.length < HEADER_BYTES) return 'the file is not gzip';
  return bytes[FLAGS_AT] === 0 ? undefined : 'the gzip header has optional fields';
}

/** `bytesWritten` is how much of the input belonged to the compressed data. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function inflate(bytes: Uint8Array): Inflated {
  // The types know of no `info`; with it, zlib says where the data ended.
  const options = { info: true, maxOutputLength: ARCHIVE_TAR_BYTES_MAX };
  return inflateRawSync(bytes, options) as unknown as Inflated;
}
