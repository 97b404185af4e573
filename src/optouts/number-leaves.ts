/**
 * Leaves: the numbers of one range of 2^bits, ascending, in a few words of a larger array. One alone is its distance
 * from the start of the range; few numbers of a wide range are doubles; others are split as Elias and Fano did: how
 * many share their upper bits in unary, and the lower bits packed; a crowded narrow range is a bitmap. What a leaf is,
 * its entry tells, so that all of its memory can be asked for at once. Nothing here allocates.
 */

import { double, doubleWords, HIGH, LOW } from './number-digits.ts';

/** Ranges wider than 2^31 do not fit in a word. */
export const WORD_BITS = 31;
/** Ranges up to 2^13 are not divided any further: most of a telephone exchange of 10,000 numbers. */
export const NARROW_BITS = 13;
/** The most numbers of a leaf. */
export const MOST_NUMBERS = 1 << NARROW_BITS;
const BITMAP_WORDS = MOST_NUMBERS / 32;
const MOST_DOUBLES = 32;
const MOST_SPLIT = 255;

/** An entry: where the leaf is, how many numbers it has, whether it is a bitmap; it is not negative, and 0 is none. */
export const PLACE = 0x7fff;
const COUNT_AT = 16;
const BITMAP = 1 << 30;

/** So many upper parts have one sample: how many numbers are in the parts before. */
const SAMPLED = 8;
const SAMPLED_BITS = 3;

const countIn = (entry: number) => (entry & ~BITMAP) >>> COUNT_AT;

/** How many of the 32 bits are set. */
function bitCount(word: number): number {
  let sum = word - ((word >>> 1) & 0x5555_5555);
  sum = (sum & 0x3333_3333) + ((sum >>> 2) & 0x3333_3333);
  return Math.imul((sum + (sum >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** Where the lowest set bit is. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** How many lower bits are packed: as many as leave one to two numbers per upper part. */
function lowBits(count: number, bits: number): number {
  return bits - 31 + Math.clz32(count);
}

/** The power of two of the bits of a sample. */
function sampleScale(count: number): number {
  return count > MOST_SPLIT ? 4 : 3;
}

/** The words of the samples. */
function sampleWords(count: number, bits: number, low: number): number {
  const samples = (1 << (bits - low)) >>> SAMPLED_BITS;
  return ((samples << sampleScale(count)) + 31) >>> 5;
}

function unaryWords(count: number, bits: number, low: number): number {
  return (count + (1 << (bits - low)) + 31) >>> 5;
}

function splitWords(count: number, bits: number): number {
  const low = lowBits(count, bits);
  return sampleWords(count, bits, low) + unaryWords(count, bits, low) + ((count * low + 31) >>> 5);
}

/** The 32 bits that begin at a bit. Reads one word behind it, which has to exist. */
function bitsAt(words: Int32Array, start: number, bit: number): number {
  const at = start + (bit >>> 5);
  const shift = bit & 31;
  return ((words[at] as number) >>> shift) | (((words[at + 1] as number) << (31 - shift)) << 1);
}

/** Whether so many numbers of a range may be a leaf. */
export function isLeaf(count: number, bits: number): boolean {
  return count <= (bits > WORD_BITS ? MOST_DOUBLES : bits > NARROW_BITS ? MOST_SPLIT : MOST_NUMBERS);
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
  const low = lowBits(count, bits);
  const upper = distance >>> low;
  const unary = at + sampleWords(count, bits, low);
  // The numbers of an upper part are ones, and each part ends with a zero: skip the parts before.
  const group = upper >>> SAMPLED_BITS;
  let bit = group * SAMPLED + sampleOf(words, at, count, group);
  let zeros = ~bitsAt(words, unary, bit);
  let start = bit;
  for (let left = upper & (SAMPLED - 1); left > 0; left--) {
    while (zeros === 0) {
      bit += 32;
      zeros = ~bitsAt(words, unary, bit);
    }
    start = bit + lowestBit(zeros) + 1;
    zeros &= zeros - 1;
  }
  while (zeros === 0) {
    bit += 32;
    zeros = ~bitsAt(words, unary, bit);
  }
  const end = bit + lowestBit(zeros) - upper;
  const packed = unary + unaryWords(count, bits, low);
  const mask = (1 << low) - 1;
  const target = distance & mask;
  for (let index = start - upper; index < end; index++) {
    const lower = bitsAt(words, packed, index * low) & mask;
    if (lower >= target) return lower === target;
  }
  return false;
}

/** How many numbers are before a group of upper parts. */
function sampleOf(words: Int32Array, at: number, count: number, group: number): number {
  const scale = sampleScale(count);
  // So few upper parts that they are less than a group have no sample.
  const bit = group << scale;
  const sample = (words[at + (bit >>> 5)] as number) >>> (bit & 31);
  return group === 0 ? 0 : sample & ((1 << (1 << scale)) - 1);
}

/**
 * Reads where a number would be if all lay evenly, so that the processor fetches it while it reads what comes before.
 *
 * @returns nothing of use.
 */
export function touch(words: Int32Array, entry: number, bits: number, distance: number): number {
  const share = distance / 2 ** bits;
  return words[(entry & PLACE) + Math.floor(share * sizeOf(entry, bits))] as number;
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
    const low = lowBits(count, bits);
    const mask = (1 << low) - 1;
    const unary = at + sampleWords(count, bits, low);
    const packed = unary + unaryWords(count, bits, low);
    let bit = 0;
    for (let place = unary; place < packed; place++) {
      for (let word = words[place] as number; word !== 0; word &= word - 1) {
        const upper = ((place - unary) << 5) + lowestBit(word) - (to - from);
        numbers[to++] = base + upper * (mask + 1) + (bitsAt(words, packed, bit) & mask);
        bit += low;
      }
    }
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

/** Writes a split leaf over zeros. */
function writeSplit(
  words: Int32Array,
  at: number,
  base: number,
  bits: number,
  numbers: Float64Array,
  from: number,
  to: number,
): void {
  const count = to - from;
  const low = lowBits(count, bits);
  const mask = (1 << low) - 1;
  const scale = sampleScale(count);
  const groups = (1 << (bits - low)) >>> SAMPLED_BITS;
  const unary = at + sampleWords(count, bits, low);
  const start = unary + unaryWords(count, bits, low);
  let packed = 0;
  let group = 0;
  for (let index = 0; index < count; index++) {
    const distance = ((numbers[from + index] as number) - base) | 0;
    const upper = distance >>> low;
    for (; group <= upper >>> SAMPLED_BITS && group < groups; group++)
      setSample(words, at, group << scale, index);
    const bit = upper + index;
    const place = unary + (bit >>> 5);
    words[place] = (words[place] as number) | (1 << bit);
    const field = start + (packed >>> 5);
    const lower = distance & mask;
    words[field] = (words[field] as number) | (lower << packed);
    // What does not fit in the word goes into the next; where all of it fits this is nothing.
    const spilled = (lower >>> (31 - (packed & 31))) >>> 1;
    if (spilled !== 0) words[field + 1] = spilled;
    packed += low;
  }
  for (; group < groups; group++) setSample(words, at, group << scale, count);
}

function setSample(words: Int32Array, at: number, bit: number, value: number): void {
  const place = at + (bit >>> 5);
  words[place] = (words[place] as number) | (value << bit);
}

/**
 * Puts a number into a bitmap, or takes it out. Nothing where the leaf is none, or has become so empty that it has to
 * be written anew.
 *
 * @returns the leaf's entry; 0 where nothing is done.
 */
export function turnBit(words: Int32Array, entry: number, distance: number, isAdded: boolean): number {
  if (entry < BITMAP || (!isAdded && countIn(entry) <= MOST_SPLIT)) return 0;
  const place = (entry & PLACE) + (distance >>> 5);
  words[place] = (words[place] as number) ^ (1 << distance);
  return entry + (isAdded ? 1 << COUNT_AT : -1 << COUNT_AT);
}

/** Whether words that anyone may have written are a leaf, so that nothing above reads beyond its end or its range. */
export function isSoundLeaf(
  words: Int32Array,
  entry: number,
  base: number,
  bits: number,
  end: number,
): boolean {
  const at = entry & PLACE;
  const count = countIn(entry);
  if (count === 0 || !isLeaf(count, bits) || at + sizeOf(entry, bits) > end) return false;
  if (entry >= BITMAP) return bits === NARROW_BITS && count === ones(words, at, BITMAP_WORDS);
  if (bits > WORD_BITS) return areSoundDoubles(words, at, count, base, bits);
  if (count === 1) return (words[at] as number) >= 0 && (words[at] as number) < 2 ** bits;
  return splitWords(count, bits) === leafSize(count, bits) && isSoundSplit(words, at, count, bits);
}

function isSoundSplit(words: Int32Array, at: number, count: number, bits: number): boolean {
  const low = lowBits(count, bits);
  const unary = at + sampleWords(count, bits, low);
  const packed = unary + unaryWords(count, bits, low);
  // The last upper part ends with a zero as well: behind it there is no number.
  const last = count + (1 << (bits - low)) - 1;
  if ((words[packed - 1] as number) >>> (last & 31) !== 0 || ones(words, unary, packed - unary) !== count)
    return false;
  let before = 0;
  let place = unary;
  for (let group = 0; group < (1 << (bits - low)) >>> SAMPLED_BITS; group++) {
    const numbers = sampleOf(words, at, count, group);
    const bit = group * SAMPLED + numbers;
    if (bit > last) return false;
    for (; place < unary + (bit >>> 5); place++) before += bitCount(words[place] as number);
    if (before + bitCount((words[place] as number) & ((1 << bit) - 1)) !== numbers) return false;
  }
  return true;
}

function areSoundDoubles(words: Int32Array, at: number, count: number, base: number, bits: number): boolean {
  for (let place = at; place < at + 2 * count; place += 2) {
    doubleWords[HIGH] = words[place] as number;
    doubleWords[LOW] = words[place + 1] as number;
    const number = double[0] as number;
    if (!(number >= base && number < base + 2 ** bits && Number.isInteger(number))) return false;
  }
  return true;
}

function ones(words: Int32Array, from: number, count: number): number {
  let sum = 0;
  for (let place = from; place < from + count; place++) sum += bitCount(words[place] as number);
  return sum;
}
