/**
 * Reads numbers that are digits and nothing else, as the provider writes them. It imports no other file, so that a
 * thread that holds numbers loads no metadata of countries.
 */

const ZERO = 48;
const NINE = 57;
/** So many digits always fit in a small integer. The others are read into a second one. */
const HEAD_DIGITS = 9;
/** The powers of ten by which the first digits are multiplied when others follow. */
const SCALES = Float64Array.from({ length: 7 }, (_, digits) => 10 ** digits);

const single = new Float64Array(1);

/** Returns the msisdn that `text` is, as a number; 0 if it is none. */
export function toNumber(text: string): number {
  readDigits(text, 0, single, 0);
  return single[0] as number;
}

/** How many leading digits `readDigits` returns. A table by these tells country code and national prefix. */
export const LEAD_DIGITS = 4;

/**
 * Reads the msisdn that `text` holds from index `from` on, and writes it to `numbers[at]`; 0 if there is none.
 *
 * @returns the first four digits as a number from 1000 on; 0 if `text` holds no msisdn.
 */
export function readDigits(text: string, from: number, numbers: Float64Array, at: number): number {
  numbers[at] = 0;
  const length = text.length - from;
  if (length < 5 || length > 15) return 0;
  const headEnd = length < HEAD_DIGITS ? text.length : from + HEAD_DIGITS;
  // The code of a digit differs from that of 0 by the digit's value; any other code differs by more than 9.
  const first = text.charCodeAt(from) ^ ZERO;
  const second = text.charCodeAt(from + 1) ^ ZERO;
  const third = text.charCodeAt(from + 2) ^ ZERO;
  const fourth = text.charCodeAt(from + 3) ^ ZERO;
  if (first > 9 || first === 0 || second > 9 || third > 9 || fourth > 9) return 0;
  const lead = first * 1000 + second * 100 + third * 10 + fourth;
  let head = lead;
  for (let index = from + LEAD_DIGITS; index < headEnd; index++) {
    const digit = text.charCodeAt(index) ^ ZERO;
    if (digit > 9) return 0;
    head = (Math.imul(head, 10) + digit) | 0;
  }
  let tail = 0;
  for (let index = headEnd; index < text.length; index++) {
    const digit = text.charCodeAt(index) ^ ZERO;
    if (digit > 9) return 0;
    tail = (Math.imul(tail, 10) + digit) | 0;
  }
  numbers[at] = length > HEAD_DIGITS ? head * (SCALES[length - HEAD_DIGITS] as number) + tail : head;
  return lead;
}

/** Whether `text` from `from` on is 5 to 15 ASCII digits that do not start with 0. */
export function isMsisdn(text: string, from: number): boolean {
  const length = text.length - from;
  if (length < 5 || length > 15 || text.charCodeAt(from) === ZERO) return false;
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}
