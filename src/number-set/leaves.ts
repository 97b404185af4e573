/**
 * Leaves: the numbers of one range of 2^bits, ascending, in a few words of a larger array. One alone is its distance
 * from the start of the range; few numbers of a wide range are doubles; others are split as Elias and Fano did: how
 * many share their upper bits in unary, and the lower bits packed; a crowded narrow range is a bitmap. What a leaf is,
 * its entry tells, so that all of its memory can be asked for at once. Nothing here allocates.
 */

import { double, doubleWords, HIGH, LOW } from './double-bits.ts';
import {
  canInsert,
  findSplit,
  FEW_SPLIT,
  insertSplit,
  isSoundSplit,
  lowestBit,
  ones,
  readSplit,
  removeSplit,
  splitWords,
  touchSplit,
  writeSplit,
} from './elias-fano.ts';

/** Ranges wider than 2^31 do not fit in a word. */
export const WORD_BITS = 31;
/** Ranges up to 2^13 are not divided any further: most of a telephone exchange of 10,000 numbers. */
export const NARROW_BITS = 13;
/** The most numbers of a leaf. */
export const MOST_NUMBERS = 1 << NARROW_BITS;
const BITMAP_WORDS = MOST_NUMBERS / 32;
const MOST_DOUBLES = 32;

/** An entry: where the leaf is, how many numbers it has, whether it is a bitmap; it is not negative, and 0 is none. */
export const PLACE = 0x7fff;
const COUNT_AT = 16;
const BITMAP = 1 << 30;

const countIn = (entry: number) => (entry & ~BITMAP) >>> COUNT_AT;

/** Whether so many numbers of a range may be a leaf. */
export function isLeaf(count: number, bits: number): boolean {
  return count <= (bits > WORD_BITS ? MOST_DOUBLES : bits > NARROW_BITS ? FEW_SPLIT : MOST_NUMBERS);
}

/** The words that a leaf of so many numbers takes. */
export function leafSize(count: number, bits: number): number {
  if (bits > WORD_BITS) return 2 * count;
  if (count === 1) return 1;
  const size = splitWords(count, bits);
  return bits > NARROW_BITS || size < BITMAP_WORDS ? size : BITMAP_WORDS;
}

/** The words that a leaf takes. */
export function sizeOf(entry: number, bits: number): number {
  return entry >= BITMAP ? BITMAP_WORDS : leafSize(countIn(entry), bits);
}

export const countOf = countIn;
export const isBitmap = (entry: number): boolean => entry >= BITMAP;

/** Whether a leaf of doubles has the one with these words. */
export function hasDouble(words: Int32Array, entry: number, high: number, low: number): boolean {
  const from = entry & PLACE;
  const to = from + 2 * countIn(entry);
  for (let at = from; at < to; at += 2) {
    if (words[at + 1] === low && words[at] === high) return true;
  }
  return false;
}

/** Whether a leaf of a range up to 2^31 has the number at this distance from the start of the range. */
export function hasDistance(words: Int32Array, entry: number, bits: number, distance: number): boolean {
  const at = entry & PLACE;
  if (entry >= BITMAP) return (((words[at + (distance >>> 5)] as number) >>> distance) & 1) !== 0;
  const count = entry >>> COUNT_AT;
  if (count === 1) return words[at] === distance;
  return findSplit(words, at, count, bits, distance) >= 0;
}

/** Asks for the memory that {@link hasDistance} will read. @returns nothing of use. */
export function touch(words: Int32Array, entry: number, bits: number, distance: number): number {
  const at = entry & PLACE;
  const count = countIn(entry);
  if (entry >= BITMAP) return words[at + (distance >>> 5)] as number;
  return count === 1 ? (words[at] as number) : touchSplit(words, at, count, bits, distance);
}

/** Puts a leaf's numbers into `numbers` from a place on. @returns the place behind them. */
export function readLeaf(
  words: Int32Array,
  entry: number,
  base: number,
  bits: number,
  numbers: Float64Array,
  from: number,
): number {
  const at = entry & PLACE;
  const count = countIn(entry);
  let to = from;
  if (bits > WORD_BITS) {
    for (let place = at; place < at + 2 * count; place += 2) {
      doubleWords[HIGH] = words[place] as number;
      doubleWords[LOW] = words[place + 1] as number;
      numbers[to++] = double[0] as number;
    }
  } else if (entry >= BITMAP) {
    for (let place = 0; place < BITMAP_WORDS; place++) {
      for (let word = words[at + place] as number; word !== 0; word &= word - 1) {
        numbers[to++] = base + (place << 5) + lowestBit(word);
      }
    }
  } else if (count === 1) {
    numbers[to++] = base + (words[at] as number);
  } else {
    to = readSplit(words, at, count, base, bits, numbers, from);
  }
  return to;
}

/** Writes a leaf of the numbers [from, to), of which there is one at least. @returns its entry. */
export function writeLeaf(
  words: Int32Array,
  at: number,
  base: number,
  bits: number,
  numbers: Float64Array,
  from: number,
  to: number,
): number {
  const count = to - from;
  const entry = at | (count << COUNT_AT);
  if (bits > WORD_BITS) {
    let place = at;
    for (let index = from; index < to; index++) {
      double[0] = numbers[index] as number;
      words[place++] = doubleWords[HIGH] as number;
      words[place++] = doubleWords[LOW] as number;
    }
    return entry;
  }
  if (count === 1) {
    words[at] = (numbers[from] as number) - base;
    return entry;
  }
  const size = leafSize(count, bits);
  words.fill(0, at, at + size);
  if (bits <= NARROW_BITS && size === BITMAP_WORDS) {
    for (let index = from; index < to; index++) {
      const distance = ((numbers[index] as number) - base) | 0;
      const place = at + (distance >>> 5);
      words[place] = (words[place] as number) | (1 << distance);
    }
    return entry | BITMAP;
  }
  writeSplit(words, at, base, bits, numbers, from, to);
  return entry;
}

/**
 * Puts a number into a bitmap, or takes it out. Nothing where the leaf is none, or has become so empty that it has to
 * be written anew.
 *
 * @returns the leaf's entry; 0 where nothing is done.
 */
export function turnBit(words: Int32Array, entry: number, distance: number, isAdded: boolean): number {
  if (entry < BITMAP || (!isAdded && countIn(entry) <= FEW_SPLIT)) return 0;
  const place = (entry & PLACE) + (distance >>> 5);
  words[place] = (words[place] as number) ^ (1 << distance);
  return entry + (isAdded ? 1 << COUNT_AT : -1 << COUNT_AT);
}

/** Whether a number more needs no other form of leaf than a split one, divided as it is. */
export function isInsertable(entry: number, bits: number): boolean {
  const count = countIn(entry);
  const isSplit = entry < BITMAP && bits <= WORD_BITS && canInsert(count, bits) && isLeaf(count + 1, bits);
  return isSplit && splitWords(count + 1, bits) === leafSize(count + 1, bits);
}

/**
 * Puts a number that it lacks into a leaf, where {@link isInsertable} says so: in its place where its size stays the
 * same, and in a copy at another place otherwise.
 *
 * @returns the leaf's entry.
 */
export function insertDistance(
  words: Int32Array,
  entry: number,
  to: number,
  bits: number,
  distance: number,
): number {
  const count = countIn(entry);
  insertSplit(words, entry & PLACE, to, count, bits, distance);
  return to | ((count + 1) << COUNT_AT);
}

/**
 * Takes a number out of a split leaf that stays divided as it is.
 *
 * @returns the leaf's entry; 0 where the leaf has to be written anew.
 */
export function removeDistance(words: Int32Array, entry: number, bits: number, distance: number): number {
  const count = countIn(entry) - 1;
  if (entry >= BITMAP || bits > WORD_BITS || !canInsert(count, bits)) return 0;
  removeSplit(words, entry & PLACE, count + 1, bits, distance);
  return entry - (1 << COUNT_AT);
}

/**
 * Whether words that anyone may have written are a leaf of a range up to 2^31, so that nothing above reads beyond its
 * end or its range.
 */
export function isSoundLeaf(words: Int32Array, entry: number, bits: number, end: number): boolean {
  const at = entry & PLACE;
  const count = countIn(entry);
  if (count === 0 || !isLeaf(count, bits) || at + sizeOf(entry, bits) > end) return false;
  if (entry >= BITMAP) return bits === NARROW_BITS && count === ones(words, at, BITMAP_WORDS);
  if (count === 1) return (words[at] as number) >>> bits === 0;
  return splitWords(count, bits) === leafSize(count, bits) && isSoundSplit(words, at, count, bits);
}

/** The same of a leaf of doubles. Apart from the others: few lists have some, and then all code would be made anew. */
export function isSoundDoubles(
  words: Int32Array,
  entry: number,
  base: number,
  bits: number,
  end: number,
): boolean {
  const at = entry & PLACE;
  const count = entry >>> COUNT_AT;
  const until = base + 2 ** bits;
  if (count === 0 || count > MOST_DOUBLES || at + 2 * count > end) return false;
  for (let place = at; place < at + 2 * count; place += 2) {
    doubleWords[HIGH] = words[place] as number;
    doubleWords[LOW] = words[place + 1] as number;
    const number = double[0] as number;
    if (!(number >= base && number < until && Math.floor(number) === number)) return false;
  }
  return true;
}
