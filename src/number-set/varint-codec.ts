/**
 * Encodes numbers as a blob, for files: sorted, each as a varint of its distance from the one before, behind a header
 * with version, count and checksum. A blob is read back exactly or refused with an error; never with fewer numbers.
 */

import { crc32 } from 'node:zlib';

/** The error for bytes that cannot be read back. The message says why, for the report of a damaged store. */
export class SnapshotError extends Error {
  override name = 'SnapshotError';
}

const MAGIC = 0x53534749;
const VERSION = 1;
/** Magic number, version, count, and checksum of the bytes behind the header: four bytes each, big-endian. */
const HEADER_BYTES = 16;
/** The longest distance is below 2^53 and takes eight bytes of seven bits. */
const LONGEST_VARINT = 8;

/** Encodes whole numbers from 1 to 2^53 - 1 in any order. Sorts `numbers` in place. */
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
 * Decodes a blob. Returns its numbers in ascending order.
 *
 * @throws SnapshotError if the bytes are cut off, altered, of another version, or no blob.
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
  let offset = 0;
  let previous = 0;
  for (let index = 0; index < count; index++) {
    let scale = 1;
    let byte: number | undefined;
    for (byte = body[offset++]; byte !== undefined && byte >= 0x80; byte = body[offset++]) {
      previous += (byte - 0x80) * scale;
      scale *= 0x80;
    }
    if (byte === undefined) throw new SnapshotError('the image holds fewer numbers than it says');
    previous += byte * scale;
    numbers[index] = previous;
  }
  if (offset !== body.length) throw new SnapshotError('the image holds more than it says');
  return numbers;
}
