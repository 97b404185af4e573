/**
 * Finds the readings of a number as it was written: digits with the country code first, a call abroad, a number within
 * a country; each with and without a national prefix behind its country code.
 */

import { getCountryCallingCode, type CountryCode } from 'libphonenumber-js/min';
import { isMsisdn } from './digits.ts';
import { callingCodeOf, dialledAbroad, isPossible } from './numbering-plans.ts';
import { isZeroDropped, withoutNationalPrefix } from './national-prefixes.ts';
import type { Notation } from './notation.ts';
import { nationalReaderOf } from './national-format.ts';

/** The country in which digits without `+` may have been dialled. */
export interface Home {
  readonly country: CountryCode;
  /** Returns the numbers that digits dial within the country, country code first. */
  readNational(digits: string): readonly string[];
  /** Whether digits can be read as an international number only, and not as dialled within the country. */
  isOnlyInternational(digits: string): boolean;
}

/** Ivory Coast and Benin had numbers of eight digits, which libphonenumber no longer knows. */
const FORMER_CODES = new Set(['225', '229']);
const FORMER_LENGTH = 8;

/** Describes what digits mean that are dialled within a country. */
export function homeOf(country: CountryCode): Home {
  const reader = nationalReaderOf(country);
  const code = getCountryCallingCode(country);
  const isFormer = (digits: string) => FORMER_CODES.has(code) && digits.length === FORMER_LENGTH;
  return {
    country,
    readNational(digits) {
      const number = isFormer(digits) ? code + digits : reader.read(digits);
      return number === undefined ? [] : [number];
    },
    isOnlyInternational: (digits) => reader.readQuickly(digits) === null && !isFormer(digits),
  };
}

/** Returns every plausible reading, first the one as it was written; none if it is no number. */
export function readingsOf(notation: Notation, home: Home | undefined): readonly string[] {
  const international = internationalForms(notation, home).flatMap(({ digits, zero }) =>
    zeroForms(digits, zero),
  );
  const national = notation.isMarked || home === undefined ? [] : home.readNational(notation.digits);
  const numbers = [...international, ...national].filter((digits) => isMsisdn(digits, 0));
  return [...new Set([...numbers, ...numbers.flatMap(withoutNationalPrefix)])];
}

/** Digits with the country code first, and the index in them of a zero that is alone in brackets. */
interface InternationalForm {
  readonly digits: string;
  readonly zero: number | undefined;
}

function internationalForms(
  { digits, isMarked, bracketedZero }: Notation,
  home: Home | undefined,
): InternationalForm[] {
  const dialled = isMarked
    ? []
    : home
      ? dialledAbroad(digits, home.country)
      : digits.startsWith('00')
        ? [digits.slice(2)]
        : [];
  // Prefixes for calls abroad that leave a possible number come first, since they are more plausible.
  const abroadNumbers = [...dialled.filter(isPossible), ...dialled.filter((number) => !isPossible(number))];
  return [digits, ...abroadNumbers].map((number) => ({
    digits: number,
    zero: bracketedZero === undefined ? undefined : bracketedZero - (digits.length - number.length),
  }));
}

/**
 * Returns the numbers that digits can mean if the zero at index `zero` is in brackets behind the country code. The
 * number without the zero comes first if the zero is a national prefix in that country, or if the number with it is not
 * possible: people also write `(0)` by habit. Otherwise the number with the zero comes first. If there is no such zero,
 * returns the digits alone.
 */
function zeroForms(digits: string, zero: number | undefined): readonly string[] {
  const code = zero === undefined ? undefined : callingCodeOf(digits);
  if (code === undefined || code.length !== zero) return [digits];
  const without = code + digits.slice(code.length + 1);
  const isDropped = isZeroDropped(code) || (isPossible(without) && !isPossible(digits));
  return isDropped ? [without, digits] : [digits, without];
}
