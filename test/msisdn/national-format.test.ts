/** Compares the reader of national numbers with the library, for every country. */

import fc from 'fast-check';
import { getCountries, getCountryCallingCode } from 'libphonenumber-js/min';
import { describe, expect, it } from 'vitest';
import { nationalReaderOf, readByLibrary } from '../../src/msisdn/national-format.ts';

const RUNS = 30_000;
const countries = getCountries();
const country = fc.constantFrom(...countries);
const digits = (maxLength: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength });

describe('a reader of national numbers', () => {
  it('reads like the library in every country', { timeout: 120_000 }, () => {
    // Digits start with what the rules look at: the country's code, prefixes for calls within it and abroad.
    const prefix = fc.constantFrom('', '0', '1', '8', '00', '011', '90', '810', '15', '19', '183');
    fc.assert(
      fc.property(country, fc.boolean(), prefix, digits(16), (one, hasCode, start, rest) => {
        const number = (hasCode ? getCountryCallingCode(one) : '') + start + rest;
        const otherThanInput = (read: string | undefined | null) =>
          read === number || read === null ? undefined : read;
        const byLibrary = otherThanInput(readByLibrary(number, one));
        const { readQuickly, read } = nationalReaderOf(one);
        const quick = readQuickly(number);
        if (quick !== undefined)
          expect([one, number, otherThanInput(quick)]).toEqual([one, number, byLibrary]);
        expect(otherThanInput(read(number))).toBe(byLibrary);
      }),
      { numRuns: RUNS },
    );
  });

  it('reads numbers of every length like the library in every country', { timeout: 120_000 }, () => {
    for (const one of countries) {
      const code = getCountryCallingCode(one);
      for (let start = 0; start < 10; start++) {
        for (let length = 2; length <= 15; length++) {
          const national = `${start}25551234567890`.slice(0, length);
          for (const number of [national, code + national]) {
            const quick = nationalReaderOf(one).readQuickly(number);
            if (quick === undefined) continue;
            const byLibrary = readByLibrary(number, one);
            expect([one, number, quick]).toEqual([
              one,
              number,
              byLibrary === number ? null : (byLibrary ?? null),
            ]);
          }
        }
      }
    }
  });

  it('reads the most common numbers without the library', () => {
    const { readQuickly } = nationalReaderOf('US');
    expect(['15551234567', '5551234567', '447700900123'].map(readQuickly)).toEqual([
      null,
      '15551234567',
      null,
    ]);
    expect(nationalReaderOf('GB').readQuickly('447700900123')).toBe(null);
    expect(nationalReaderOf('DE').readQuickly('4915112345678')).toBeUndefined();
    expect(nationalReaderOf('US')).toBe(nationalReaderOf('US'));
  });
});
