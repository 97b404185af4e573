/**
 * Numbers as bytes, for files: sorted, each as its distance from the one before, in a frame with version, count and
 * checksum. Pure. What comes out is what went in, or an error; never fewer numbers.
 */

import { crc32 } from 'node:zlib';

/** Bytes that cannot be read back. `reason` says why, for the report of a damaged store. */
export class SnapshotError extends Error {
  override name = 'SnapshotError';
}

const MAGIC = 0x53534749;
const VERSION = 1;
/** Magic, version, count, checksum of the rest. */
const HEADER_BYTES = 16;
/** The longest distance, below 2^53, needs eight bytes of seven bits. */
const LONGEST_VARINT = 8;

/** Writes numbers (whole, 1 to 2^53 - 1, any order, no duplicates needed). Sorts `numbers` in place. */
export function encodeNumbers(numbers: Float64Array): Uint8Array {
  numbers.sort();
  const bytes = new Uint8Array(HEADER_BYTES + numbers.length * LONGEST_VARINT);
  let end = HEADER_BYTES;
  let previous = 0;
  for (const number of numbers) {
    let distance = number - previous;
    previous = number;
    while (distance >= 0x80) {
      bytes[end++] = (distance % 0x80) | 0x80;
      distance = Math.floor(distance / 0x80);
    }
    bytes[end++] = distance;
  }
  const header = new DataView(bytes.buffer);
  header.setUint32(0, MAGIC);
  header.setUint32(4, VERSION);
  header.setUint32(8, numbers.length);
  header.setUint32(12, crc32(bytes.subarray(HEADER_BYTES, end)));
  return bytes.slice(0, end);
}

/**
 * Reads numbers back, in ascending order.
 *
 * @throws SnapshotError for bytes that are cut, bent, of another version or no image at all.
 */
export function decodeNumbers(bytes: Uint8Array): Float64Array {
  if (bytes.length < HEADER_BYTES) throw new SnapshotError('the image is cut off');
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (header.getUint32(0) !== MAGIC) throw new SnapshotError('the bytes are no image of numbers');
  if (header.getUint32(4) !== VERSION) {
    throw new SnapshotError(`the image has version ${header.getUint32(4)}, known is ${VERSION}`);
  }
  const count = header.getUint32(8);
  const body = bytes.subarray(HEADER_BYTES);
  if (crc32(body) !== header.getUint32(12)) throw new SnapshotError('the checksum of the image is wrong');
  if (count > body.length) throw new SnapshotError('the image holds fewer numbers than it says');
  const numbers = new Float64Array(count);
  let at = 0;
  let previous = 0;
  for (let index = 0; index < count; index++) {
    let scale = 1;
    let byte: number | undefined;
    for (byte = body[at++]; byte !== undefined && byte >= 0x80; byte = body[at++]) {
      previous += (byte - 0x80) * scale;
      scale *= 0x80;
    }
    if (byte === undefined) throw new SnapshotError('the image holds fewer numbers than it says');
    previous += byte * scale;
    numbers[index] = previous;
  }
  if (at !== body.length) throw new SnapshotError('the image holds more than it says');
  return numbers;
}
