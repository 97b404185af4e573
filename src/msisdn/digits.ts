/**
 * Reads numbers that are digits and nothing else, as the provider writes them. It imports no other file, so that a
 * thread that holds numbers loads no metadata of countries.
 */

const ZERO = 48;
const NINE = 57;
/** So many digits always fit in a small integer. The others are read into a second one. */
export const HEAD_DIGITS = 9;
/** The powers of ten by which the first digits are multiplied when others follow. */
const SCALES = Float64Array.from({ length: 7 }, (_, digits) => 10 ** digits);

const single = new Float64Array(1);

/** Returns the msisdn that `text` is, as a number; 0 if it is none. */
export function toNumber(text: string): number {
  readDigits(text, 0, single, 0);
  return single[0] as number;
}

/**
 * Reads the msisdn that `text` holds from index `from` on, and writes it to `numbers[at]`; 0 if there is none. It is
 * short, so that the engine can inline it into a check.
 *
 * @returns the first {@link HEAD_DIGITS} digits as a number, or all of them if there are fewer; 0 if `text` holds no
 * msisdn.
 */
export function readDigits(text: string, from: number, numbers: Float64Array, at: number): number {
  numbers[at] = 0;
  const length = text.length - from;
  if (length < 5 || length > 15) return 0;
  const headEnd = from + (length < HEAD_DIGITS ? length : HEAD_DIGITS);
  // The code of a digit differs from that of 0 by the digit's value; any other code differs by more than 9.
  let head = text.charCodeAt(from) ^ ZERO;
  if (head > 9 || head === 0) return 0;
  for (let index = from + 1; index < headEnd; index++) {
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
  return head;
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
