/**
 * Numbers that are written as the provider writes them: digits and nothing else. Apart from the rest of reading, so
 * that a thread which holds numbers loads no metadata of countries.
 */

const ZERO = 48;
/** As many digits as fit in a small integer, and what the others stand for. */
const HEAD_DIGITS = 9;
const SCALES = Float64Array.from({ length: 7 }, (_, digits) => 10 ** digits);

const NINE = 57;

const single = new Float64Array(1);

/** The msisdn that `text` is, as a number; 0 where it is none. */
export function toNumber(text: string): number {
  readDigits(text, 0, single, 0);
  return single[0] as number;
}

/** How many digits of a number lead: a table by them tells country code and national prefix. */
export const LEAD_DIGITS = 4;

/**
 * Puts the msisdn that `text` holds from `from` on into a place of `numbers`; 0 where it is none.
 *
 * @returns its first four digits as a number, from 1000 on; 0 where `text` holds no msisdn.
 */
export function readDigits(text: string, from: number, numbers: Float64Array, at: number): number {
  numbers[at] = 0;
  const length = text.length - from;
  if (length < 5 || length > 15) return 0;
  const headEnd = from + (length < HEAD_DIGITS ? length : HEAD_DIGITS);
  // A digit's code differs from that of 0 by its value; anything else differs by more than 9.
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
  // By a constant, which the engine turns into a multiplication.
  if (length >= HEAD_DIGITS) return (head / 100_000) | 0;
  return Math.floor(head / (SCALES[length - LEAD_DIGITS] as number));
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
