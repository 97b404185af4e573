/**
 * Numbers of 5 to 15 digits as doubles, which hold them exactly, and a double as the two words that its bits are. The
 * words of a whole number read from the left are its power of two and then its bits, so that they sort as it does.
 */

export const SMALLEST_NUMBER = 10_000;
export const NUMBERS_END = 10 ** 15;

/** Whether a set can hold it. */
export function isNumber(number: number): boolean {
  return number >= SMALLEST_NUMBER && number < NUMBERS_END && Math.floor(number) === number;
}

/** A place to put a double in and take its words out of. */
export const double: Float64Array = new Float64Array(1);
export const doubleWords: Int32Array = new Int32Array(double.buffer);
/** Where the word with the exponent is, which differs between kinds of processors. */
export const HIGH = Number(new Int32Array(new Float64Array([1]).buffer)[1] !== 0);
export const LOW = 1 - HIGH;
