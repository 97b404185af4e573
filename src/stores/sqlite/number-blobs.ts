/** Numbers as the column `bytes` of the table `images` holds them. */

import { decodeNumbers, encodeNumbers, SnapshotError } from '../../number-set/varint-codec.ts';
import type { SqlValue } from './driver.ts';

/** An image with the numbers between which its own lie. Sorts `numbers` in place. */
export function encode(numbers: Float64Array): { bytes: Uint8Array; low: number; high: number } {
  const bytes = encodeNumbers(numbers);
  return { bytes, low: numbers[0] ?? 0, high: numbers.at(-1) ?? 0 };
}

/** The numbers of a stored image. @throws SnapshotError */
export function decode(bytes: SqlValue | undefined): Float64Array {
  if (!(bytes instanceof Uint8Array)) throw new SnapshotError('an image is missing');
  return decodeNumbers(bytes);
}
