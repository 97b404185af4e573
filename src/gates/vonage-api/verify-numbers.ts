/**
 * The numbers that the provider may understand if a verification request names a country: the number as it is written,
 * and the number as it is dialled in that country. Pure. Each of them has to be checked.
 */

import { createMsisdnReader, isCountry, readMsisdn } from '../../msisdn/msisdn.ts';

export interface VerificationNumbers {
  /** The numbers to check; `undefined` for a number that cannot be read. */
  readonly numbers: readonly unknown[];
  /** Why there may be other numbers; `undefined` if there are none. */
  readonly doubt: string | undefined;
}

/**
 * Reads numbers with every country that is named.
 *
 * @param countries ISO codes in any letter case. A blank text, `null` and `undefined` name no country.
 */
export function verificationNumbers(
  written: readonly unknown[],
  countries: readonly unknown[],
): VerificationNumbers {
  const named = countries.map(upperCase).filter((country) => (country ?? '') !== '');
  if (named.length === 0) return { numbers: written, doubt: undefined };
  const numbers = written.flatMap((number) => named.flatMap((country) => readingsOf(number, country)));
  return {
    numbers: [...new Set(numbers)],
    doubt: named.every(isCountry) ? undefined : 'the country of the number is unknown',
  };
}

const upperCase = (value: unknown) => (typeof value === 'string' ? value.trim().toUpperCase() : value);

function readingsOf(number: unknown, country: unknown): readonly unknown[] {
  if (!isCountry(country)) return [number];
  const reading = createMsisdnReader({ defaultCountry: country, memoSize: 1 }).read(number);
  // An unreadable number stays unreadable. Otherwise the guard would read it as a number of its own default country.
  if (reading === undefined) return [undefined];
  const { primary, others } = reading;
  const asWritten = readMsisdn(number) === primary ? number : `+${primary}`;
  return [asWritten, ...others.map((other) => `+${other}`)];
}
