/**
 * Works on whole sets in chunks of numbers, so that other work can run between two chunks. A set of a few numbers fits
 * in one chunk.
 */

import type { NumberSet } from './number-set.ts';

/** How many numbers are looked up in one step, which takes a fraction of a millisecond. */
export const LOOKED_UP_AT_ONCE = 2_000;
/** How many numbers are added to a large set in one step, which takes a fraction of a millisecond. */
const ADDED_AT_ONCE = 500;

/** Returns those of `numbers` that the set has if `isWanted`, or else those that it lacks. */
export function selectNumbers(numbers: Float64Array, set: NumberSet, isWanted: boolean): Float64Array {
  if (set.size === 0) return isWanted ? new Float64Array(0) : numbers.slice();
  const found = new Uint8Array(numbers.length);
  set.hasEach(numbers, found);
  const wanted = Number(isWanted);
  return numbers.filter((_, index) => found[index] === wanted);
}

/** Yields all numbers of a set in ascending order, at most `most` at a time. The set may change meanwhile. */
export function* slicesOf(set: NumberSet, most: number): Generator<Float64Array, void, undefined> {
  for (const batch of set.batches()) {
    for (let from = 0; from < batch.length; from += most) yield batch.subarray(from, from + most);
  }
}

/** Adds all numbers of one set to another, and yields after each chunk. */
export function* addInSteps(from: NumberSet, to: NumberSet): Generator<undefined, void, undefined> {
  for (const slice of slicesOf(from, ADDED_AT_ONCE)) {
    to.addBatch(slice);
    if (slice.length === ADDED_AT_ONCE) yield;
  }
}
