/**
 * How a number may be written: which characters, which groups of digits. Pure. What is no single number is refused, never
 * repaired into another one: a table in test/msisdn-writing.test.ts says what is accepted.
 *
 * - Digits of any script, separated by spaces, dots, hyphens, slashes and brackets, with `+` and `tel:` in front.
 *   Invisible characters are left out, full-width forms read as plain ones.
 * - Separators stand between groups of digits: a sign or dot at either end belongs to something else than a number.
 * - The last group has two digits or more, and seven where it is alone in brackets: `14155550100.0`, `14155550100 2` and
 *   `+1 415 555 0100 (2)` are a number with something behind it.
 * - Nothing follows a group of nine digits or more, or the groups of a North American number (`415-555-0100 12`): that is a
 *   number already.
 * - One dot behind five digits or more, with zeros only behind it, or behind seven or more, is a decimal point.
 * - Two numbers in one field: a line break; a slash, tab or wide space with seven digits or more on either side; any
 *   other separator that occurs once, with as many on either side; a single slash with seven before it and three or fewer
 *   behind it (`5550100/01`).
 */

/** The longest string that is looked at. Real numbers with their separators are far shorter. */
const LONGEST_INPUT = 64;
/** As above, with its invisible characters. */
const LONGEST_RAW = 256;

/** A number as it was written. */
export interface Writing {
  /** All of its digits, as ASCII. */
  readonly digits: string;
  /** Whether `+` stands in front. */
  readonly isMarked: boolean;
  /** Where in `digits` a zero stands that is alone in brackets. */
  readonly bracketedZero: number | undefined;
}

/** Digits as ASCII, with what stands between them. `undefined` where a character belongs to no number. */
function plainForm(input: string): string | undefined {
  if (input.length > LONGEST_RAW) return undefined;
  const visible = input
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '')
    // Full-width and small forms.
    .replaceAll(/[\uFF01-\uFF5E\uFE50-\uFE6B]/g, (char) => char.normalize('NFKC'))
    .trim();
  if (visible.length > LONGEST_INPUT) return undefined;
  let written = '';
  for (const char of visible.replace(/^tel:\s*/i, '')) {
    if (/^[\d+()./]$/.test(char)) written += char;
    else if (HYPHEN.test(char)) written += '-';
    else if (BRACKETS[char] !== undefined) written += BRACKETS[char];
    else if (TAB_OR_BREAK.test(char)) written += char === '\t' ? '  ' : '\n';
    else if (/^\s$/.test(char)) written += ' ';
    else if (/^\p{Nd}$/u.test(char)) written += digitValue(char);
    else return undefined;
  }
  return written;
}

const HYPHEN = /^[-\u2010-\u2015\u2212\u30FC]$/;
const TAB_OR_BREAK = /^[\t\n\v\f\r\u0085\u2028\u2029]$/;
const BRACKETS: Readonly<Record<string, string>> = { '[': '(', ']': ')' };

/** The value of a decimal digit of any script: Unicode keeps them in runs of ten that begin with zero. */
function digitValue(digit: string): number {
  const code = Number(digit.codePointAt(0));
  let first = code;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first--;
  return (code - first) % 10;
}

/** Reads a writing. @returns `undefined` for what is no single number. */
export function readWriting(input: string): Writing | undefined {
  const written = plainForm(input);
  // Signs only in front, and digits or brackets at both ends.
  if (written === undefined || !/^[ (]*(?:\+[ (]*)?[\d][^+]*$/.test(written) || !/\d[ )]*$/.test(written))
    return undefined;
  if (hasTail(written) || isDecimal(written) || isTwoNumbers(written)) return undefined;
  const digits = digitsIn(written);
  const zero = /\( *0 *\)/.exec(written);
  return {
    digits,
    isMarked: written.includes('+'),
    bracketedZero: zero ? digitsIn(written.slice(0, zero.index)).length : undefined,
  };
}

const digitsIn = (written: string): string => written.replaceAll(/\D/g, '');

/** Whether something stands behind the number: a single digit, a group in brackets, or anything behind a whole number. */
function hasTail(written: string): boolean {
  const groups = written.split(/\D+/).filter((group) => group !== '');
  if (groups.length > 1 && (groups.at(-1) as string).length === 1) return true;
  const [, before = '', inBrackets = ''] = /^(.*\d.*)\( *(\d+) *\)[ )]*$/.exec(written) ?? [];
  if (
    inBrackets !== '' &&
    (inBrackets.length < LEAST_OF_NUMBER || digitsIn(before).length >= LEAST_OF_NUMBER)
  )
    return true;
  // A North American number, with anything behind it.
  const american = written.includes('+') ? /^1 \d{3} \d{3} \d{4} / : /^(?:1 )?\d{3} \d{3} \d{4} /;
  if (american.test(groups.join(' '))) return true;
  return groups.slice(0, -1).some(({ length }) => length >= 9);
}

/** Whether a number is written as one with decimals. */
function isDecimal(written: string): boolean {
  const [, whole = '', decimals = ''] = /^\+?(\d+)\.(\d+)$/.exec(written) ?? [];
  return whole.length >= 7 || (whole.length >= 5 && /^0+$/.test(decimals));
}

const DOT = /[.\uFE52\uFF0E]/;
const LEAST_OF_NUMBER = 7;
const MOST_OF_TAIL = 3;

function isTwoNumbers(written: string): boolean {
  if (written.includes('\n')) return true;
  const sidesOf = (separator: RegExp) =>
    [...written.matchAll(separator)].map(({ index, 0: { length } }) => [
      digitsIn(written.slice(0, index)).length,
      digitsIn(written.slice(index + length)).length,
    ]);
  const isBoth = ([before = 0, behind = 0]: number[]) =>
    before >= LEAST_OF_NUMBER && behind >= LEAST_OF_NUMBER;
  const slashes = sidesOf(/ *\/ */g);
  const [before = 0, behind = 0] = slashes.length === 1 ? (slashes[0] as number[]) : [];
  const isShortened = before >= LEAST_OF_NUMBER && behind <= MOST_OF_TAIL;
  if (isShortened || slashes.some(isBoth) || sidesOf(/ {2,}/g).some(isBoth)) return true;
  return [/ +/g, /-+/g, /\.+/g].some((separator) => {
    const sides = sidesOf(separator);
    return sides.length === 1 && sides.some(isBoth);
  });
}

/**
 * A whole number that a spreadsheet or data frame has written with decimals, such as `14155550100.0`, without them.
 * Anything else as it is. For opt-outs only: of what is to be sent to, it has to be known what it is.
 */
export function withoutDecimals(input: unknown): unknown {
  if (typeof input !== 'string' || !DOT.test(input)) return input;
  const [, whole] = /^(\+?\d+)\.0{0,2}$/.exec(plainForm(input) ?? '') ?? [];
  return whole ?? input;
}
