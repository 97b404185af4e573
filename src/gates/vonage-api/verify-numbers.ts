/**
 * The numbers that the provider may take a written one for where a country is named with it, as in a verification:
 * as it stands, and as it is dialled there. Pure. Each of them has to be asked about.
 */

import { createMsisdnReader, isCountry, readMsisdn } from '../../msisdn/msisdn.ts';

export interface VerifiedNumbers {
  /** `undefined` for one that cannot be read. */
  readonly numbers: readonly unknown[];
  /** Why there may be others. */
  readonly doubt: string | undefined;
}

/** Reads numbers with every country that is named; a blank, `null` and `undefined` name none. */
export function verifiedNumbers(written: readonly unknown[], countries: readonly unknown[]): VerifiedNumbers {
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
  // It stays unreadable: the guard would read it as dialled in a country of its own.
  if (reading === undefined) return [undefined];
  const { primary, others } = reading;
  const asItStands = readMsisdn(number) === primary ? number : `+${primary}`;
  return [asItStands, ...others.map((other) => `+${other}`)];
}
