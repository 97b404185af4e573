/**
 * What a writing can mean: digits with the country code first, a call abroad, a number within a country, each with and
 * without a national prefix behind its country code.
 */

import { getCountryCallingCode, type CountryCode } from 'libphonenumber-js/min';
import { isMsisdn } from './digits.ts';
import { callingCodeOf, dialledAbroad, isPossible } from './numbering-plans.ts';
import { isZeroDropped, withoutNationalPrefix } from './national-prefixes.ts';
import type { Writing } from './writing.ts';
import { nationalReaderOf } from './national-format.ts';

/** Where digits without `+` may have been dialled. */
export interface Home {
  readonly country: CountryCode;
  /** What digits are when they are dialled within the country, country code first. */
  national(digits: string): readonly string[];
  /** Whether digits are an international number, and nothing else within the country. */
  isPlain(digits: string): boolean;
}

/** Ivory Coast and Benin had numbers of eight digits, which libphonenumber does not know any more. */
const FORMER_CODES = new Set(['225', '229']);
const FORMER_LENGTH = 8;

/** The reader of what is dialled in a country. */
export function homeOf(country: CountryCode): Home {
  const reader = nationalReaderOf(country);
  const code = getCountryCallingCode(country);
  const isFormer = (digits: string) => FORMER_CODES.has(code) && digits.length === FORMER_LENGTH;
  return {
    country,
    national(digits) {
      const number = isFormer(digits) ? code + digits : reader.read(digits);
      return number === undefined ? [] : [number];
    },
    isPlain: (digits) => reader.tell(digits) === null && !isFormer(digits),
  };
}

/** Every plausible reading of a writing, the first as it was written; none for what is no number. */
export function readingsIn(writing: Writing, home: Home | undefined): readonly string[] {
  const international = internationalForms(writing, home).flatMap(({ digits, zero }) =>
    zeroForms(digits, zero),
  );
  const national = writing.isMarked || home === undefined ? [] : home.national(writing.digits);
  const read = [...international, ...national].filter((digits) => isMsisdn(digits, 0));
  return [...new Set([...read, ...read.flatMap(withoutNationalPrefix)])];
}

/** Digits with the country code first, and where in them a zero is alone in brackets. */
interface InternationalForm {
  readonly digits: string;
  readonly zero: number | undefined;
}

function internationalForms(
  { digits, isMarked, bracketedZero }: Writing,
  home: Home | undefined,
): InternationalForm[] {
  const dialled = isMarked
    ? []
    : home
      ? dialledAbroad(digits, home.country)
      : digits.startsWith('00')
        ? [digits.slice(2)]
        : [];
  // Of several prefixes that may have been dialled, one that leaves a possible number is meant.
  const called = [...dialled.filter(isPossible), ...dialled.filter((number) => !isPossible(number))];
  return [digits, ...called].map((number) => ({
    digits: number,
    zero: bracketedZero === undefined ? undefined : bracketedZero - (digits.length - number.length),
  }));
}

/**
 * The numbers that are written with a `(0)` behind their country code. Where it is no national prefix there it belongs
 * to the number, unless somebody has put it there by habit.
 */
function zeroForms(digits: string, zero: number | undefined): readonly string[] {
  const code = zero === undefined ? undefined : callingCodeOf(digits);
  if (code === undefined || code.length !== zero) return [digits];
  const without = code + digits.slice(code.length + 1);
  const isDropped = isZeroDropped(code) || (isPossible(without) && !isPossible(digits));
  return isDropped ? [without, digits] : [digits, without];
}
