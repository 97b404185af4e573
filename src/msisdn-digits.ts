/**
 * Numbers that are written as the provider writes them: digits and nothing else. Apart from the rest of reading, so
 * that a thread which holds numbers loads no metadata of countries.
 */

const ZERO = 48;
/** As many digits as fit in a small integer, and what the others stand for. */
const HEAD_DIGITS = 9;
const SCALES = Float64Array.from({ length: 7 }, (_, digits) => 10 ** digits);

const single = new Float64Array(1);

/** The msisdn that `text` is, as a number; 0 where it is none. */
export function toNumber(text: string): number {
  readDigits(text, 0, single, 0);
  return single[0] as number;
}

/** Puts the msisdn that `text` holds from `from` on into a place of `numbers`; 0 where it is none. */
export function readDigits(text: string, from: number, numbers: Float64Array, at: number): boolean {
  numbers[at] = 0;
  const length = text.length - from;
  if (length < 5 || length > 15) return false;
  const headEnd = from + (length < HEAD_DIGITS ? length : HEAD_DIGITS);
  // A digit's code differs from that of 0 by its value; anything else differs by more than 9.
  let head = text.charCodeAt(from) ^ ZERO;
  if (head > 9 || head === 0) return false;
  for (let index = from + 1; index < headEnd; index++) {
    const digit = text.charCodeAt(index) ^ ZERO;
    if (digit > 9) return false;
    head = (Math.imul(head, 10) + digit) | 0;
  }
  let tail = 0;
  for (let index = headEnd; index < text.length; index++) {
    const digit = text.charCodeAt(index) ^ ZERO;
    if (digit > 9) return false;
    tail = (Math.imul(tail, 10) + digit) | 0;
  }
  numbers[at] = length > HEAD_DIGITS ? head * (SCALES[length - HEAD_DIGITS] as number) + tail : head;
  return true;
}
