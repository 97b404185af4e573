/**
 * Regions: the numbers of a few neighbouring ranges in one array of words, at most 128 kB, so that whatever grows or is
 * tidied is small. A range is a leaf, or a node that divides it into 2, 4, 8, 16 or 32, and so on down to the leaves;
 * an entry is a word. What is replaced stays behind as garbage until the region is copied. Nothing here reads
 * or writes another region.
 */

import { SMALLEST_NUMBER, NUMBERS_END } from './double-bits.ts';
import {
  countOf,
  isLeaf,
  isSoundDoubles,
  isSoundLeaf,
  leafSize,
  MOST_NUMBERS,
  NARROW_BITS,
  PLACE,
  readLeaf,
  sizeOf,
  WORD_BITS,
  writeLeaf,
} from './leaves.ts';

/** Where the words in use end; of those, how many are garbage; the first range's place among its siblings; how many. */
export const END = 0;
export const GARBAGE = 1;
export const FIRST = 2;
export const RANGES = 3;
/** Here the entries of the ranges begin. */
export const ROOTS = 4;
/** In an entry, which is negative then: that it is a node's. 0 is an empty range. */
export const NODE = 1 << 31;
export const MOST_WORDS = 0x8000;
/** The bits by which a node divides its range, if that is not the one below a power of two. */
export const STEP = 5;
/** By width: the bits by which such a range is divided, so that after that all widths are of one ladder down to 2^13. */
export const STEPS: Uint8Array = Uint8Array.from(
  { length: 64 },
  (_, bits) => ((bits + 99 - NARROW_BITS) % STEP) + 1,
);
/** A node with no more numbers becomes a leaf when it is copied. */
const FEW_DOUBLES = 16;
const FEW_SPLIT = 128;

/** What every region reads numbers into; nothing stays in it. */
const few = new Float64Array(MOST_NUMBERS);

/** Makes the region empty, for so many ranges. */
export function clearRegion(words: Int32Array, first: number, ranges: number): void {
  words[END] = ROOTS + ranges;
  words[GARBAGE] = 0;
  words[FIRST] = first;
  words[RANGES] = ranges;
  words.fill(0, ROOTS, words[END]);
}

/** The first place in [from, to) whose number is not below the bound; `to` where none is. */
export function lowerBound(numbers: Float64Array, from: number, to: number, bound: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The words that numbers [from, to) of a range will take. */
export function plantSize(
  numbers: Float64Array,
  from: number,
  to: number,
  base: number,
  bits: number,
): number {
  if (from === to) return 0;
  if (isLeaf(to - from, bits)) return leafSize(to - from, bits);
  const step = STEPS[bits] as number;
  const width = 2 ** (bits - step);
  let size = 1 << step;
  let start = from;
  for (let place = 0; place < 1 << step; place++) {
    const until = lowerBound(numbers, start, to, base + (place + 1) * width);
    size += plantSize(numbers, start, until, base + place * width, bits - step);
    start = until;
  }
  return size;
}

/** Writes numbers [from, to), ascending, of a range at the end of the region. @returns the entry to them. */
export function plant(
  words: Int32Array,
  numbers: Float64Array,
  from: number,
  to: number,
  base: number,
  bits: number,
): number {
  if (from === to) return 0;
  const at = words[END] as number;
  if (isLeaf(to - from, bits)) {
    words[END] = at + leafSize(to - from, bits);
    return writeLeaf(words, at, base, bits, numbers, from, to);
  }
  const step = STEPS[bits] as number;
  const width = 2 ** (bits - step);
  words[END] = at + (1 << step);
  let start = from;
  for (let place = 0; place < 1 << step; place++) {
    const until = lowerBound(numbers, start, to, base + (place + 1) * width);
    words[at + place] = plant(words, numbers, start, until, base + place * width, bits - step);
    start = until;
  }
  return at | NODE;
}

/** Puts the numbers of a range into `numbers` from a place on. @returns the place behind them. */
function read(
  words: Int32Array,
  entry: number,
  base: number,
  bits: number,
  numbers: Float64Array,
  from: number,
): number {
  if (entry === 0) return from;
  if (entry > 0) return readLeaf(words, entry, base, bits, numbers, from);
  const step = STEPS[bits] as number;
  const width = 2 ** (bits - step);
  let to = from;
  for (let place = 0; place < 1 << step; place++) {
    const child = words[(entry & PLACE) + place] as number;
    to = read(words, child, base + place * width, bits - step, numbers, to);
  }
  return to;
}

/** How many numbers the last copied range holds. */
let copied = 0;

/**
 * Copies a range to the end of another region, without garbage; nodes with few numbers become leaves.
 *
 * @returns the entry to the copy.
 */
export function copyRange(
  from: Int32Array,
  entry: number,
  base: number,
  bits: number,
  to: Int32Array,
): number {
  copied = 0;
  if (entry === 0) return 0;
  const at = to[END] as number;
  if (entry > 0) {
    copied = countOf(entry);
    const start = entry & PLACE;
    const size = sizeOf(entry, bits);
    for (let word = 0; word < size; word++) to[at + word] = from[start + word] as number;
    to[END] = at + size;
    return entry - start + at;
  }
  const step = STEPS[bits] as number;
  const width = 2 ** (bits - step);
  to[END] = at + (1 << step);
  let count = 0;
  for (let place = 0; place < 1 << step; place++) {
    const child = from[(entry & PLACE) + place] as number;
    to[at + place] = copyRange(from, child, base + place * width, bits - step, to);
    count += copied;
  }
  copied = count;
  if (count > (bits > WORD_BITS ? FEW_DOUBLES : FEW_SPLIT)) return at | NODE;
  read(to, at | NODE, base, bits, few, 0);
  // Numbers that crowd together far below can take less as they are.
  if (plantSize(few, 0, count, base, bits) > to[END] - at) return at | NODE;
  to[END] = at;
  return plant(to, few, 0, count, base, bits);
}

/** The words of a range, without garbage. */
export function rangeSize(words: Int32Array, entry: number, bits: number): number {
  if (entry === 0) return 0;
  if (entry > 0) return sizeOf(entry, bits);
  const step = STEPS[bits] as number;
  let size = 1 << step;
  for (let place = 0; place < 1 << step; place++) {
    size += rangeSize(words, words[(entry & PLACE) + place] as number, bits - step);
  }
  return size;
}

/** Where the next part of a region has to begin while it is checked, and the numbers so far. */
const sound = { end: 0, count: 0 };

/**
 * How many numbers a region has that anyone may have written; -1 where it is not as {@link copyRange} leaves one: each
 * part behind the one before it, none of them shared, nothing left over.
 */
export function countSound(words: Int32Array, base: number, bits: number, isGrowing: boolean): number {
  sound.end = ROOTS + (words[RANGES] as number);
  sound.count = 0;
  let start = base;
  for (let place = 0; place < (words[RANGES] as number); place++) {
    const width = isGrowing ? bits + place : bits;
    if (!isSoundRange(words, words[ROOTS + place] as number, start, width)) return -1;
    start += 2 ** width;
  }
  return sound.end === words[END] && words[GARBAGE] === 0 ? sound.count : -1;
}

function isSoundRange(words: Int32Array, entry: number, base: number, bits: number): boolean {
  const isWithin = base >= SMALLEST_NUMBER && base + 2 ** bits <= NUMBERS_END;
  if (isWithin && bits <= WORD_BITS) return isSoundWithin(words, entry, bits);
  if (entry === 0) return true;
  if (entry > 0) {
    const isSound =
      bits > WORD_BITS ? isNextDoubles(words, entry, base, bits) : isNextLeaf(words, entry, bits);
    return isSound && (isWithin || areNumbers(words, entry, base, bits));
  }
  if (!isNextNode(words, entry, bits)) return false;
  const step = STEPS[bits] as number;
  const width = 2 ** (bits - step);
  for (let place = 0; place < 1 << step; place++) {
    const child = words[(entry & PLACE) + place] as number;
    if (!isSoundRange(words, child, base + place * width, bits - step)) return false;
  }
  return true;
}

/** As {@link isSoundRange} where all that fits in the range is a number: where it begins need not be known. */
function isSoundWithin(words: Int32Array, entry: number, bits: number): boolean {
  if (entry === 0) return true;
  if (entry > 0) return isNextLeaf(words, entry, bits);
  if (!isNextNode(words, entry, bits)) return false;
  const from = entry & PLACE;
  const step = STEPS[bits] as number;
  for (let place = from; place < from + (1 << step); place++) {
    if (!isSoundWithin(words, words[place] as number, bits - step)) return false;
  }
  return true;
}

/** Whether a leaf is sound and where the next part has to begin; what comes next is behind it then. */
function isNextLeaf(words: Int32Array, entry: number, bits: number): boolean {
  if ((entry & PLACE) !== sound.end || !isSoundLeaf(words, entry, bits, words[END] as number)) return false;
  sound.end += sizeOf(entry, bits);
  sound.count += countOf(entry);
  return true;
}

function isNextDoubles(words: Int32Array, entry: number, base: number, bits: number): boolean {
  const end = words[END] as number;
  if ((entry & PLACE) !== sound.end || !isSoundDoubles(words, entry, base, bits, end)) return false;
  const count = countOf(entry);
  sound.end += 2 * count;
  sound.count += count;
  return true;
}

/** The same of a node, whose entries are looked at by the caller. */
function isNextNode(words: Int32Array, entry: number, bits: number): boolean {
  if ((entry & PLACE) !== sound.end || bits <= NARROW_BITS) return false;
  sound.end += 1 << (STEPS[bits] as number);
  return sound.end <= (words[END] as number);
}

/** Whether a leaf at the edge of what numbers can be has none beyond. */
function areNumbers(words: Int32Array, entry: number, base: number, bits: number): boolean {
  const to = readLeaf(words, entry, base, bits, few, 0);
  return few.subarray(0, to).every((number) => number >= SMALLEST_NUMBER && number < NUMBERS_END);
}
