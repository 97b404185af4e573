/**
 * Leaves: the ascending numbers of one range of 2^bits, in a few words of a larger array. A leaf has one of four
 * forms:
 *
 * - a single number is its distance from the start of the range;
 * - few numbers of a range wider than 2^31 are doubles;
 * - a crowded range of 2^13 is a bitmap;
 * - all others are Elias-Fano encoded.
 *
 * The entry of a leaf tells its form, so that all of its memory can be prefetched at once. Nothing here allocates.
 */

import { double, doubleWords, HIGH, LOW } from './double-bits.ts';
import {
  eliasFanoWords,
  findEliasFano,
  insertEliasFano,
  isLayoutKept,
  isValidEliasFano,
  MOST_WITH_BYTE_SAMPLES,
  prefetchEliasFano,
  readEliasFano,
  removeEliasFano,
  writeEliasFano,
} from './elias-fano.ts';
import { bitCountOfWords, lowestBit } from './packed-bits.ts';

/** Distances within wider ranges do not fit in a word. */
export const WORD_BITS = 31;
/** Ranges of 2^13 are not divided any further. One holds most of a telephone exchange of 10,000 numbers. */
export const NARROW_BITS = 13;
/** The most numbers of a leaf. */
export const MOST_NUMBERS = 1 << NARROW_BITS;
const BITMAP_WORDS = MOST_NUMBERS / 32;
const MOST_DOUBLES = 32;

/*
 * The entry of a leaf is one word: its offset, how many numbers it has, and whether it is a bitmap. It is positive.
 * 0 is the entry of an empty range.
 */
/** The bits of an entry that hold the offset of the leaf or node in its region. */
export const OFFSET = 0x7fff;
/** By how much an entry is shifted for the count of a leaf that is no bitmap. */
export const COUNT_SHIFT = 16;
/** Set in the entry of a bitmap. */
export const BITMAP = 1 << 30;

const countIn = (entry: number) => (entry & ~BITMAP) >>> COUNT_SHIFT;

/** Whether so many numbers of a range may be one leaf. */
export function isLeaf(count: number, bits: number): boolean {
  return (
    count <= (bits > WORD_BITS ? MOST_DOUBLES : bits > NARROW_BITS ? MOST_WITH_BYTE_SAMPLES : MOST_NUMBERS)
  );
}

/** Returns how many words a new leaf of so many numbers takes. */
export function leafSize(count: number, bits: number): number {
  if (bits > WORD_BITS) return 2 * count;
  if (count === 1) return 1;
  const size = eliasFanoWords(count, bits);
  return bits > NARROW_BITS || size < BITMAP_WORDS ? size : BITMAP_WORDS;
}

/** Returns how many words an existing leaf takes. */
export function sizeOf(entry: number, bits: number): number {
  return entry >= BITMAP ? BITMAP_WORDS : leafSize(countIn(entry), bits);
}

/** Returns how many numbers a leaf has. */
export const countOf = countIn;
export const isBitmap = (entry: number): boolean => entry >= BITMAP;

/** Whether a leaf of doubles has the one with these words. */
export function hasDouble(words: Int32Array, entry: number, high: number, low: number): boolean {
  const from = entry & OFFSET;
  const to = from + 2 * countIn(entry);
  for (let index = from; index < to; index += 2) {
    if (words[index + 1] === low && words[index] === high) return true;
  }
  return false;
}

/** Whether a leaf of a range up to 2^31 has the number at this distance from the start of the range. */
export function hasDistance(words: Int32Array, entry: number, bits: number, distance: number): boolean {
  const offset = entry & OFFSET;
  if (entry >= BITMAP) return (((words[offset + (distance >>> 5)] as number) >>> distance) & 1) !== 0;
  const count = entry >>> COUNT_SHIFT;
  if (count === 1) return words[offset] === distance;
  return findEliasFano(words, offset, count, bits, distance) >= 0;
}

/**
 * Prefetches the memory that {@link hasDistance} will read.
 *
 * @returns a value that only keeps the reads from being optimised away.
 */
export function prefetchLeaf(words: Int32Array, entry: number, bits: number, distance: number): number {
  const offset = entry & OFFSET;
  const count = countIn(entry);
  if (entry >= BITMAP) return words[offset + (distance >>> 5)] as number;
  return count === 1 ? (words[offset] as number) : prefetchEliasFano(words, offset, count, bits, distance);
}

/** Writes the numbers of a leaf to `numbers` from index `from` on. @returns the index behind the last one. */
export function readLeaf(
  words: Int32Array,
  entry: number,
  rangeStart: number,
  bits: number,
  numbers: Float64Array,
  from: number,
): number {
  const offset = entry & OFFSET;
  const count = countIn(entry);
  let to = from;
  if (bits > WORD_BITS) {
    for (let index = offset; index < offset + 2 * count; index += 2) {
      doubleWords[HIGH] = words[index] as number;
      doubleWords[LOW] = words[index + 1] as number;
      numbers[to++] = double[0] as number;
    }
  } else if (entry >= BITMAP) {
    for (let index = 0; index < BITMAP_WORDS; index++) {
      for (let word = words[offset + index] as number; word !== 0; word &= word - 1) {
        numbers[to++] = rangeStart + (index << 5) + lowestBit(word);
      }
    }
  } else if (count === 1) {
    numbers[to++] = rangeStart + (words[offset] as number);
  } else {
    to = readEliasFano(words, offset, count, rangeStart, bits, numbers, from);
  }
  return to;
}

/** Writes a leaf of the numbers [from, to), at least one. @returns its entry. */
export function writeLeaf(
  words: Int32Array,
  offset: number,
  rangeStart: number,
  bits: number,
  numbers: Float64Array,
  from: number,
  to: number,
): number {
  const count = to - from;
  const entry = offset | (count << COUNT_SHIFT);
  if (bits > WORD_BITS) {
    let end = offset;
    for (let index = from; index < to; index++) {
      double[0] = numbers[index] as number;
      words[end++] = doubleWords[HIGH] as number;
      words[end++] = doubleWords[LOW] as number;
    }
    return entry;
  }
  if (count === 1) {
    words[offset] = (numbers[from] as number) - rangeStart;
    return entry;
  }
  const size = leafSize(count, bits);
  words.fill(0, offset, offset + size);
  if (bits <= NARROW_BITS && size === BITMAP_WORDS) {
    for (let index = from; index < to; index++) {
      const distance = ((numbers[index] as number) - rangeStart) | 0;
      const word = offset + (distance >>> 5);
      words[word] = (words[word] as number) | (1 << distance);
    }
    return entry | BITMAP;
  }
  writeEliasFano(words, offset, rangeStart, bits, numbers, from, to);
  return entry;
}

/**
 * Adds a number that a bitmap lacks, or removes one that it has. Does nothing if the leaf is no bitmap, or if it would
 * become so empty that it has to be written anew.
 *
 * @returns the leaf's new entry; 0 if nothing was done.
 */
export function flipBit(words: Int32Array, entry: number, distance: number, isAdded: boolean): number {
  if (entry < BITMAP || (!isAdded && countIn(entry) <= MOST_WITH_BYTE_SAMPLES)) return 0;
  const word = (entry & OFFSET) + (distance >>> 5);
  words[word] = (words[word] as number) ^ (1 << distance);
  return entry + (isAdded ? 1 << COUNT_SHIFT : -1 << COUNT_SHIFT);
}

/** Whether the leaf is Elias-Fano encoded and keeps form and layout with one number more. */
export function isInsertable(entry: number, bits: number): boolean {
  const count = countIn(entry);
  const isEliasFano =
    entry < BITMAP && bits <= WORD_BITS && isLayoutKept(count, bits) && isLeaf(count + 1, bits);
  return isEliasFano && eliasFanoWords(count + 1, bits) === leafSize(count + 1, bits);
}

/**
 * Inserts a number that a leaf lacks, if {@link isInsertable}: in place if `to` is the leaf's own offset, which needs a
 * size that stays the same; otherwise into a copy of the leaf at offset `to`.
 *
 * @returns the leaf's new entry.
 */
export function insertDistance(
  words: Int32Array,
  entry: number,
  to: number,
  bits: number,
  distance: number,
): number {
  const count = countIn(entry);
  insertEliasFano(words, entry & OFFSET, to, count, bits, distance);
  return to | ((count + 1) << COUNT_SHIFT);
}

/**
 * Removes a number from an Elias-Fano leaf whose layout stays the same.
 *
 * @returns the leaf's new entry; 0 if nothing was done, since the leaf has to be written anew.
 */
export function removeDistance(words: Int32Array, entry: number, bits: number, distance: number): number {
  const count = countIn(entry) - 1;
  if (entry >= BITMAP || bits > WORD_BITS || !isLayoutKept(count, bits)) return 0;
  removeEliasFano(words, entry & OFFSET, count + 1, bits, distance);
  return entry - (1 << COUNT_SHIFT);
}

/**
 * Whether untrusted words are a leaf of a range up to 2^31, so that no function here reads beyond the leaf's end or
 * returns a number beyond its range.
 */
export function isValidLeaf(words: Int32Array, entry: number, bits: number, end: number): boolean {
  const offset = entry & OFFSET;
  const count = countIn(entry);
  if (count === 0 || !isLeaf(count, bits) || offset + sizeOf(entry, bits) > end) return false;
  if (entry >= BITMAP) return bits === NARROW_BITS && count === bitCountOfWords(words, offset, BITMAP_WORDS);
  if (count === 1) return (words[offset] as number) >>> bits === 0;
  return (
    eliasFanoWords(count, bits) === leafSize(count, bits) && isValidEliasFano(words, offset, count, bits)
  );
}

/**
 * Whether untrusted words are a leaf of doubles. It is apart from {@link isValidLeaf}, since few lists have such
 * leaves: if they were checked there, the first of them would make the engine compile that function again.
 */
export function isValidDoubles(
  words: Int32Array,
  entry: number,
  rangeStart: number,
  bits: number,
  end: number,
): boolean {
  const offset = entry & OFFSET;
  const count = entry >>> COUNT_SHIFT;
  const rangeEnd = rangeStart + 2 ** bits;
  if (count === 0 || count > MOST_DOUBLES || offset + 2 * count > end) return false;
  for (let index = offset; index < offset + 2 * count; index += 2) {
    doubleWords[HIGH] = words[index] as number;
    doubleWords[LOW] = words[index + 1] as number;
    const number = double[0] as number;
    if (!(number >= rangeStart && number < rangeEnd && Math.floor(number) === number)) return false;
  }
  return true;
}
