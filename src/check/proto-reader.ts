/**
 * Reads the wire format of Protocol Buffers, field by field, without making anything of what nobody
 * asks for. (The generated decoder makes two strings of every header of a request, of which two or
 * three are ever looked at: 16 us a check.)
 *
 * Strict: what is cut short, of an unknown wire type, or of another wire type than its field has,
 * throws `Malformed`.
 */

export class Malformed extends Error {
  override readonly name = 'Malformed';
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const GROUP_START = 3;
const GROUP_END = 4;
const FIXED32 = 5;
const VARINT_BYTES_MAX = 10;
/** Groups are not used by anybody; ours is the depth that the generated decoder takes. */
const GROUP_DEPTH_MAX = 100;

export class ProtoReader {
  readonly bytes: Buffer;
  /** Where the next byte stands. */
  position = 0;
  /** Where the message ends that is read. */
  #end: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#end = bytes.length;
  }

  /** The tag of the next field (number times 8 plus wire type), or 0 at the end. */
  tag(): number {
    if (this.position >= this.#end) return 0;
    const tag = this.#varint32();
    if (tag >>> 3 === 0) throw new Malformed('a field has the number 0');
    return tag;
  }

  text(): string {
    const end = this.#bytesEnd();
    const text = this.bytes.toString('utf8', this.position, end);
    this.position = end;
    return text;
  }

  /**
   * Goes into the message that stands here; `leave` wants what this returns. (A reader of its own for
   * every message inside, of which each header is one, takes 1 us a check.)
   */
  enter(): number {
    const outer = this.#end;
    this.#end = this.#bytesEnd();
    return outer;
  }

  /** Goes past the message that was entered. */
  leave(outer: number): void {
    this.position = this.#end;
    this.#end = outer;
  }

  /** A view into the message. */
  view(): Buffer {
    const end = this.#bytesEnd();
    const view = this.bytes.subarray(this.position, end);
    this.position = end;
    return view;
  }

  /** Where the bytes begin that were gone past last. */
  bytesStart = 0;

  /** Goes past the bytes that stand here and returns where they end. */
  skipBytes(): number {
    const end = this.#bytesEnd();
    this.bytesStart = this.position;
    this.position = end;
    return end;
  }

  double(): number {
    const at = this.position;
    this.#advance(8);
    return this.bytes.readDoubleLE(at);
  }

  /** A number that stands for true unless it is 0. */
  bool(): boolean {
    const at = this.position;
    this.#skipVarint();
    return this.bytes.subarray(at, this.position).some((byte) => (byte & 0x7f) !== 0);
  }

  /** Goes past a field that nobody knows. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case VARINT:
        this.#skipVarint();
        return;
      case FIXED64:
        this.#advance(8);
        return;
      case BYTES:
        this.skipBytes();
        return;
      case GROUP_START:
        this.#skipGroup(tag >>> 3, depth + 1);
        return;
      case FIXED32:
        this.#advance(4);
        return;
      default:
        throw new Malformed('a field has an unknown wire type, or ends a group that did not begin');
    }
  }

  #skipGroup(number: number, depth: number): void {
    if (depth > GROUP_DEPTH_MAX) throw new Malformed('groups are nested too deep');
    for (let tag = this.tag(); ; tag = this.tag()) {
      if (tag === 0) throw new Malformed('a group is not closed');
      if ((tag & 7) !== GROUP_END) this.skip(tag, depth);
      else if (tag >>> 3 === number) return;
      else throw new Malformed('a group is closed by another');
    }
  }

  #bytesEnd(): number {
    const length = this.#varint32();
    const end = this.position + length;
    if (end > this.#end) throw new Malformed('a field ends after its message');
    return end;
  }

  #advance(count: number): void {
    this.position += count;
    if (this.position > this.#end) throw new Malformed('a field ends after its message');
  }

  /** Tags and lengths: 32 bits, unsigned. */
  #varint32(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    return this.#longVarint32(first & 0x7f);
  }

  #longVarint32(low: number): number {
    let value = low;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.#byte();
      // 2^28 and above do not fit the bit operations.
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) throw new Malformed('a number is too large');
        return value;
      }
    }
    throw new Malformed('a number has no end');
  }

  #skipVarint(): void {
    for (let count = 0; count < VARINT_BYTES_MAX; count += 1) {
      if (this.#byte() < 0x80) return;
    }
    throw new Malformed('a number has no end');
  }

  #byte(): number {
    if (this.position >= this.#end) throw new Malformed('a number ends after its message');
    const byte = this.bytes[this.position] as number;
    this.position += 1;
    return byte;
  }
}
