/**
 * Parses a number as people write it: which characters and which groups of digits it may have. A text that is no
 * single number is refused, never repaired into another number. The table in test/msisdn/notation.test.ts shows what
 * is accepted.
 *
 * - Digits may be of any script, separated by spaces, dots, hyphens, slashes and brackets, with `+` and `tel:` in front.
 *   Invisible characters are removed. Full-width characters count as plain ones.
 * - Separators stand between groups of digits. A text that starts or ends with one, except a bracket, is no number.
 * - The last group has two digits or more, and seven or more if it is alone in brackets. `14155550100.0`,
 *   `14155550100 2` and `+1 415 555 0100 (2)` are a number with something behind it.
 * - A group of nine digits or more is a whole number, and so are the groups of a North American number. Nothing may
 *   follow them (`415-555-0100 12`).
 * - A single dot is a decimal point if it follows seven digits or more, or if it follows five or more and only zeros
 *   come behind it.
 * - A text is two numbers if it has a line break; a slash, tab or wide space with seven digits or more on either side;
 *   any other separator that occurs once, with as many on either side; or a single slash with seven digits or more
 *   before it and three or fewer behind it (`5550100/01`).
 */

/** The longest text without its invisible characters. Real numbers with their separators are far shorter. */
const LONGEST_INPUT = 64;
/** The longest text with its invisible characters. */
const LONGEST_RAW = 256;

/** A number as it was written. */
export interface Notation {
  /** All digits, as ASCII. */
  readonly digits: string;
  /** Whether `+` stands in front. */
  readonly isMarked: boolean;
  /** The index in `digits` of a zero that is alone in brackets. */
  readonly bracketedZero: number | undefined;
}

/** Returns digits and separators as ASCII; `undefined` if a character cannot be a part of a number. */
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

/** Returns the value of a decimal digit of any script. In Unicode digits are in runs of ten that start with zero. */
function digitValue(digit: string): number {
  const code = Number(digit.codePointAt(0));
  let first = code;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first--;
  return (code - first) % 10;
}

/** Parses a text. @returns `undefined` if it is no single number. */
export function parseNotation(input: string): Notation | undefined {
  const written = plainForm(input);
  // A plus sign may only be in front. Both ends are digits or brackets.
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

/** Whether something follows the number: a single digit, a group in brackets, or any digits behind a whole number. */
function hasTail(written: string): boolean {
  const groups = written.split(/\D+/).filter((group) => group !== '');
  if (groups.length > 1 && (groups.at(-1) as string).length === 1) return true;
  const [, before = '', inBrackets = ''] = /^(.*\d.*)\( *(\d+) *\)[ )]*$/.exec(written) ?? [];
  if (inBrackets !== '' && (inBrackets.length < LEAST_DIGITS || digitsIn(before).length >= LEAST_DIGITS))
    return true;
  // A North American number with more digits behind it.
  const american = written.includes('+') ? /^1 \d{3} \d{3} \d{4} / : /^(?:1 )?\d{3} \d{3} \d{4} /;
  if (american.test(groups.join(' '))) return true;
  return groups.slice(0, -1).some(({ length }) => length >= 9);
}

/** Whether the number has a decimal point. */
function isDecimal(written: string): boolean {
  const [, whole = '', decimals = ''] = /^\+?(\d+)\.(\d+)$/.exec(written) ?? [];
  return whole.length >= 7 || (whole.length >= 5 && /^0+$/.test(decimals));
}

const DOT = /[.\uFE52\uFF0E]/;
/** So many digits can be a whole number. */
const LEAST_DIGITS = 7;
/** A second number behind a slash may be shortened to so few digits. */
const MOST_SHORTENED = 3;

function isTwoNumbers(written: string): boolean {
  if (written.includes('\n')) return true;
  const sidesOf = (separator: RegExp) =>
    [...written.matchAll(separator)].map(({ index, 0: { length } }) => [
      digitsIn(written.slice(0, index)).length,
      digitsIn(written.slice(index + length)).length,
    ]);
  const areBothNumbers = ([before = 0, behind = 0]: number[]) =>
    before >= LEAST_DIGITS && behind >= LEAST_DIGITS;
  const slashes = sidesOf(/ *\/ */g);
  const [before = 0, behind = 0] = slashes.length === 1 ? (slashes[0] as number[]) : [];
  const isShortened = before >= LEAST_DIGITS && behind <= MOST_SHORTENED;
  if (isShortened || slashes.some(areBothNumbers) || sidesOf(/ {2,}/g).some(areBothNumbers)) return true;
  return [/ +/g, /-+/g, /\.+/g].some((separator) => {
    const sides = sidesOf(separator);
    return sides.length === 1 && sides.some(areBothNumbers);
  });
}

/**
 * Returns a whole number without the decimals that a spreadsheet or data frame added, such as `14155550100.0`. Returns
 * any other input as it is. Only for opt-outs: a number to which a message is sent must not be guessed.
 */
export function withoutDecimals(input: unknown): unknown {
  if (typeof input !== 'string' || !DOT.test(input)) return input;
  const [, whole] = /^(\+?\d+)\.0{0,2}$/.exec(plainForm(input) ?? '') ?? [];
  return whole ?? input;
}
