/**
 * Numbers of 5 to 15 digits as doubles, which hold them exactly, and the two 32-bit words of a double. Read from the
 * left, the words of a whole number hold its power of two and then its bits, so they sort as the number does.
 */

export const SMALLEST_NUMBER = 10_000;
/** The first number that is too large. */
export const NUMBERS_END = 10 ** 15;

/** Whether a number set can hold `number`: a whole number of 5 to 15 digits. */
export function isNumber(number: number): boolean {
  return number >= SMALLEST_NUMBER && number < NUMBERS_END && Math.floor(number) === number;
}

/** Scratch memory: a number is written to `double`, and its words are read from `doubleWords`. */
export const double: Float64Array = new Float64Array(1);
export const doubleWords: Int32Array = new Int32Array(double.buffer);
/** The index of the word with the exponent, which depends on the processor's byte order. */
export const HIGH = Number(new Int32Array(new Float64Array([1]).buffer)[1] !== 0);
export const LOW = 1 - HIGH;
