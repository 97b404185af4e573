/**
 * Leaves: the numbers of one range of 2^bits, ascending, in a few words of a larger array. One number alone is one
 * word; few numbers of a wide range are doubles; others are split as Elias and Fano did: how many share their upper
 * bits in unary, and the lower bits packed; a crowded narrow range is a bitmap. A leaf knows neither where its range
 * begins nor how wide it is: who holds it tells. Nothing here allocates.
 */

import { double, doubleWords, HIGH, LOW } from './number-digits.ts';

/** Ranges wider than 2^31 do not fit in a word. */
export const WORD_BITS = 31;
/** Ranges up to 2^11 are not divided any further. */
export const NARROW_BITS = 11;
const BITMAP_WORDS = 1 + (1 << NARROW_BITS) / 32;
const MOST_DOUBLES = 32;
const MOST_SPLIT = 255;
/** The most numbers of a leaf. */
export const MOST_NUMBERS = 1 << NARROW_BITS;
/** In the first word: the number of a leaf that has one only, in a leaf that is a bitmap. */
const ALONE = 1 << 31;
const BITMAP = 1 << 30;
const COUNT = 0xffff;

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

/** How many lower bits are packed: as many as leave one to two upper parts per number. */
function lowBits(count: number, bits: number): number {
  const upper = 32 - Math.clz32(count - 1);
  return upper < bits ? bits - upper : 0;
}

function unaryWords(count: number, bits: number, low: number): number {
  return (count + (1 << (bits - low)) + 31) >>> 5;
}

function splitWords(count: number, bits: number): number {
  const low = lowBits(count, bits);
  return 1 + unaryWords(count, bits, low) + ((count * low + 31) >>> 5);
}

/** Bits of a packed run. Reads one word behind it, which has to exist. */
function field(words: Int32Array, start: number, bit: number, low: number): number {
  const at = start + (bit >>> 5);
  const shift = bit & 31;
  const joined = ((words[at] as number) >>> shift) | (((words[at + 1] as number) << (31 - shift)) << 1);
  return joined & ((1 << low) - 1);
}

/** Whether so many numbers of a range may be a leaf. */
export function isLeaf(count: number, bits: number): boolean {
  return count <= (bits > WORD_BITS ? MOST_DOUBLES : bits > NARROW_BITS ? MOST_SPLIT : MOST_NUMBERS);
}

/** The words that a leaf of so many numbers takes. */
export function leafSize(count: number, bits: number): number {
  if (bits > WORD_BITS) return 1 + 2 * count;
  if (count === 1) return 1;
  const size = splitWords(count, bits);
  return bits > NARROW_BITS || size < BITMAP_WORDS ? size : BITMAP_WORDS;
}

/** The words that the leaf at a place takes. */
export function sizeOf(words: Int32Array, at: number, bits: number): number {
  const head = words[at] as number;
  if (head < 0) return 1;
  if ((head & BITMAP) !== 0) return BITMAP_WORDS;
  return bits > WORD_BITS ? 1 + 2 * head : splitWords(head, bits);
}

export function countOf(words: Int32Array, at: number): number {
  const head = words[at] as number;
  return head < 0 ? 1 : head & COUNT;
}

/** Whether a leaf of doubles has the one with these words. */
export function hasDouble(words: Int32Array, at: number, high: number, low: number): boolean {
  const end = at + 2 * (words[at] as number);
  for (let place = at + 1; place < end; place += 2) {
    if (words[place + 1] === low && words[place] === high) return true;
  }
  return false;
}

/** Whether a leaf of a range up to 2^31 has the number at this distance from the start of the range. */
export function hasDistance(words: Int32Array, at: number, bits: number, distance: number): boolean {
  const head = words[at] as number;
  if (head < 0) return (head & ~ALONE) === distance;
  if ((head & BITMAP) !== 0) return (((words[at + 1 + (distance >>> 5)] as number) >>> distance) & 1) !== 0;
  const low = lowBits(head, bits);
  const upper = distance >>> low;
  const target = distance & ((1 << low) - 1);
  // The numbers of an upper part are ones, and each part ends with a zero: skip the parts before.
  let place = at + 1;
  let word = words[place] as number;
  let bit = 0;
  if (upper > 0) {
    let left = upper;
    for (let zeros = 32 - bitCount(word); zeros < left; zeros = 32 - bitCount(word)) {
      left -= zeros;
      word = words[++place] as number;
    }
    let ends = ~word;
    for (; left > 1; left--) ends &= ends - 1;
    bit = lowestBit(ends) + 1;
  }
  const start = at + 1 + unaryWords(head, bits, low);
  let index = ((place - at - 1) << 5) + bit - upper;
  for (;;) {
    if (bit === 32) {
      bit = 0;
      word = words[++place] as number;
    }
    if (((word >>> bit) & 1) === 0) return false;
    const lower = field(words, start, index * low, low);
    if (lower >= target) return lower === target;
    index++;
    bit++;
  }
}

/** Puts a leaf's numbers into `numbers` from a place on. @returns the place behind them. */
export function readLeaf(
  words: Int32Array,
  at: number,
  base: number,
  bits: number,
  numbers: Float64Array,
  from: number,
): number {
  const head = words[at] as number;
  let to = from;
  if (head < 0) {
    numbers[to++] = base + (head & ~ALONE);
  } else if (bits > WORD_BITS) {
    for (let place = at + 1; place <= at + 2 * head; place += 2) {
      doubleWords[HIGH] = words[place] as number;
      doubleWords[LOW] = words[place + 1] as number;
      numbers[to++] = double[0] as number;
    }
  } else if ((head & BITMAP) !== 0) {
    for (let place = 0; place < BITMAP_WORDS - 1; place++) {
      for (let word = words[at + 1 + place] as number; word !== 0; word &= word - 1) {
        numbers[to++] = base + (place << 5) + lowestBit(word);
      }
    }
  } else {
    const low = lowBits(head, bits);
    const size = unaryWords(head, bits, low);
    const start = at + 1 + size;
    let packed = 0;
    for (let place = 0; place < size; place++) {
      for (let word = words[at + 1 + place] as number; word !== 0; word &= word - 1) {
        const upper = (place << 5) + lowestBit(word) - (to - from);
        numbers[to++] = base + upper * (1 << low) + field(words, start, packed, low);
        packed += low;
      }
    }
  }
  return to;
}

/** Writes a leaf of the numbers [from, to), of which there is one at least. @returns the place behind it. */
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
  const end = at + leafSize(count, bits);
  if (bits > WORD_BITS) {
    let place = at;
    words[place++] = count;
    for (let index = from; index < to; index++) {
      double[0] = numbers[index] as number;
      words[place++] = doubleWords[HIGH] as number;
      words[place++] = doubleWords[LOW] as number;
    }
    return end;
  }
  if (count === 1) {
    words[at] = ALONE | ((numbers[from] as number) - base);
    return end;
  }
  words.fill(0, at + 1, end);
  if (bits <= NARROW_BITS && end - at === BITMAP_WORDS) {
    words[at] = BITMAP | count;
    for (let index = from; index < to; index++) {
      const distance = ((numbers[index] as number) - base) | 0;
      const place = at + 1 + (distance >>> 5);
      words[place] = (words[place] as number) | (1 << distance);
    }
    return end;
  }
  words[at] = count;
  const low = lowBits(count, bits);
  const mask = (1 << low) - 1;
  const start = at + 1 + unaryWords(count, bits, low);
  let packed = 0;
  for (let index = 0; index < count; index++) {
    const distance = ((numbers[from + index] as number) - base) | 0;
    const bit = (distance >>> low) + index;
    const unary = at + 1 + (bit >>> 5);
    words[unary] = (words[unary] as number) | (1 << bit);
    const place = start + (packed >>> 5);
    const lower = distance & mask;
    words[place] = (words[place] as number) | (lower << packed);
    // What does not fit in the word goes into the next; where all of it fits this is nothing.
    const spilled = (lower >>> (31 - (packed & 31))) >>> 1;
    if (spilled !== 0) words[place + 1] = spilled;
    packed += low;
  }
  return end;
}

/**
 * Puts a number into a bitmap, or takes it out, where the leaf is one.
 *
 * @returns whether that is done; otherwise the leaf has to be written anew.
 */
export function turnBit(words: Int32Array, at: number, distance: number, isAdded: boolean): boolean {
  const head = words[at] as number;
  // Half empty it is written anew, so that one that shrinks does not stay as large as it was.
  if ((head & (ALONE | BITMAP)) !== BITMAP || (!isAdded && (head & COUNT) <= MOST_SPLIT)) return false;
  const place = at + 1 + (distance >>> 5);
  words[place] = (words[place] as number) ^ (1 << distance);
  words[at] = head + (isAdded ? 1 : -1);
  return true;
}

/** Whether words that anyone may have written are a leaf, so that nothing above reads beyond its end or its range. */
export function isSoundLeaf(words: Int32Array, at: number, base: number, bits: number, end: number): boolean {
  const head = words[at] as number;
  if (head < 0) return bits <= WORD_BITS && (head & ~ALONE) < 2 ** bits;
  if ((head & BITMAP) !== 0) {
    const count = head & ~BITMAP;
    return (
      bits === NARROW_BITS && at + BITMAP_WORDS <= end && count === ones(words, at + 1, BITMAP_WORDS - 1)
    );
  }
  if (head === 0 || !isLeaf(head, bits) || at + sizeOf(words, at, bits) > end) return false;
  if (bits > WORD_BITS) return areSoundDoubles(words, at, base, bits);
  const low = lowBits(head, bits);
  const size = unaryWords(head, bits, low);
  // The last upper part ends with a zero as well: behind it there is no number.
  const last = head + (1 << (bits - low)) - 1;
  const rest = (words[at + size] as number) >>> (last & 31);
  return head > 1 && rest === 0 && ones(words, at + 1, size) === head;
}

function areSoundDoubles(words: Int32Array, at: number, base: number, bits: number): boolean {
  for (let place = at + 1; place <= at + 2 * (words[at] as number); place += 2) {
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
