/** The arrays of regions: how long they are, and how they are used again. */

import { MOST_WORDS } from './regions.ts';

/** Below this a region grows by a quarter, above by a thirty-second. */
const SMALL_WORDS = 2_048;
/**
 * Above SMALL_WORDS every length is a multiple of this. So there are few lengths, and a region can take the array that
 * another one left. Smaller steps fill regions better, but leave so many arrays behind that the process takes more
 * memory.
 */
const LENGTH_STEP = 8_192;
/** The most words of arrays that are kept to be used again. */
const MOST_SPARE_WORDS = 2 ** 19;

/**
 * Arrays of replaced regions, by length. They are used again, since memory that is left to the garbage collector stays
 * with the process for a long time.
 */
const spares = new Map<number, Int32Array[]>();
let spareWords = 0;

/** Adds slack, so that a region is not copied for every few numbers. */
export const withSlack = (least: number) => least + (least >>> (least < SMALL_WORDS ? 2 : 5));

/** Returns the length of an array for a region of `least` words. */
export function lengthFor(least: number): number {
  if (least < SMALL_WORDS) return withSlack(least);
  return Math.min(MOST_WORDS, Math.ceil(withSlack(least) / LENGTH_STEP) * LENGTH_STEP);
}

/** Returns an array of that length. It may hold old words. */
export function takeArray(length: number): Int32Array {
  const spare = spares.get(length)?.pop();
  if (spare === undefined) return new Int32Array(length);
  spareWords -= length;
  return spare;
}

/** Keeps the array of a replaced region to be used again. */
export function keepArray(words: Int32Array): void {
  if (words.length % LENGTH_STEP !== 0) return;
  // Regions mostly grow, so the oldest arrays are rarely asked for again.
  if (spareWords + words.length > MOST_SPARE_WORDS) {
    spares.clear();
    spareWords = 0;
  }
  const sameLength = spares.get(words.length) ?? [];
  spares.set(words.length, sameLength);
  sameLength.push(words);
  spareWords += words.length;
}
