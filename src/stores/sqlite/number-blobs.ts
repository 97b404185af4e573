/** Numbers as blobs: the column `bytes` of the table `images`. */

import { decodeNumbers, encodeNumbers, SnapshotError } from '../../number-set/varint-codec.ts';
import type { SqlValue } from './driver.ts';

/** Encodes numbers as a blob, with the lowest and the highest of them. Sorts `numbers` in place. */
export function encode(numbers: Float64Array): { bytes: Uint8Array; low: number; high: number } {
  const bytes = encodeNumbers(numbers);
  return { bytes, low: numbers[0] ?? 0, high: numbers.at(-1) ?? 0 };
}

/** Decodes a stored blob. @throws SnapshotError */
export function decode(bytes: SqlValue | undefined): Float64Array {
  if (!(bytes instanceof Uint8Array)) throw new SnapshotError('an image is missing');
  return decodeNumbers(bytes);
}
