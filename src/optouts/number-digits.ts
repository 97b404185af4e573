/**
 * Numbers of 5 to 15 digits as doubles, which hold them exactly, and a double as the two words that its bits are. The
 * words of a whole number read from the left are its power of two and then its bits, so that they sort as it does.
 */

const ZERO = 48;
/** As many digits as fit in a small integer. */
const HEAD_DIGITS = 9;
const SCALES = Float64Array.from({ length: 7 }, (_, digits) => 10 ** digits);

export const SMALLEST_NUMBER = 10_000;
export const NUMBERS_END = 10 ** 15;

/** The msisdn as a number; 0 for what is none. */
export function toNumber(msisdn: string): number {
  const { length } = msisdn;
  if (length < 5 || length > 15) return 0;
  const headLength = length < HEAD_DIGITS ? length : HEAD_DIGITS;
  // A digit's code differs from that of 0 by its value; anything else differs by more than 9.
  let head = msisdn.charCodeAt(0) ^ ZERO;
  if (head > 9 || head === 0) return 0;
  for (let index = 1; index < headLength; index++) {
    const digit = msisdn.charCodeAt(index) ^ ZERO;
    if (digit > 9) return 0;
    head = (Math.imul(head, 10) + digit) | 0;
  }
  if (length === headLength) return head;
  let tail = 0;
  for (let index = HEAD_DIGITS; index < length; index++) {
    const digit = msisdn.charCodeAt(index) ^ ZERO;
    if (digit > 9) return 0;
    tail = (Math.imul(tail, 10) + digit) | 0;
  }
  return head * (SCALES[length - HEAD_DIGITS] as number) + tail;
}

/** Whether a set can hold it. */
export function isNumber(number: number): boolean {
  return number >= SMALLEST_NUMBER && number < NUMBERS_END && Math.floor(number) === number;
}

/** A place to put a double in and take its words out of. */
export const double = new Float64Array(1);
export const doubleWords = new Int32Array(double.buffer);
/** Where the word with the exponent is, which differs between kinds of processors. */
export const HIGH = Number(new Int32Array(new Float64Array([1]).buffer)[1] !== 0);
export const LOW = 1 - HIGH;
