/**
 * Two numbers or more of a range up to 2^31, as Elias and Fano split them: how many share their upper bits in unary,
 * each upper part ended by a zero; before it samples, so that nothing is read from the start; behind it the lower bits,
 * packed. About two and a half bits more than the logarithm of the mean gap. Knows nothing of other forms.
 */

/** Up to here a sample is a byte. */
export const FEW_SPLIT = 255;
/** So many upper parts have one sample: how many numbers are in the parts before. */
const SAMPLED = 8;
const SAMPLED_BITS = 3;

/** How many of the 32 bits are set. */
function bitCount(word: number): number {
  let sum = word - ((word >>> 1) & 0x5555_5555);
  sum = (sum & 0x3333_3333) + ((sum >>> 2) & 0x3333_3333);
  return Math.imul((sum + (sum >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** Where the lowest set bit is. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** How many lower bits are packed: as many as leave one to two numbers per upper part. */
function lowBits(count: number, bits: number): number {
  return bits - 31 + Math.clz32(count);
}

/** The power of two of the bits of a sample. */
function sampleScale(count: number): number {
  return count > FEW_SPLIT ? 4 : 3;
}

/** The words of the samples. */
function sampleWords(count: number, bits: number, low: number): number {
  const samples = (1 << (bits - low)) >>> SAMPLED_BITS;
  return ((samples << sampleScale(count)) + 31) >>> 5;
}

function unaryWords(count: number, bits: number, low: number): number {
  return (count + (1 << (bits - low)) + 31) >>> 5;
}

export function splitWords(count: number, bits: number): number {
  const low = lowBits(count, bits);
  return sampleWords(count, bits, low) + unaryWords(count, bits, low) + ((count * low + 31) >>> 5);
}

/** The 32 bits that begin at a bit. Reads one word behind it, which has to exist. */
function bitsAt(words: Int32Array, start: number, bit: number): number {
  const at = start + (bit >>> 5);
  const shift = bit & 31;
  return ((words[at] as number) >>> shift) | (((words[at + 1] as number) << (31 - shift)) << 1);
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
 * Reads where a number would be if all lay evenly, so that the processor fetches that while it reads what tells where
 * the number really is.
 *
 * @returns nothing of use.
 */
export function touchSplit(
  words: Int32Array,
  at: number,
  count: number,
  bits: number,
  distance: number,
): number {
  const low = lowBits(count, bits);
  const upper = distance >>> low;
  const index = Math.imul(upper, count) >>> (bits - low);
  const unary = at + sampleWords(count, bits, low);
  const packed = unary + unaryWords(count, bits, low);
  const sample = words[at + (((upper >>> SAMPLED_BITS) << sampleScale(count)) >>> 5)] as number;
  const zero = words[unary + ((upper + index) >>> 5)] as number;
  return sample ^ zero ^ (words[packed + ((index * low) >>> 5)] as number);
}

/** The place among the numbers, if it is one; otherwise `~` of the place that it would have. */
export function findSplit(
  words: Int32Array,
  at: number,
  count: number,
  bits: number,
  distance: number,
): number {
  const low = lowBits(count, bits);
  const upper = distance >>> low;
  const unary = at + sampleWords(count, bits, low);
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
    if (lower >= target) return lower === target ? index : ~index;
  }
  return ~end;
}

/** Puts the numbers into `numbers` from a place on. @returns the place behind them. */
export function readSplit(
  words: Int32Array,
  at: number,
  count: number,
  base: number,
  bits: number,
  numbers: Float64Array,
  from: number,
): number {
  const low = lowBits(count, bits);
  const mask = (1 << low) - 1;
  const unary = at + sampleWords(count, bits, low);
  const packed = unary + unaryWords(count, bits, low);
  let to = from;
  let bit = 0;
  for (let place = unary; place < packed; place++) {
    for (let word = words[place] as number; word !== 0; word &= word - 1) {
      const upper = ((place - unary) << 5) + lowestBit(word) - (to - from);
      numbers[to++] = base + upper * (mask + 1) + (bitsAt(words, packed, bit) & mask);
      bit += low;
    }
  }
  return to;
}

/** Writes a split leaf over zeros. */
export function writeSplit(
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

/** Whether one number more leaves the lower bits and the samples as they are. */
export function canInsert(count: number, bits: number): boolean {
  return count > 1 && count !== FEW_SPLIT && lowBits(count, bits) === lowBits(count + 1, bits);
}

/** Puts a number more into a copy at another place, or where it is, if the size stays the same. */
export function insertSplit(
  words: Int32Array,
  at: number,
  to: number,
  count: number,
  bits: number,
  distance: number,
): void {
  const low = lowBits(count, bits);
  const upper = distance >>> low;
  const index = ~findSplit(words, at, count, bits, distance);
  const samples = sampleWords(count, bits, low);
  const packed = samples + unaryWords(count, bits, low);
  const size = splitWords(count, bits);
  const packedAfter = samples + unaryWords(count + 1, bits, low);
  const sizeAfter = splitWords(count + 1, bits);
  if (to !== at) {
    words.fill(0, to + packed, to + sizeAfter);
    for (let word = 0; word < packed; word++) words[to + word] = words[at + word] as number;
    for (let word = packed; word < size; word++)
      words[to + word + packedAfter - packed] = words[at + word] as number;
  }
  insertBits(words, to + samples, to + packedAfter, upper + index, 1, 1);
  insertBits(words, to + packedAfter, to + sizeAfter, index * low, low, distance & ((1 << low) - 1));
  countUpper(words, to, count, bits, upper, 1);
}

/** Takes a number out, where {@link canInsert} says that it could be put in again. */
export function removeSplit(
  words: Int32Array,
  at: number,
  count: number,
  bits: number,
  distance: number,
): void {
  const low = lowBits(count, bits);
  const upper = distance >>> low;
  const index = findSplit(words, at, count, bits, distance);
  const unary = at + sampleWords(count, bits, low);
  const packed = unary + unaryWords(count, bits, low);
  const end = at + splitWords(count, bits);
  const moved = packed - unary - unaryWords(count - 1, bits, low);
  removeBits(words, unary, packed, upper + index, 1);
  removeBits(words, packed, end, index * low, low);
  for (let word = packed; moved > 0 && word < end; word++) words[word - moved] = words[word] as number;
  countUpper(words, at, count, bits, upper, -1);
}

/** Corrects the samples of the upper parts behind one in which a number has come or gone. */
function countUpper(
  words: Int32Array,
  at: number,
  count: number,
  bits: number,
  upper: number,
  more: number,
): void {
  const scale = sampleScale(count);
  const groups = (1 << (bits - lowBits(count, bits))) >>> SAMPLED_BITS;
  for (let group = (upper >>> SAMPLED_BITS) + 1; group < groups; group++) {
    const place = at + ((group << scale) >>> 5);
    words[place] = (words[place] as number) + (more << (group << scale));
  }
}

/** Moves the bits in [start, end) from one of them on to the right, and puts others into the gap. */
function insertBits(
  words: Int32Array,
  start: number,
  end: number,
  bit: number,
  length: number,
  value: number,
): void {
  const at = start + (bit >>> 5);
  const shift = bit & 31;
  for (let place = end - 1; place > at + 1; place--) {
    words[place] = ((words[place] as number) << length) | ((words[place - 1] as number) >>> (32 - length));
  }
  const before = (words[at] as number) & ((1 << shift) - 1);
  const behind = (words[at] as number) ^ before;
  words[at] = before | (behind << length) | (value << shift);
  // In the last word nothing is left over.
  if (at + 1 < end) {
    const spilled = (value >>> (31 - shift)) >>> 1;
    words[at + 1] = ((words[at + 1] as number) << length) | (behind >>> (32 - length)) | spilled;
  }
}

/** Takes bits out of [start, end) from one of them on, and moves what is behind them to the left. */
function removeBits(words: Int32Array, start: number, end: number, bit: number, length: number): void {
  const at = start + (bit >>> 5);
  const kept = (1 << bit) - 1;
  const before = (words[at] as number) & kept;
  for (let place = at; place < end - 1; place++) {
    words[place] = ((words[place] as number) >>> length) | ((words[place + 1] as number) << (32 - length));
  }
  words[end - 1] = (words[end - 1] as number) >>> length;
  words[at] = before | ((words[at] as number) & ~kept);
}

/** Whether words that anyone may have written are such numbers. */
export function isSoundSplit(words: Int32Array, at: number, count: number, bits: number): boolean {
  const low = lowBits(count, bits);
  const unary = at + sampleWords(count, bits, low);
  const packed = unary + unaryWords(count, bits, low);
  // The last upper part ends with a zero as well: behind it there is no number.
  const last = count + (1 << (bits - low)) - 1;
  if ((words[packed - 1] as number) >>> (last & 31) !== 0) return false;
  let before = 0;
  let place = unary;
  for (let group = 0; group < (1 << (bits - low)) >>> SAMPLED_BITS; group++) {
    const numbers = sampleOf(words, at, count, group);
    const bit = group * SAMPLED + numbers;
    if (bit > last) return false;
    for (; place < unary + (bit >>> 5); place++) before += bitCount(words[place] as number);
    if (before + bitCount((words[place] as number) & ((1 << bit) - 1)) !== numbers) return false;
  }
  return before + ones(words, place, packed - place) === count;
}

/** How many bits are set in some words. */
export function ones(words: Int32Array, from: number, count: number): number {
  let sum = 0;
  for (let place = from; place < from + count; place++) sum += bitCount(words[place] as number);
  return sum;
}
