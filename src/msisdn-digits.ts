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

/** How many digits of a number lead, for a table of what is special about them. */
export const LEAD_DIGITS = 4;
const NOTHING_SPECIAL = new Uint8Array(10 ** LEAD_DIGITS);

/**
 * Puts the msisdn that `text` holds from `from` on into a place of `numbers`; 0 where it is none.
 *
 * @param special by the first four digits of a number: 1 for those that are not to be read either.
 * @returns whether it did.
 */
export function readDigits(
  text: string,
  from: number,
  numbers: Float64Array,
  at: number,
  special: Uint8Array = NOTHING_SPECIAL,
): boolean {
  numbers[at] = 0;
  const length = text.length - from;
  if (length < 5 || length > 15) return false;
  const headEnd = from + (length < HEAD_DIGITS ? length : HEAD_DIGITS);
  // A digit's code differs from that of 0 by its value; anything else differs by more than 9.
  let head = text.charCodeAt(from) ^ ZERO;
  if (head > 9 || head === 0) return false;
  const leadEnd = from + LEAD_DIGITS;
  for (let index = from + 1; index < leadEnd; index++) {
    const digit = text.charCodeAt(index) ^ ZERO;
    if (digit > 9) return false;
    head = (Math.imul(head, 10) + digit) | 0;
  }
  if (special[head] !== 0) return false;
  for (let index = leadEnd; index < headEnd; index++) {
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
