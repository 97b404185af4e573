/**
 * What digits without `+` are when they are dialled within a country, as libphonenumber reads them. Most are told by
 * their first digits and their length; the library, which is slow, is asked about the rest.
 */

import { getCountryCallingCode, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/min';
import { countriesWith, planOf } from './numbering-plans.ts';

/** Reads digits of any length as dialled within one country. */
export interface NationalReader {
  /**
   * The same without asking the library.
   *
   * @returns `null` where there is no other number than the digits themselves, `undefined` where only the library can tell.
   */
  tell(digits: string): string | null | undefined;
  /** @returns the number, country code first, where its length is possible in the country; perhaps the digits themselves. */
  read(digits: string): string | undefined;
}

const readers = new Map<CountryCode, NationalReader>();

/** The reader of a country, the same one each time: it takes many tables to make. */
export function nationalReaderOf(country: CountryCode): NationalReader {
  const known = readers.get(country);
  if (known !== undefined) return known;
  const tell = quickReader(country);
  const reader: NationalReader = {
    tell,
    read(digits) {
      const told = tell(digits);
      return told === undefined ? readByLibrary(digits, country) : (told ?? undefined);
    },
  };
  readers.set(country, reader);
  return reader;
}

/** As `read` of a {@link NationalReader}, by the library alone. */
export function readByLibrary(digits: string, country: CountryCode): string | undefined {
  try {
    const number = parsePhoneNumberFromString(digits, { defaultCountry: country, extract: false });
    return number?.isPossible() ? number.number.slice(1) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The library drops a prefix for calls abroad and one for calls within the country, and takes the country's code for
 * what it is where the digits make more sense without it. Where none of the prefixes is there, what is left is told by
 * lengths. Countries with one code lend each other their lengths: only what holds for all of them is told.
 */
function quickReader(country: CountryCode): NationalReader['tell'] {
  const code = getCountryCallingCode(country);
  const plan = planOf(country);
  // What has the country's code in front is read by the rules of the first country with it.
  const first = planOf(code as CountryCode);
  if (plan?.nationalPrefixForParsing === undefined || first?.nationalPrefixForParsing === undefined) {
    // A version of the library that has no such member any more is asked about everything.
    return () => undefined;
  }
  const abroad = new RegExp(`^(?:${plan.IDDPrefix()})`);
  const prefix = startingWith(plan.nationalPrefixForParsing());
  const firstPrefix = startingWith(first.nationalPrefixForParsing());
  const lengths = countriesWith(code).map((one) => planOf(one)?.possibleLengths() ?? []);
  const isPossible = (length: number) => lengths.some((some) => some.includes(length));
  const isSure = (length: number) => lengths.every((some) => some.includes(length));

  return (digits) => {
    if (abroad.test(digits)) return undefined;
    if (digits.startsWith(code)) {
      const rest = digits.slice(code.length);
      if (prefix.test(rest) || firstPrefix.test(rest) || isPossible(digits.length)) return undefined;
      // With or without the code taken off, it is put in front again.
      const [dropped = code, ...groups] = prefix.exec(digits) ?? [];
      return dropped === code && groups.every((group) => group === undefined) ? null : undefined;
    }
    if (prefix.test(digits)) return undefined;
    if (!isPossible(digits.length)) return null;
    return isSure(digits.length) ? code + digits : undefined;
  };
}

/** What no text starts with, where there is no pattern. */
function startingWith(pattern: string | undefined): RegExp {
  return pattern === undefined || pattern === '' ? /^(?!)/ : new RegExp(`^(?:${pattern})`);
}
