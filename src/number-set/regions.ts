/**
 * Regions: the numbers of a few neighbouring ranges in one array of words, at most 128 kB, so that a region grows or is
 * compacted in little time. A range is a leaf, or a node that divides it into 2, 4, 8, 16 or 32 ranges, and so on down
 * to the leaves. The entry of a range is a word. Replaced parts stay behind as garbage until the region is copied. No
 * function here reads or writes a region that it is not given.
 */

import {
  countOf,
  isLeaf,
  leafSize,
  MOST_NUMBERS,
  NARROW_BITS,
  OFFSET,
  readLeaf,
  sizeOf,
  WORD_BITS,
  writeLeaf,
} from './leaves.ts';

/** Header word: the offset behind the last used word. */
export const END = 0;
/** Header word: how many of the used words are garbage. */
export const GARBAGE = 1;
/** Header word: the slot of the region's first range in the node above. */
export const FIRST = 2;
/** Header word: how many ranges the region has. */
export const RANGES = 3;
/** The size of the header: the entries of the ranges follow. */
export const ROOTS = 4;
/** The bit of an entry that says that it belongs to a node. Such an entry is negative. */
export const NODE = 1 << 31;
/** The most words of a region: so many can an entry address. */
export const MOST_WORDS = 0x8000;
/** How many bits of a number a node consumes, except the first node below a power of two. */
export const STRIDE = 5;
/**
 * By the width of a range: how many bits a node consumes that divides it. The first node below a power of two consumes
 * so many that all widths below it are the same for every power: 2^13 and multiples of five bits more.
 */
export const STRIDES: Uint8Array = Uint8Array.from(
  { length: 64 },
  (_, bits) => ((bits + 99 - NARROW_BITS) % STRIDE) + 1,
);
/** A node with at most so many numbers becomes a leaf when it is copied. The first is for ranges wider than 2^31. */
const MOST_MERGED_DOUBLES = 16;
const MOST_MERGED = 128;

/** Scratch memory for the numbers of a leaf. */
const scratch = new Float64Array(MOST_NUMBERS);

/** Makes a region empty, with `ranges` ranges from slot `first` on. */
export function clearRegion(words: Int32Array, first: number, ranges: number): void {
  words[END] = ROOTS + ranges;
  words[GARBAGE] = 0;
  words[FIRST] = first;
  words[RANGES] = ranges;
  words.fill(0, ROOTS, words[END]);
}

/** Returns the first index in [from, to) of ascending numbers that is not below the bound; `to` if all are below it. */
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

/** Returns how many words {@link appendRange} will take for the numbers [from, to) of a range. */
export function appendedSize(
  numbers: Float64Array,
  from: number,
  to: number,
  rangeStart: number,
  bits: number,
): number {
  if (from === to) return 0;
  if (isLeaf(to - from, bits)) return leafSize(to - from, bits);
  const stride = STRIDES[bits] as number;
  const width = 2 ** (bits - stride);
  let size = 1 << stride;
  let start = from;
  for (let slot = 0; slot < 1 << stride; slot++) {
    const end = lowerBound(numbers, start, to, rangeStart + (slot + 1) * width);
    size += appendedSize(numbers, start, end, rangeStart + slot * width, bits - stride);
    start = end;
  }
  return size;
}

/** Writes the ascending numbers [from, to) of a range behind the used words of a region. @returns the range's entry. */
export function appendRange(
  words: Int32Array,
  numbers: Float64Array,
  from: number,
  to: number,
  rangeStart: number,
  bits: number,
): number {
  if (from === to) return 0;
  const offset = words[END] as number;
  if (isLeaf(to - from, bits)) {
    words[END] = offset + leafSize(to - from, bits);
    return writeLeaf(words, offset, rangeStart, bits, numbers, from, to);
  }
  const stride = STRIDES[bits] as number;
  const width = 2 ** (bits - stride);
  words[END] = offset + (1 << stride);
  let start = from;
  for (let slot = 0; slot < 1 << stride; slot++) {
    const end = lowerBound(numbers, start, to, rangeStart + (slot + 1) * width);
    words[offset + slot] = appendRange(words, numbers, start, end, rangeStart + slot * width, bits - stride);
    start = end;
  }
  return offset | NODE;
}

/** Writes the numbers of a range to `numbers` from index `from` on. @returns the index behind the last one. */
function readRange(
  words: Int32Array,
  entry: number,
  rangeStart: number,
  bits: number,
  numbers: Float64Array,
  from: number,
): number {
  if (entry === 0) return from;
  if (entry > 0) return readLeaf(words, entry, rangeStart, bits, numbers, from);
  const stride = STRIDES[bits] as number;
  const width = 2 ** (bits - stride);
  let to = from;
  for (let slot = 0; slot < 1 << stride; slot++) {
    const child = words[(entry & OFFSET) + slot] as number;
    to = readRange(words, child, rangeStart + slot * width, bits - stride, numbers, to);
  }
  return to;
}

/** How many numbers the range has that {@link copyRange} copied last. */
let copiedCount = 0;

/**
 * Copies a range behind the used words of another region, without garbage. Nodes with few numbers become leaves.
 *
 * @returns the entry of the copy.
 */
export function copyRange(
  from: Int32Array,
  entry: number,
  rangeStart: number,
  bits: number,
  to: Int32Array,
): number {
  copiedCount = 0;
  if (entry === 0) return 0;
  const offset = to[END] as number;
  if (entry > 0) {
    copiedCount = countOf(entry);
    const start = entry & OFFSET;
    const size = sizeOf(entry, bits);
    for (let word = 0; word < size; word++) to[offset + word] = from[start + word] as number;
    to[END] = offset + size;
    return entry - start + offset;
  }
  const stride = STRIDES[bits] as number;
  const width = 2 ** (bits - stride);
  to[END] = offset + (1 << stride);
  let count = 0;
  for (let slot = 0; slot < 1 << stride; slot++) {
    const child = from[(entry & OFFSET) + slot] as number;
    to[offset + slot] = copyRange(from, child, rangeStart + slot * width, bits - stride, to);
    count += copiedCount;
  }
  copiedCount = count;
  if (count > (bits > WORD_BITS ? MOST_MERGED_DOUBLES : MOST_MERGED)) return offset | NODE;
  readRange(to, offset | NODE, rangeStart, bits, scratch, 0);
  // Numbers that are crowded in a narrow range can take fewer words below nodes.
  if (appendedSize(scratch, 0, count, rangeStart, bits) > to[END] - offset) return offset | NODE;
  to[END] = offset;
  return appendRange(to, scratch, 0, count, rangeStart, bits);
}

/** Returns how many words a range takes, without garbage. */
export function rangeSize(words: Int32Array, entry: number, bits: number): number {
  if (entry === 0) return 0;
  if (entry > 0) return sizeOf(entry, bits);
  const stride = STRIDES[bits] as number;
  let size = 1 << stride;
  for (let slot = 0; slot < 1 << stride; slot++) {
    size += rangeSize(words, words[(entry & OFFSET) + slot] as number, bits - stride);
  }
  return size;
}
