import fc from 'fast-check';
import { Metadata, getCountries, getCountryCallingCode, type NumberingPlan } from 'libphonenumber-js/min';
import { describe, expect, it } from 'vitest';
import { readDigits } from '../../src/msisdn/digits.ts';
import {
  MOST_OTHERS,
  NATIONAL_PREFIXES,
  differInPrefixOnly,
  findOthers,
  headOf,
  mayHaveOthers,
  mayHavePrefix,
} from '../../src/msisdn/national-prefixes.ts';
import { NOT_READ, createMsisdnReader, writingsOf, type Reading } from '../../src/msisdn/msisdn.ts';

function nationalPrefixOf(country: ReturnType<typeof getCountries>[number]): string | undefined {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  const plan = metadata.numberingPlan as
    (NumberingPlan & { nationalPrefix(): string | undefined }) | undefined;
  return plan?.nationalPrefix() || undefined;
}

const readings = (input: unknown, defaultCountry?: string) => {
  const reading = createMsisdnReader({ defaultCountry }).read(input);
  return reading && [reading.primary, ...reading.others];
};

/** The first four digits of numbers, and whether these have a national prefix or another writing. */
const MAY_HAVE_OTHERS: readonly (readonly [lead: string, expected: boolean])[] = [
  ...[['4399', false] as const, ['4400', true] as const, ['4409', true] as const, ['4410', false] as const],
  ...[['1099', false] as const, ['1100', true] as const, ['1199', true] as const, ['1200', false] as const],
  ...[['2250', true] as const, ['7899', true] as const, ['7799', false] as const, ['9999', false] as const],
];

describe('the table of national prefixes', () => {
  it('has the prefixes of libphonenumber', () => {
    for (const country of getCountries()) {
      const prefix = nationalPrefixOf(country);
      if (prefix === undefined) continue;
      expect([country, NATIONAL_PREFIXES.get(getCountryCallingCode(country))]).toEqual([
        country,
        expect.arrayContaining([prefix]),
      ]);
    }
  });

  it('marks numbers that may have other readings or writings by their first four digits', () => {
    const marked = [
      '4407400',
      '110',
      '36062',
      '360612345',
      '78916',
      '52551',
      '22507',
      '378886',
      '9938',
      '6921',
    ];
    const others = ['447400', '1415555', '361234', '36072', '79161', '336123', '390612', '4915112345678'];
    for (const one of [...marked, ...others]) {
      expect([one, mayHaveOthers(headOf(Number(one.padEnd(11, '5'))))]).toEqual([one, marked.includes(one)]);
    }
  });

  it('distinguishes numbers that may have a prefix from those with another writing', () => {
    const asked = [4407400123456, 525512345678, 520155123456, 447400123456, 5401115555666, 5491155556666];
    expect(asked.map(mayHavePrefix)).toEqual([true, false, true, false, true, false]);
  });

  it('knows from the first four digits whether a number of any length may have others', () => {
    const msisdn = new Float64Array(1);
    for (let length = 5; length <= 15; length++) {
      for (const [digits, expected] of MAY_HAVE_OTHERS) {
        for (const fill of ['0', '9']) {
          const text = digits.padEnd(length, fill);
          const head = readDigits(text, 0, msisdn, 0);
          expect([text, head, msisdn[0]]).toEqual([text, Number(text.slice(0, 9)), Number(text)]);
          expect([text, headOf(Number(text))]).toEqual([text, head]);
          expect([text, mayHaveOthers(head)]).toEqual([text, expected]);
        }
      }
    }
  });
});

describe('a national prefix behind the country code', () => {
  /** Inputs with all their readings, first the one as it was written. */
  it.each([
    ['+44 07400 123456', ['4407400123456', '447400123456']],
    ['+44 (07400) 123456', ['4407400123456', '447400123456']],
    ['+44 (0)7400 123456', ['447400123456', '4407400123456']],
    ['+44 (0) 7400 123456', ['447400123456', '4407400123456']],
    ['+44(0)7400123456', ['447400123456', '4407400123456']],
    ['+44 [0] 7400 123456', ['447400123456', '4407400123456']],
    ['44 (0)7400 123456', ['447400123456', '4407400123456']],
    ['0044 (0)7400 123456', ['447400123456', '4407400123456']],
    ['+4407400123456', ['4407400123456', '447400123456']],
    ['4407400123456', ['4407400123456', '447400123456']],
    [4_407_400_123_456, ['4407400123456', '447400123456']],
    ['004407400123456', ['4407400123456', '447400123456']],
    ['+7 8 916 123-45-67', ['789161234567', '79161234567']],
    ['+7 (8) 916 123-45-67', ['789161234567', '79161234567']],
    ['+7 800 555-35-35', ['78005553535']],
    ['+36 06 20 123 4567', ['3606201234567', '36201234567']],
    ['+36 (06) 20 123 4567', ['3606201234567', '36201234567']],
    ['+36 (0)20 123 4567', ['36201234567', '360201234567']],
    ['+1 1 555 555 0100', ['115555550100', '15555550100']],
    ['+1 (1) 555 555 0100', ['115555550100', '15555550100']],
    ['+39 (0)6 12345678', ['390612345678', '39612345678']],
    ['+39 06 12345678', ['390612345678']],
    ['+225 (0)7 07 12 34 56', ['2250707123456', '225707123456']],
    ['+229 (0)1 97 12 34 56', ['2290197123456', '229197123456']],
    ['+241 (0)6 12 34 56', ['24106123456', '2416123456']],
    ['+242 (0)6 612 3456', ['242066123456', '24266123456']],
    ['+378 (0)549 886377', ['3780549886377', '378549886377']],
    ['+34 (0)612 34 56 78', ['34612345678', '340612345678']],
    ['+375 8 029 123-45-67', ['37580291234567', '3750291234567', '375291234567']],
    ['+370 8 612 34567', ['370861234567', '37061234567']],
    ['+52 01 55 1234 5678', ['52015512345678', '5215512345678', '525512345678']],
    ['+52 044 55 1234 5678', ['520445512345678', '525512345678']],
    ['+54 0 9 11 5555-6666', ['54091155556666', '5491155556666']],
    ['+54 011 15 5555-6666', ['540111555556666', '54111555556666']],
    ['+55 011 98765-4321', ['55011987654321', '5511987654321']],
    ['+55 0 15 21 98765432', ['550152198765432', '552198765432']],
    ['+82 010-1234-5678', ['8201012345678', '821012345678']],
    ['+20 (0)10 1234 5678', ['201012345678', '2001012345678']],
    // The zero is not behind the country code.
    ['+44 7400 (0) 123456', ['4474000123456']],
    ['+870 (0)773 111 632', ['8700773111632']],
  ])('gives every reading of %s', (input, expected) => {
    expect(readings(input)).toEqual(expected);
    expect(readings(input, 'FR')?.slice(0, expected.length)).toEqual(expected);
  });
});

describe('a call abroad', () => {
  it.each([
    ['AU', '0011 44 7400 123456', '447400123456'],
    ['AU', '0011447400123456', '447400123456'],
    ['AU', '0011 61 412 345 678', '61412345678'],
    ['HK', '001 44 7400 123456', '447400123456'],
    ['HK', '0044 7400 123456', '447400123456'],
    ['HK', '0060 12 345 6789', '60123456789'],
    ['SG', '001 44 7400 123456', '447400123456'],
    ['SG', '0065 9123 4567', '6591234567'],
    ['KR', '001 44 7400 123456', '447400123456'],
    ['KR', '00700 44 7400 123456', '447400123456'],
    ['TH', '001 44 7400 123456', '447400123456'],
    ['TH', '007 44 7400 123456', '447400123456'],
    ['KH', '001 44 7400 123456', '447400123456'],
    ['ID', '008 44 7400 123456', '447400123456'],
    ['BR', '0015 44 7400 123456', '447400123456'],
    ['BR', '0021 1 415 555 0100', '14155550100'],
    ['CO', '009 44 7400 123456', '447400123456'],
    ['CO', '00414 1 415 555 0100', '14155550100'],
    ['JP', '010 44 7400 123456', '447400123456'],
    ['RU', '8 10 44 7400 123456', '447400123456'],
    ['US', '011 44 7400 123456', '447400123456'],
    ['US', '00 44 7400 123456', '447400123456'],
    ['GB', '00 1 415 555 0100', '14155550100'],
    ['GB', '00 44 07400 123456', '447400123456'],
    ['CU', '119 44 7400 123456', '447400123456'],
    ['KE', '000 44 7400 123456', '447400123456'],
    ['MX', '00 44 7400 123456', '447400123456'],
    ['MX', '09 44 7400 123456', '447400123456'],
  ])('is read from %s: %s', (country, input, expected) => {
    expect(readings(input, country)).toContain(expected);
    expect(readings(input.replaceAll(' ', ''), country)).toContain(expected);
  });

  it('is read without the longest prefix that leaves a possible number, then without each other one', () => {
    expect(readings('0015551234567', 'HK')).toEqual(['5551234567', '15551234567']);
    expect(readings('0065 9123 4567', 'SG')?.[0]).toBe('6591234567');
    expect(readings('0011447400123456', 'AU')).toEqual(['447400123456', '11447400123456']);
  });

  it('needs a default country for prefixes other than 00', () => {
    expect([readings('0011447400123456'), readings('011447400123456')]).toEqual([
      ['11447400123456'],
      undefined,
    ]);
  });
});

describe('a call within a country', () => {
  it('is read as a former number if the numbers of the country changed their length', () => {
    expect(readings('97 12 34 56', 'BJ')).toEqual(['97123456', '22997123456']);
    expect(readings('07 12 34 56', 'CI')).toEqual(['22507123456']);
    expect(readings('97123456', 'BJ')).toEqual(['97123456', '22997123456']);
    expect(readings('14155550100', 'MX')).toEqual(['14155550100']);
  });

  it('is read without the code of a carrier', () => {
    expect(readings('0 15 11 98765-4321', 'BR')).toEqual(['5511987654321']);
    expect(readings('03 300 1234567', 'CO')).toContain('573001234567');
  });
});

describe('two readings', () => {
  it.each([
    ['4407400123456', '447400123456', true],
    ['447400123456', '4407400123456', true],
    ['390612345678', '39612345678', true],
    // A mobile number and a landline.
    ['390335123456', '39335123456', false],
    ['14155550100', '4155550100', false],
    ['14155550100', '14155550101', false],
    ['8700773111632', '870773111632', false],
  ])('differ in a national prefix only: %s and %s, %s', (one, other, isOne) => {
    expect(differInPrefixOnly(one, other)).toBe(isOne);
  });
});

it('finds the same numbers on the short path as on the long one', () => {
  const codes = [...NATIONAL_PREFIXES].flatMap(([code, prefixes]) =>
    ['', ...prefixes].map((prefix) => code + prefix),
  );
  const digits = fc
    .tuple(fc.constantFrom(...codes, '54', '540', '378', '2250', '5500'), fc.stringMatching(/^[0-9]{3,12}$/))
    .map((parts) => parts.join('').slice(0, 15));
  const readers = [createMsisdnReader(), createMsisdnReader({ defaultCountry: 'AR' })];
  const msisdn = new Float64Array(1);
  const numbers = new Float64Array(MOST_OTHERS);
  let found = 0;
  fc.assert(
    fc.property(digits, fc.constantFrom('', '+'), (one, mark) => {
      for (const reader of readers) {
        if (reader.readNumber(mark + one, msisdn, 0) === NOT_READ) continue;
        const count = findOthers(msisdn, 0, numbers);
        if (count === undefined) continue;
        found++;
        const long = writingsOf(reader.read(mark + one) as Reading);
        const short = [...new Set([...msisdn, ...numbers.subarray(0, count)].map(String))];
        expect([one, short.toSorted()]).toEqual([one, long.toSorted()]);
      }
    }),
    { numRuns: 20_000 },
  );
  expect(found).toBeGreaterThan(10_000);
});

it('returns no number twice', () => {
  const reading = createMsisdnReader({ defaultCountry: 'MX' }).read('+52 01 55 1234 5678');
  expect(reading && writingsOf(reading)).toEqual(['52015512345678', '5215512345678', '525512345678']);
});
