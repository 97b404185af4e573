/**
 * Work on whole sets of numbers a few at a time, so that other work can run in between. Steps are where it may; a set
 * of a few numbers takes none.
 */

import type { NumberSet } from './number-set.ts';

/** Numbers that are looked up, and numbers that are put into a large set, in one step: a fraction of a millisecond. */
export const LOOKED_UP_AT_ONCE = 2_000;
const ADDED_AT_ONCE = 500;

/** The numbers that a set has, or those that it lacks. */
export function sift(numbers: Float64Array, set: NumberSet, isHeld: boolean): Float64Array {
  if (set.size === 0) return isHeld ? new Float64Array(0) : numbers.slice();
  const found = new Uint8Array(numbers.length);
  set.hasEach(numbers, found);
  const wanted = Number(isHeld);
  return numbers.filter((_, index) => found[index] === wanted);
}

/** All numbers of a set in ascending order, few at a time; the set may change meanwhile. */
export function* slicesOf(set: NumberSet, most: number): Generator<Float64Array, void, undefined> {
  for (const batch of set.batches()) {
    for (let from = 0; from < batch.length; from += most) yield batch.subarray(from, from + most);
  }
}

/** Adds all numbers of a set to another. */
export function* pour(from: NumberSet, to: NumberSet): Generator<undefined, void, undefined> {
  for (const slice of slicesOf(from, ADDED_AT_ONCE)) {
    to.addBatch(slice);
    if (slice.length === ADDED_AT_ONCE) yield;
  }
}
