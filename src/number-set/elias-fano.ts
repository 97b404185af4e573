/**
 * The Elias-Fano encoding of two numbers or more of a range of at most 2^31. The upper bits of a number choose its
 * bucket. Three arrays of bits follow each other:
 *
 * 1. samples, so that no search reads from the start: how many numbers are before every eighth bucket;
 * 2. buckets: a one for each number, and a zero at the end of each bucket;
 * 3. the lower bits of all numbers, packed.
 *
 * A number takes about two and a half bits more than the logarithm of the mean gap. This file knows no other form of
 * leaf.
 */

import { bitCount, bitCountOfWords, insertBits, lowestBit, removeBits } from './packed-bits.ts';

/** The most numbers for which a sample takes a byte. With more numbers it takes two. */
export const MOST_WITH_BYTE_SAMPLES = 255;
/** There is one sample for so many buckets. */
const SAMPLED_BUCKETS = 8;
const SAMPLED_BITS = 3;

/** Returns how many lower bits of a number are packed: as many as leave one to two numbers per bucket. */
function lowerWidth(count: number, bits: number): number {
  return bits - 31 + Math.clz32(count);
}

/** Returns the logarithm of the bits of a sample. */
function sampleScale(count: number): number {
  return count > MOST_WITH_BYTE_SAMPLES ? 4 : 3;
}

/** Returns how many words the samples take. */
function sampleWords(count: number, bits: number, width: number): number {
  const samples = (1 << (bits - width)) >>> SAMPLED_BITS;
  return ((samples << sampleScale(count)) + 31) >>> 5;
}

/** Returns how many words the buckets take. */
function bucketWords(count: number, bits: number, width: number): number {
  return (count + (1 << (bits - width)) + 31) >>> 5;
}

/** Returns how many words `count` numbers of a range of 2^`bits` take. */
export function eliasFanoWords(count: number, bits: number): number {
  const width = lowerWidth(count, bits);
  return sampleWords(count, bits, width) + bucketWords(count, bits, width) + ((count * width + 31) >>> 5);
}

/** Returns the 32 bits that begin at a bit. Reads one word behind them, which has to exist. */
function bitsAt(words: Int32Array, start: number, bit: number): number {
  const index = start + (bit >>> 5);
  const shift = bit & 31;
  return ((words[index] as number) >>> shift) | (((words[index + 1] as number) << (31 - shift)) << 1);
}

/** Returns how many numbers are before a group of eight buckets. */
function rankOfGroup(words: Int32Array, offset: number, count: number, group: number): number {
  const scale = sampleScale(count);
  // Fewer than eight buckets have no sample.
  const bit = group << scale;
  const sample = (words[offset + (bit >>> 5)] as number) >>> (bit & 31);
  return group === 0 ? 0 : sample & ((1 << (1 << scale)) - 1);
}

/**
 * Reads the words that a search would read if the numbers were spread evenly. The processor then loads them while it
 * reads the words that tell the real index.
 *
 * @returns a value that only keeps the reads from being optimised away.
 */
export function prefetchEliasFano(
  words: Int32Array,
  offset: number,
  count: number,
  bits: number,
  distance: number,
): number {
  const width = lowerWidth(count, bits);
  const buckets = offset + sampleWords(count, bits, width);
  const packed = buckets + bucketWords(count, bits, width);
  const bucket = distance >>> width;
  const index = Math.imul(bucket, count) >>> (bits - width);
  const sample = words[offset + (((bucket >>> SAMPLED_BITS) << sampleScale(count)) >>> 5)] as number;
  const zero = words[buckets + ((bucket + index) >>> 5)] as number;
  return sample ^ zero ^ (words[packed + ((index * width) >>> 5)] as number);
}

/** Returns the index of a number; `~` of the index that it would have if it is not there. */
export function findEliasFano(
  words: Int32Array,
  offset: number,
  count: number,
  bits: number,
  distance: number,
): number {
  const width = lowerWidth(count, bits);
  const bucket = distance >>> width;
  const buckets = offset + sampleWords(count, bits, width);
  const group = bucket >>> SAMPLED_BITS;
  let bit = group * SAMPLED_BUCKETS + rankOfGroup(words, offset, count, group);
  let zeros = ~bitsAt(words, buckets, bit);
  let start = bit;
  for (let left = bucket & (SAMPLED_BUCKETS - 1); left > 0; left--) {
    while (zeros === 0) {
      bit += 32;
      zeros = ~bitsAt(words, buckets, bit);
    }
    start = bit + lowestBit(zeros) + 1;
    zeros &= zeros - 1;
  }
  while (zeros === 0) {
    bit += 32;
    zeros = ~bitsAt(words, buckets, bit);
  }
  const end = bit + lowestBit(zeros) - bucket;
  const packed = buckets + bucketWords(count, bits, width);
  const mask = (1 << width) - 1;
  const target = distance & mask;
  for (let index = start - bucket; index < end; index++) {
    const lower = bitsAt(words, packed, index * width) & mask;
    if (lower >= target) return lower === target ? index : ~index;
  }
  return ~end;
}

/** Writes the numbers to `numbers` from index `from` on. @returns the index behind the last one. */
export function readEliasFano(
  words: Int32Array,
  offset: number,
  count: number,
  rangeStart: number,
  bits: number,
  numbers: Float64Array,
  from: number,
): number {
  const width = lowerWidth(count, bits);
  const mask = (1 << width) - 1;
  const buckets = offset + sampleWords(count, bits, width);
  const packed = buckets + bucketWords(count, bits, width);
  let to = from;
  let bit = 0;
  for (let index = buckets; index < packed; index++) {
    for (let word = words[index] as number; word !== 0; word &= word - 1) {
      const bucket = ((index - buckets) << 5) + lowestBit(word) - (to - from);
      numbers[to++] = rangeStart + bucket * (mask + 1) + (bitsAt(words, packed, bit) & mask);
      bit += width;
    }
  }
  return to;
}

/** Encodes the numbers [from, to) of a range. The words have to be zeros. */
export function writeEliasFano(
  words: Int32Array,
  offset: number,
  rangeStart: number,
  bits: number,
  numbers: Float64Array,
  from: number,
  to: number,
): void {
  const count = to - from;
  const width = lowerWidth(count, bits);
  const mask = (1 << width) - 1;
  const scale = sampleScale(count);
  const groups = (1 << (bits - width)) >>> SAMPLED_BITS;
  const buckets = offset + sampleWords(count, bits, width);
  const packed = buckets + bucketWords(count, bits, width);
  let packedBit = 0;
  let group = 0;
  for (let index = 0; index < count; index++) {
    const distance = ((numbers[from + index] as number) - rangeStart) | 0;
    const bucket = distance >>> width;
    for (; group <= bucket >>> SAMPLED_BITS && group < groups; group++)
      writeSample(words, offset, group << scale, index);
    const bit = bucket + index;
    const bucketWord = buckets + (bit >>> 5);
    words[bucketWord] = (words[bucketWord] as number) | (1 << bit);
    const packedWord = packed + (packedBit >>> 5);
    const lower = distance & mask;
    words[packedWord] = (words[packedWord] as number) | (lower << packedBit);
    // The bits that do not fit in the word go into the next one; 0 if all fit.
    const spilled = (lower >>> (31 - (packedBit & 31))) >>> 1;
    if (spilled !== 0) words[packedWord + 1] = spilled;
    packedBit += width;
  }
  for (; group < groups; group++) writeSample(words, offset, group << scale, count);
}

function writeSample(words: Int32Array, offset: number, bit: number, rank: number): void {
  const index = offset + (bit >>> 5);
  words[index] = (words[index] as number) | (rank << bit);
}

/** Whether the width of the lower bits and of the samples stays the same with one number more. */
export function isLayoutKept(count: number, bits: number): boolean {
  return (
    count > 1 && count !== MOST_WITH_BYTE_SAMPLES && lowerWidth(count, bits) === lowerWidth(count + 1, bits)
  );
}

/**
 * Inserts a number that the encoding lacks, if {@link isLayoutKept}: into a copy at offset `to`, or in place if `to` is
 * `offset`, which needs a size that stays the same.
 */
export function insertEliasFano(
  words: Int32Array,
  offset: number,
  to: number,
  count: number,
  bits: number,
  distance: number,
): void {
  const width = lowerWidth(count, bits);
  const bucket = distance >>> width;
  const index = ~findEliasFano(words, offset, count, bits, distance);
  const samples = sampleWords(count, bits, width);
  const packed = samples + bucketWords(count, bits, width);
  const size = eliasFanoWords(count, bits);
  const packedAfter = samples + bucketWords(count + 1, bits, width);
  const sizeAfter = eliasFanoWords(count + 1, bits);
  if (to !== offset) {
    words.fill(0, to + packed, to + sizeAfter);
    for (let word = 0; word < packed; word++) words[to + word] = words[offset + word] as number;
    for (let word = packed; word < size; word++)
      words[to + word + packedAfter - packed] = words[offset + word] as number;
  }
  insertBits(words, to + samples, to + packedAfter, bucket + index, 1, 1);
  insertBits(words, to + packedAfter, to + sizeAfter, index * width, width, distance & ((1 << width) - 1));
  adjustSamples(words, to, count, bits, bucket, 1);
}

/** Removes one of `count` numbers in place, if {@link isLayoutKept} for `count - 1`. */
export function removeEliasFano(
  words: Int32Array,
  offset: number,
  count: number,
  bits: number,
  distance: number,
): void {
  const width = lowerWidth(count, bits);
  const bucket = distance >>> width;
  const index = findEliasFano(words, offset, count, bits, distance);
  const buckets = offset + sampleWords(count, bits, width);
  const packed = buckets + bucketWords(count, bits, width);
  const end = offset + eliasFanoWords(count, bits);
  const moved = packed - buckets - bucketWords(count - 1, bits, width);
  removeBits(words, buckets, packed, bucket + index, 1);
  removeBits(words, packed, end, index * width, width);
  for (let word = packed; moved > 0 && word < end; word++) words[word - moved] = words[word] as number;
  adjustSamples(words, offset, count, bits, bucket, -1);
}

/** Adds `change` to the samples of the groups behind the bucket in which a number was inserted or removed. */
function adjustSamples(
  words: Int32Array,
  offset: number,
  count: number,
  bits: number,
  bucket: number,
  change: number,
): void {
  const scale = sampleScale(count);
  const groups = (1 << (bits - lowerWidth(count, bits))) >>> SAMPLED_BITS;
  for (let group = (bucket >>> SAMPLED_BITS) + 1; group < groups; group++) {
    const index = offset + ((group << scale) >>> 5);
    words[index] = (words[index] as number) + (change << (group << scale));
  }
}

/** Whether untrusted words are an encoding of `count` numbers whose samples are right. */
export function isValidEliasFano(words: Int32Array, offset: number, count: number, bits: number): boolean {
  const width = lowerWidth(count, bits);
  const buckets = offset + sampleWords(count, bits, width);
  const packed = buckets + bucketWords(count, bits, width);
  // The zero at the end of the last bucket: no bit is set from there on.
  const last = count + (1 << (bits - width)) - 1;
  if ((words[packed - 1] as number) >>> (last & 31) !== 0) return false;
  let rank = 0;
  let index = buckets;
  for (let group = 0; group < (1 << (bits - width)) >>> SAMPLED_BITS; group++) {
    const expected = rankOfGroup(words, offset, count, group);
    const bit = group * SAMPLED_BUCKETS + expected;
    if (bit > last) return false;
    for (; index < buckets + (bit >>> 5); index++) rank += bitCount(words[index] as number);
    if (rank + bitCount((words[index] as number) & ((1 << bit) - 1)) !== expected) return false;
  }
  return rank + bitCountOfWords(words, index, packed - index) === count;
}
