/**
 * Regions: the numbers of a few neighbouring ranges in one array of words, at most 128 kB, so that whatever grows or is
 * tidied is small. A range is a leaf, or a node that divides it into 2, 4, 8, 16 or 32, and so on down to the leaves;
 * references are half a word. What is replaced stays behind as garbage until the region is copied. Nothing here reads
 * or writes another region.
 */

import { SMALLEST_NUMBER, NUMBERS_END } from './number-digits.ts';
import {
  countOf,
  isLeaf,
  isSoundLeaf,
  leafSize,
  MOST_NUMBERS,
  NARROW_BITS,
  readLeaf,
  sizeOf,
  WORD_BITS,
  writeLeaf,
} from './number-leaves.ts';

/** Where the words in use end; of those, how many are garbage; the first range's place among its siblings; how many. */
export const END = 0;
export const GARBAGE = 1;
export const FIRST = 2;
export const RANGES = 3;
/** Here the references to the ranges begin. */
export const ROOTS = 4;
/** In a reference: that it is to a node. 0 refers to an empty range. */
export const NODE = 0x8000;
export const MOST_WORDS = 0x8000;
/** The bits by which a node divides its range, if that is not the one below a power of two. */
export const STEP = 5;
/** By width: the bits by which such a range is divided, so that after that all widths are of one ladder down to 2^11. */
export const STEPS = Uint8Array.from({ length: 64 }, (_, bits) => ((bits + 3) % STEP) + 1);
/** A node with no more numbers becomes a leaf when it is copied. */
const FEW_DOUBLES = 16;
const FEW_SPLIT = 128;

/** What every region reads numbers into; nothing stays in it. */
const few = new Float64Array(2 * MOST_NUMBERS);

export function referenceAt(words: Int32Array, from: number, place: number): number {
  return ((words[from + (place >>> 1)] as number) >>> ((place & 1) << 4)) & 0xffff;
}

export function setReference(words: Int32Array, from: number, place: number, reference: number): void {
  const at = from + (place >>> 1);
  const shift = (place & 1) << 4;
  words[at] = ((words[at] as number) & ~(0xffff << shift)) | (reference << shift);
}

export const rootWords = (ranges: number): number => (ranges + 1) >>> 1;
export const nodeWords = (step: number): number => 1 << (step - 1);

/** Makes the region empty, for so many ranges. */
export function clearRegion(words: Int32Array, first: number, ranges: number): void {
  words[END] = ROOTS + rootWords(ranges);
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
  let size = nodeWords(step);
  let start = from;
  for (let place = 0; place < 1 << step; place++) {
    const until = lowerBound(numbers, start, to, base + (place + 1) * width);
    size += plantSize(numbers, start, until, base + place * width, bits - step);
    start = until;
  }
  return size;
}

/** Writes numbers [from, to), ascending, of a range at the end of the region. @returns the reference to them. */
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
    words[END] = writeLeaf(words, at, base, bits, numbers, from, to);
    return at;
  }
  const step = STEPS[bits] as number;
  const width = 2 ** (bits - step);
  words[END] = at + nodeWords(step);
  words.fill(0, at, words[END]);
  let start = from;
  for (let place = 0; place < 1 << step; place++) {
    const until = lowerBound(numbers, start, to, base + (place + 1) * width);
    const child = plant(words, numbers, start, until, base + place * width, bits - step);
    setReference(words, at, place, child);
    start = until;
  }
  return at | NODE;
}

/** Puts the numbers of a range into `numbers` from a place on. @returns the place behind them. */
function read(
  words: Int32Array,
  reference: number,
  base: number,
  bits: number,
  numbers: Float64Array,
  from: number,
): number {
  if (reference === 0) return from;
  if (reference < NODE) return readLeaf(words, reference, base, bits, numbers, from);
  const step = STEPS[bits] as number;
  const width = 2 ** (bits - step);
  let to = from;
  for (let place = 0; place < 1 << step; place++) {
    const child = referenceAt(words, reference - NODE, place);
    to = read(words, child, base + place * width, bits - step, numbers, to);
  }
  return to;
}

/** How many numbers the last copied range holds. */
let copied = 0;

/**
 * Copies a range to the end of another region, without garbage; nodes with few numbers become leaves.
 *
 * @returns the reference to the copy.
 */
export function copyRange(
  from: Int32Array,
  reference: number,
  base: number,
  bits: number,
  to: Int32Array,
): number {
  copied = 0;
  if (reference === 0) return 0;
  const at = to[END] as number;
  if (reference < NODE) {
    copied = countOf(from, reference);
    const end = reference + sizeOf(from, reference, bits);
    let place = at;
    for (let word = reference; word < end; word++) to[place++] = from[word] as number;
    to[END] = place;
    return at;
  }
  const step = STEPS[bits] as number;
  const width = 2 ** (bits - step);
  to[END] = at + nodeWords(step);
  to.fill(0, at, to[END]);
  let count = 0;
  for (let place = 0; place < 1 << step; place++) {
    const child = referenceAt(from, reference - NODE, place);
    setReference(to, at, place, copyRange(from, child, base + place * width, bits - step, to));
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
export function rangeSize(words: Int32Array, reference: number, bits: number): number {
  if (reference === 0) return 0;
  if (reference < NODE) return sizeOf(words, reference, bits);
  const step = STEPS[bits] as number;
  let size = nodeWords(step);
  for (let place = 0; place < 1 << step; place++) {
    size += rangeSize(words, referenceAt(words, reference - NODE, place), bits - step);
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
  sound.end = ROOTS + rootWords(words[RANGES] as number);
  sound.count = 0;
  let start = base;
  for (let place = 0; place < (words[RANGES] as number); place++) {
    const width = isGrowing ? bits + place : bits;
    if (!isSoundRange(words, referenceAt(words, ROOTS, place), start, width)) return -1;
    start += 2 ** width;
  }
  return sound.end === words[END] && words[GARBAGE] === 0 ? sound.count : -1;
}

function isSoundRange(words: Int32Array, reference: number, base: number, bits: number): boolean {
  if (reference === 0) return true;
  const at = reference & ~NODE;
  if (at !== sound.end || at >= (words[END] as number)) return false;
  const end = words[END] as number;
  if (reference < NODE) {
    if (!isSoundLeaf(words, at, base, bits, end)) return false;
    sound.end += sizeOf(words, at, bits);
    sound.count += countOf(words, at);
    return (base >= SMALLEST_NUMBER && base + 2 ** bits <= NUMBERS_END) || areNumbers(words, at, base, bits);
  }
  const step = STEPS[bits] as number;
  sound.end += nodeWords(step);
  if (bits <= NARROW_BITS || sound.end > end) return false;
  const width = 2 ** (bits - step);
  for (let place = 0; place < 1 << step; place++) {
    if (!isSoundRange(words, referenceAt(words, at, place), base + place * width, bits - step)) return false;
  }
  return true;
}

/** Whether a leaf at the edge of what numbers can be has none beyond. */
function areNumbers(words: Int32Array, at: number, base: number, bits: number): boolean {
  const to = readLeaf(words, at, base, bits, few, 0);
  return few.subarray(0, to).every((number) => number >= SMALLEST_NUMBER && number < NUMBERS_END);
}
