import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NOT_READ,
  createMsisdnReader,
  isCountry,
  maskMsisdn,
  readMsisdn,
  readMsisdns,
  writingsOf,
  type Reading,
} from '../../src/msisdn/msisdn.ts';
import { mayHaveOthers } from '../../src/msisdn/national-prefixes.ts';

/** Matches numbers that may have other readings or writings, by country code and the digits behind it. */
const HAS_OTHERS = /^(?:5[245]|22[59]|378|11|6921|7[8]|3606|993[8]|37[05][08]|99[28][08]|2410|\d{2,3}0)/;

describe('readMsisdn', () => {
  it.each([
    ['15551234567', '15551234567'],
    ['12345', '12345'],
    ['123456789012345', '123456789012345'],
    ['+15551234567', '15551234567'],
    ['0015551234567', '15551234567'],
    ['+1 (555) 123-4567', '15551234567'],
    ['+1.555.123.4567', '15551234567'],
    ['1/555/123/4567', '15551234567'],
    ['[1] 555 123 4567', '15551234567'],
    ['1\u00A0555\u202F123\u20114567', '15551234567'],
    ['  +15551234567\n', '15551234567'],
    ['tel:+1-555-123-4567', '15551234567'],
    ['TEL:15551234567', '15551234567'],
    ['１５５５１２３４５６７', '15551234567'],
    ['+١٥٥٥١٢٣٤٥٦٧', '15551234567'],
    ['𝟏𝟓𝟓𝟓𝟙𝟚𝟛𝟜𝟝𝟞𝟽', '15551234567'],
    ['+44 (0)20 7946 0018', '442079460018'],
    ['(+44) (0) 20 7946 0018', '442079460018'],
    ['+44 (020) 7946 0018', '4402079460018'],
    ['0044 (0)20 7946 0018', '442079460018'],
    ['447700900123', '447700900123'],
    [15551234567, '15551234567'],
    [15551234567n, '15551234567'],
    [12345, '12345'],
  ])('reads %s', (input, expected) => {
    expect(readMsisdn(input)).toBe(expected);
  });

  it.each([
    ...[
      '',
      ' ',
      '+',
      '1234',
      '+1234',
      '1234567890123456',
      '+1234567890123456',
      '05551234567',
      '+05551234567',
    ],
    ...[
      '01115551234567',
      '++15551234567',
      '1+5551234567',
      '15551234567;ext=12',
      'tel:1555123;phone-context=+1',
    ],
    ...['1-555-FLOWERS', '15551234567x', '15551234567,15559999999', '1'.repeat(65), 'tel:'],
    ...[`+1555${' '.repeat(80)}1234567`, '1555\u0000123456', '½55512345', '1²3456789'],
    ...[
      0,
      -15551234567,
      15551234567.5,
      2 ** 53,
      1e21,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1234,
      12345.67,
      10n ** 20n,
    ],
    ...[null, undefined, true, {}, [], ['15551234567'], Symbol('x'), () => '15551234567', new Date(0)],
    ...[{ toString: () => '15551234567' }, new Proxy({}, {}), Object.create(null)],
  ])('refuses %o', (input) => {
    expect(readMsisdn(input)).toBeUndefined();
  });

  it('never throws, and returns numbers or nothing', () => {
    const readers = [createMsisdnReader(), createMsisdnReader({ defaultCountry: 'US', memoSize: 5 })];
    const phoneLike = fc.string({ unit: fc.constantFrom(...'0123456789+()-. ;\u00A0１٢tel:/[]') });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string({ unit: 'binary' }), phoneLike), (input) => {
        for (const reader of readers) {
          const reading = reader.read(input);
          const numbers = reading === undefined ? [] : writingsOf(reading);
          for (const digits of numbers) expect(digits).toMatch(/^[1-9]\d{4,14}$/);
          expect(new Set(numbers).size).toBe(numbers.length);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('reads the same numbers on the short paths as on the long one', () => {
    const readers = [createMsisdnReader(), createMsisdnReader({ defaultCountry: 'US' })];
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 3, maxLength: 17 });
    const written = fc
      .tuple(fc.constantFrom('', '+', '00', ' ', '++'), digits)
      .map((parts) => parts.join(''));
    const numbers = fc.oneof(
      fc.maxSafeInteger(),
      fc.double(),
      fc.nat(99_999),
      fc.integer({ min: 10 ** 14, max: 10 ** 16 }),
    );
    const result = Float64Array.of(1);
    fc.assert(
      fc.property(fc.oneof(fc.anything(), written, numbers), (input) => {
        for (const reader of readers) {
          const short = reader.readNumber(input, result, 0);
          expect(result[0] !== 0).toBe(short !== NOT_READ);
          if (short === NOT_READ) continue;
          const long = reader.read(input) as Reading;
          expect(long.primary).toBe(String(result[0]));
          if (!mayHaveOthers(short)) expect(writingsOf(long)).toEqual([long.primary]);
        }
        const [reader] = readers;
        const isPlain = typeof input === 'number' || (typeof input === 'string' && /^\+?\d+$/.test(input));
        const isRead = reader?.read(input) !== undefined && !String(input).startsWith('00');
        const reading = isPlain && isRead ? reader?.read(input) : undefined;
        // Other numbers need one look-up only.
        if (reading !== undefined && !HAS_OTHERS.test(reading.primary)) {
          expect(mayHaveOthers(reader?.readNumber(input, result, 0) ?? NOT_READ)).toBe(false);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('reads the same number with any separators', () => {
    const digits = fc.stringMatching(/^[1-9]\d{4,14}$/);
    const separators = fc.constantFrom('', ' ', '-', '.', '/', '\u00A0', '\u2010');
    fc.assert(
      fc.property(
        digits,
        separators,
        fc.constantFrom('', '+', '00', 'tel:', 'tel:+'),
        (number, separator, prefix) => {
          // The last group of a number has two digits or more.
          const groups = [...number.slice(0, -2), number.slice(-2)];
          // Seven digits on either side of a slash are two numbers.
          fc.pre(separator !== '/' || prefix.replaceAll(/\D/g, '').length + number.length < 14);
          expect(readMsisdn(prefix + groups.join(separator))).toBe(number);
        },
      ),
    );
  });
});

describe('a reader with a default country', () => {
  const read = (defaultCountry: string, input: unknown) => createMsisdnReader({ defaultCountry }).read(input);

  it.each([
    ['US', '(555) 123-4567', { primary: '5551234567', others: ['15551234567'] }],
    ['US', '5551234567', { primary: '5551234567', others: ['15551234567'] }],
    ['US', 5551234567, { primary: '5551234567', others: ['15551234567'] }],
    ['US', '15551234567', { primary: '15551234567', others: [] }],
    ['US', '+5551234567', { primary: '5551234567', others: [] }],
    ['US', '011 44 7700 900123', { primary: '447700900123', others: [] }],
    ['CA', '01144 7700 900123', { primary: '447700900123', others: [] }],
    ['US', '0044 7700 900123', { primary: '447700900123', others: [] }],
    ['DE', '4915112345678', { primary: '4915112345678', others: ['494915112345678'] }],
    ['GB', '07700 900123', { primary: '447700900123', others: [] }],
    ['GB', '(020) 7946 0018', { primary: '442079460018', others: [] }],
    ['IT', '06 1234 5678', { primary: '390612345678', others: [] }],
    ['FR', '06 12 34 56 78', { primary: '33612345678', others: [] }],
  ])('reads for %s: %j', (country, input, expected) => {
    expect(read(country, input)).toEqual(expected);
  });

  it.each([
    ['US', '02125551234'],
    ['US', '01234'],
    ['GB', '07400'],
    ['GB', '0740012345678'],
  ])('refuses for %s: %j, whose length is impossible there', (country, input) => {
    expect(read(country, input)).toBeUndefined();
  });

  it('returns the same results from its cache', () => {
    const reader = createMsisdnReader({ defaultCountry: 'GB', memoSize: 2 });
    const inputs = ['07700 900123', 'nonsense', '07700 900124', '07700 900123', 'nonsense', 'nonsense'];
    expect(inputs.map((input) => reader.read(input)?.primary)).toEqual([
      ...['447700900123', undefined, '447700900124', '447700900123', undefined, undefined],
    ]);
  });

  it('accepts country codes in upper case only', () => {
    expect(['US', 'GB', 'us', 'XX', '', 1].map(isCountry)).toEqual([true, true, false, false, false, false]);
    expect([undefined, null, ['US'], { toString: () => 'US' }].map(isCountry)).toEqual([
      ...[false, false, false, false],
    ]);
  });
});

describe('readMsisdns', () => {
  it.each([
    ['+1 555 123 4567', { primary: '15551234567', others: [] }],
    ['4407400123456', { primary: '4407400123456', others: ['447400123456'] }],
    ['+44 (0)7400 123456', { primary: '447400123456', others: ['4407400123456'] }],
    [15551234567, { primary: '15551234567', others: [] }],
    ['(555) 123-4567', { primary: '5551234567', others: [] }],
    ['not a number', undefined],
  ])('reads %j', (input, expected) => {
    expect(readMsisdns(input)).toEqual(expected);
  });
});

describe('readNumber', () => {
  it.each([
    [undefined, '15551234567', 155512345, 15551234567],
    [undefined, '+15551234567', 155512345, 15551234567],
    [undefined, 15551234567, 155512345, 15551234567],
    [undefined, '4407400123456', 440740012, 4407400123456],
    [undefined, 4407400123456, 440740012, 4407400123456],
    [undefined, 9_999, NOT_READ, 0],
    [undefined, 10_000, 10_000, 10_000],
    [undefined, 999_999_999_999_999, 999_999_999, 999_999_999_999_999],
    [undefined, 1_000_000_000_000_000, NOT_READ, 0],
    [undefined, 15551234567.5, NOT_READ, 0],
    [undefined, '+1 555 123 4567', NOT_READ, 0],
    [undefined, 15551234567n, NOT_READ, 0],
    ['US', '15551234567', 155512345, 15551234567],
    // Ten digits without `+` may be dialled within the United States.
    ['US', '6591234567', NOT_READ, 0],
    ['US', 6591234567, NOT_READ, 0],
    ['US', '+6591234567', 659123456, 6591234567],
    // Numbers within Germany can have as many digits.
    ['DE', '15551234567', NOT_READ, 0],
    ['DE', '+15551234567', 155512345, 15551234567],
  ])('reads, or leaves to `read`, for %s: %o', (defaultCountry, input, result, number) => {
    const numbers = Float64Array.of(1, 2, 3);
    expect(createMsisdnReader({ defaultCountry }).readNumber(input, numbers, 1)).toBe(result);
    expect([...numbers]).toEqual([1, number, 3]);
  });
});

describe('the cache of a reader', () => {
  const FORMATTED = '+1 555 123 4567';

  it.each([FORMATTED, '(555) 123-4567', '0015551234567'])('keeps the reading of %j', (input) => {
    const reader = createMsisdnReader();
    const first = reader.read(input);
    expect(first).toBeDefined();
    expect(reader.read(input)).toBe(first);
  });

  it('keeps the reading of a text of 256 characters, but of no longer one', () => {
    const [long, longer] = [256, 257].map((length) => '15551234567'.padStart(length, '\u200B'));
    const reader = createMsisdnReader({ memoSize: 1 });
    const first = reader.read(long);
    expect(first).toEqual({ primary: '15551234567', others: [] });
    expect(reader.read(longer)).toBeUndefined();
    expect(reader.read(long)).toBe(first);
  });

  it('keeps as many readings as `memoSize` says', () => {
    const reader = createMsisdnReader({ memoSize: 2 });
    const first = reader.read(FORMATTED);
    reader.read('(555) 123-4568');
    expect(reader.read(FORMATTED)).toBe(first);
    reader.read('(555) 123-4569');
    reader.read('nonsense');
    expect(reader.read(FORMATTED)).not.toBe(first);
    expect(reader.read(FORMATTED)).toEqual(first);
  });

  it.each([
    ...['15551234567', '+15551234567', 15551234567, 15551234567n],
    ...[0, -15551234567, 12345.67, 2 ** 53, 0n, -15551234567n, 10n ** 15n, null],
  ])('does not keep the reading of %o', (input) => {
    const reader = createMsisdnReader({ memoSize: 1 });
    const first = reader.read(FORMATTED);
    reader.read(input);
    expect(reader.read(FORMATTED)).toBe(first);
  });
});

describe('maskMsisdn', () => {
  it.each([
    ['15551239999', '*******9999'],
    ['+1 555 123 9999', '*******9999'],
    ['12345678', '****5678'],
    ['1234567', '*****67'],
    ['12345', '***45'],
    ['not a number', '***'],
    [null, '***'],
  ])('masks %j', (input, expected) => {
    expect(maskMsisdn(input)).toBe(expected);
  });
});
