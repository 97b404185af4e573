/**
 * Checks regions that were read from a file. A region is valid if it is laid out as `copyRange` leaves one: each part
 * begins where the part before it ends, no part is shared, and no word is left over. So no later read leaves the region
 * or goes in circles.
 */

import { NUMBERS_END, SMALLEST_NUMBER } from './double-bits.ts';
import {
  countOf,
  isValidDoubles,
  isValidLeaf,
  MOST_NUMBERS,
  NARROW_BITS,
  OFFSET,
  readLeaf,
  sizeOf,
  WORD_BITS,
} from './leaves.ts';
import { END, GARBAGE, RANGES, ROOTS, STRIDES } from './regions.ts';

/** Scratch memory for the numbers of a leaf. */
const scratch = new Float64Array(MOST_NUMBERS);

/** The progress of a check: the offset at which the next part has to begin, and how many numbers were found. */
const progress = { end: 0, count: 0 };

/**
 * Checks untrusted words.
 *
 * @param rangeStart the smallest number of the first range.
 * @param bits the width of the first range; of all ranges, unless `isWidening`.
 * @param isWidening whether each range is twice as wide as the one before it, as the powers of two are.
 * @returns how many numbers the region has; -1 if it is not valid.
 */
export function countIfValid(
  words: Int32Array,
  rangeStart: number,
  bits: number,
  isWidening: boolean,
): number {
  progress.end = ROOTS + (words[RANGES] as number);
  progress.count = 0;
  let start = rangeStart;
  for (let slot = 0; slot < (words[RANGES] as number); slot++) {
    const width = isWidening ? bits + slot : bits;
    if (!isValidRange(words, words[ROOTS + slot] as number, start, width)) return -1;
    start += 2 ** width;
  }
  return progress.end === words[END] && words[GARBAGE] === 0 ? progress.count : -1;
}

function isValidRange(words: Int32Array, entry: number, rangeStart: number, bits: number): boolean {
  const isInside = rangeStart >= SMALLEST_NUMBER && rangeStart + 2 ** bits <= NUMBERS_END;
  if (isInside && bits <= WORD_BITS) return isValidInnerRange(words, entry, bits);
  if (entry === 0) return true;
  if (entry > 0) {
    const isValid =
      bits > WORD_BITS
        ? isNextDoublesValid(words, entry, rangeStart, bits)
        : isNextLeafValid(words, entry, bits);
    return isValid && (isInside || hasOnlyNumbers(words, entry, rangeStart, bits));
  }
  if (!isNextNodeValid(words, entry, bits)) return false;
  const stride = STRIDES[bits] as number;
  const width = 2 ** (bits - stride);
  for (let slot = 0; slot < 1 << stride; slot++) {
    const child = words[(entry & OFFSET) + slot] as number;
    if (!isValidRange(words, child, rangeStart + slot * width, bits - stride)) return false;
  }
  return true;
}

/** As {@link isValidRange}, if every distance within the range is a number of 5 to 15 digits: needs no start of it. */
function isValidInnerRange(words: Int32Array, entry: number, bits: number): boolean {
  if (entry === 0) return true;
  if (entry > 0) return isNextLeafValid(words, entry, bits);
  if (!isNextNodeValid(words, entry, bits)) return false;
  const offset = entry & OFFSET;
  const stride = STRIDES[bits] as number;
  for (let index = offset; index < offset + (1 << stride); index++) {
    if (!isValidInnerRange(words, words[index] as number, bits - stride)) return false;
  }
  return true;
}

/** Whether a leaf is valid and begins where the next part has to begin. Moves `progress` behind it. */
function isNextLeafValid(words: Int32Array, entry: number, bits: number): boolean {
  if ((entry & OFFSET) !== progress.end || !isValidLeaf(words, entry, bits, words[END] as number))
    return false;
  progress.end += sizeOf(entry, bits);
  progress.count += countOf(entry);
  return true;
}

/** As {@link isNextLeafValid} for a leaf of doubles. */
function isNextDoublesValid(words: Int32Array, entry: number, rangeStart: number, bits: number): boolean {
  const end = words[END] as number;
  if ((entry & OFFSET) !== progress.end || !isValidDoubles(words, entry, rangeStart, bits, end)) return false;
  const count = countOf(entry);
  progress.end += 2 * count;
  progress.count += count;
  return true;
}

/** As {@link isNextLeafValid} for a node, but the caller checks its entries. */
function isNextNodeValid(words: Int32Array, entry: number, bits: number): boolean {
  if ((entry & OFFSET) !== progress.end || bits <= NARROW_BITS) return false;
  progress.end += 1 << (STRIDES[bits] as number);
  return progress.end <= (words[END] as number);
}

/** Whether a leaf at the edge of the numbers has none of fewer than 5 or more than 15 digits. */
function hasOnlyNumbers(words: Int32Array, entry: number, rangeStart: number, bits: number): boolean {
  const to = readLeaf(words, entry, rangeStart, bits, scratch, 0);
  return scratch.subarray(0, to).every((number) => number >= SMALLEST_NUMBER && number < NUMBERS_END);
}
