/**
 * Reads digits without `+` as they are dialled within a country, with the results of libphonenumber. For most digits
 * the first ones and the length are enough. The library is slow and is called only for the rest.
 */

import { getCountryCallingCode, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/min';
import { countriesWith, planOf } from './numbering-plans.ts';

/** Reads digits of any length as they are dialled within one country. */
export interface NationalReader {
  /**
   * Reads without the library.
   *
   * @returns the number, country code first; `null` if the digits mean no other number than themselves; `undefined` if
   * only the library can read them.
   */
  readQuickly(digits: string): string | null | undefined;
  /** @returns the number, country code first, if its length is possible there. It may be the digits themselves. */
  read(digits: string): string | undefined;
}

const readers = new Map<CountryCode, NationalReader>();

/** Returns the reader of a country. Readers are cached, since each needs many tables. */
export function nationalReaderOf(country: CountryCode): NationalReader {
  const cached = readers.get(country);
  if (cached !== undefined) return cached;
  const readQuickly = createQuickRead(country);
  const reader: NationalReader = {
    readQuickly,
    read(digits) {
      const number = readQuickly(digits);
      return number === undefined ? readByLibrary(digits, country) : (number ?? undefined);
    },
  };
  readers.set(country, reader);
  return reader;
}

/** As `read` of a {@link NationalReader}, always by the library. */
export function readByLibrary(digits: string, country: CountryCode): string | undefined {
  try {
    const number = parsePhoneNumberFromString(digits, { defaultCountry: country, extract: false });
    return number?.isPossible() ? number.number.slice(1) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Creates `readQuickly` for a country. The library drops a prefix for calls abroad and one for calls within the
 * country, and drops the country's code if the digits make more sense without it. If the digits have none of these
 * prefixes, their length is enough. Countries that share a code share their lengths in the library, so a result is
 * given only if it holds for all of them.
 */
function createQuickRead(country: CountryCode): NationalReader['readQuickly'] {
  const code = getCountryCallingCode(country);
  const plan = planOf(country);
  // Digits that start with the country's code are read by the rules of the first country with that code.
  const first = planOf(code as CountryCode);
  if (plan?.nationalPrefixForParsing === undefined || first?.nationalPrefixForParsing === undefined) {
    // A version of the library without this member: it reads everything.
    return () => undefined;
  }
  const abroad = new RegExp(`^(?:${plan.IDDPrefix()})`);
  const prefix = startingWith(plan.nationalPrefixForParsing());
  const firstPrefix = startingWith(first.nationalPrefixForParsing());
  const lengths = countriesWith(code).map((one) => planOf(one)?.possibleLengths() ?? []);
  const isPossibleInAny = (length: number) => lengths.some((some) => some.includes(length));
  const isPossibleInAll = (length: number) => lengths.every((some) => some.includes(length));

  return (digits) => {
    if (abroad.test(digits)) return undefined;
    if (digits.startsWith(code)) {
      const rest = digits.slice(code.length);
      if (prefix.test(rest) || firstPrefix.test(rest) || isPossibleInAny(digits.length)) return undefined;
      // The library may drop the code, but puts it in front again.
      const [dropped = code, ...groups] = prefix.exec(digits) ?? [];
      return dropped === code && groups.every((group) => group === undefined) ? null : undefined;
    }
    if (prefix.test(digits)) return undefined;
    if (!isPossibleInAny(digits.length)) return null;
    return isPossibleInAll(digits.length) ? code + digits : undefined;
  };
}

/** Returns a pattern for the start of a text; without a pattern, one that matches nothing. */
function startingWith(pattern: string | undefined): RegExp {
  return pattern === undefined || pattern === '' ? /^(?!)/ : new RegExp(`^(?:${pattern})`);
}
