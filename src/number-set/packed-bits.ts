/** Bits packed in 32-bit words: counts them, finds the lowest one, inserts and removes some in the middle. */

/** Returns the number of bits that are set in a word. */
export function bitCount(word: number): number {
  let sum = word - ((word >>> 1) & 0x5555_5555);
  sum = (sum & 0x3333_3333) + ((sum >>> 2) & 0x3333_3333);
  return Math.imul((sum + (sum >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** Returns the number of bits that are set in `count` words. */
export function bitCountOfWords(words: Int32Array, from: number, count: number): number {
  let sum = 0;
  for (let index = from; index < from + count; index++) sum += bitCount(words[index] as number);
  return sum;
}

const { clz32 } = Math;

/** Returns the index of the lowest set bit, 0 to 31. So short that the engine inlines it into every loop. */
export function lowestBit(word: number): number {
  return 31 - clz32(word & -word);
}

/** Inserts `length` bits at index `bit` of the words [start, end). The bits behind them move up. */
export function insertBits(
  words: Int32Array,
  start: number,
  end: number,
  bit: number,
  length: number,
  value: number,
): void {
  const first = start + (bit >>> 5);
  const shift = bit & 31;
  for (let index = end - 1; index > first + 1; index--) {
    words[index] = ((words[index] as number) << length) | ((words[index - 1] as number) >>> (32 - length));
  }
  const before = (words[first] as number) & ((1 << shift) - 1);
  const behind = (words[first] as number) ^ before;
  words[first] = before | (behind << length) | (value << shift);
  // If `first` is the last word, no bit is left over.
  if (first + 1 < end) {
    const spilled = (value >>> (31 - shift)) >>> 1;
    words[first + 1] = ((words[first + 1] as number) << length) | (behind >>> (32 - length)) | spilled;
  }
}

/** Removes `length` bits at index `bit` of the words [start, end). The bits behind them move down. */
export function removeBits(words: Int32Array, start: number, end: number, bit: number, length: number): void {
  const first = start + (bit >>> 5);
  const kept = (1 << bit) - 1;
  const before = (words[first] as number) & kept;
  for (let index = first; index < end - 1; index++) {
    words[index] = ((words[index] as number) >>> length) | ((words[index + 1] as number) << (32 - length));
  }
  words[end - 1] = (words[end - 1] as number) >>> length;
  words[first] = before | ((words[first] as number) & ~kept);
}
