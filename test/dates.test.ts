import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { latestInstantOf, readInstant, readTime } from '../src/dates.ts';

const TWO = Date.UTC(2020, 0, 1, 14);
const DAY = 86_400_000;
const HOUR = 3_600_000;

/** A written time, its instant as a time of the provider, and the latest instant that it can mean. */
const written: readonly [unknown, number, number][] = [
  ['2020-01-01 14:00:00', TWO, TWO + 999 + 12 * HOUR],
  ['2020-01-01      14:00:00', TWO, TWO + 999 + 12 * HOUR],
  ['2020-01-01\u00A014:00:00', TWO, TWO + 999 + 12 * HOUR],
  [' 2020-01-01T14:00:00 ', TWO, TWO + 999 + 12 * HOUR],
  ['\u200E2020-01-01 14:00:00\u200E', TWO, TWO + 999 + 12 * HOUR],
  ['2020-01-01 14:00', TWO, TWO + 59_999 + 12 * HOUR],
  ['2020-01-01', Date.UTC(2020, 0, 2) - 1, Date.UTC(2020, 0, 2) - 1 + 12 * HOUR],
  ['2020-01-01Z', Date.UTC(2020, 0, 2) - 1, Date.UTC(2020, 0, 2) - 1],
  ['2020-01-01+02:00', Date.UTC(2020, 0, 2) - 1 - 2 * HOUR, Date.UTC(2020, 0, 2) - 1 - 2 * HOUR],
  ['2020-01-01 14:00:00 UTC', TWO, TWO + 999],
  ['2020-01-01      14:00:00   UTC', TWO, TWO + 999],
  ['2020-01-01 14:00:00 utc', TWO, TWO + 999],
  ['2020-01-01 14:00:00 GMT', TWO, TWO + 999],
  ['2020-01-01 14:00:00Z', TWO, TWO + 999],
  ['2020-01-01 14:00:00+00', TWO, TWO + 999],
  ['2020-01-01 14:00:00 +00', TWO, TWO + 999],
  ['2020-01-01 14:00:00 +0000', TWO, TWO + 999],
  ['2020-01-01T14:00:00+00:00', TWO, TWO + 999],
  ['2020-01-01 09:30:00-04:30', TWO, TWO + 999],
  ['2020-01-01T16:00:00 UTC+02:00', TWO, TWO + 999],
  ['2020-01-01 09:00:00 EST', TWO, TWO + 999],
  ['2020-01-01T14:00:00.000Z', TWO, TWO],
  ['2020-01-01T14:00:00.25Z', TWO + 250, TWO + 259],
  ['2020-01-01T14:00:00,123456Z', TWO + 123, TWO + 123],
  ['2020-01-01 13:59:60', TWO, TWO + 999 + 12 * HOUR],
  ['Wed, 01 Jan 2020 14:00:00 +0000', TWO, TWO + 999],
  ['Wed, 1 Jan 2020 14:00:00 GMT', TWO, TWO + 999],
  ['1 Jan 2020 15:00 +0100', TWO, TWO + 59_999],
  ['Wed, 01 Jan 2020 06:00:00 PST', TWO, TWO + 999],
  ['Wed, 01 Jan 2020 14:00:00 +0000 (UTC)', TWO, TWO + 999],
  ['01 Jan 2020 14:00:00', TWO, TWO + 999 + 12 * HOUR],
  ['01 Jan 2020', Date.UTC(2020, 0, 2) - 1, Date.UTC(2020, 0, 2) - 1 + 12 * HOUR],
  ['Wed Jan 01 2020 14:00:00 GMT+0000 (Coordinated Universal Time)', TWO, TWO + 999],
  ['Jan 1 2020 14:00:00Z', TWO, TWO + 999],
  [TWO, TWO, TWO],
  [String(TWO), TWO, TWO],
  [TWO / 1000, TWO, TWO + 999],
  [String(TWO / 1000), TWO, TWO + 999],
  [`${TWO / 1000}.250`, TWO + 250, TWO + 250],
  [TWO / 1000 + 0.25, TWO + 250, TWO + 250],
  [946_684_800, Date.UTC(2000, 0, 1), Date.UTC(2000, 0, 1) + 999],
  [946_684_800_000, Date.UTC(2000, 0, 1), Date.UTC(2000, 0, 1)],
  [9_999_999_999, 9_999_999_999_000, 9_999_999_999_999],
  [9_999_999_999_999, 9_999_999_999_999, 9_999_999_999_999],
  [new Date(TWO), TWO, TWO],
  [`2020-01-01${' '.repeat(82)}14:00:00`, TWO, TWO + 999 + 12 * HOUR],
  ['2020-01-02 04:00:00+14:00', TWO, TWO + 999],
  ['2020-01-01 14:59:00+00:59', TWO, TWO + 999],
  ['2020-01-01 13:01:00-0059', TWO, TWO + 999],
  ['2024-02-29 00:00:00 UTC', Date.UTC(2024, 1, 29), Date.UTC(2024, 1, 29) + 999],
];

const unreadable: readonly unknown[] = [
  ...[
    '01/02/2020',
    '1/2/20',
    '27.06.2014',
    '2020-1-1',
    '2020/13/01',
    '20200101',
    '20200101T140000Z',
    'now',
    '',
  ],
  ...['2014-02-30 10:00:00', '2023-02-29', '2014-13-01', '2014-06-27 24:00:00', '2014-06-27 10:60:00'],
  ...['2014-06-27 10:00:61', '2014-06-27 10:00:00 +15', '2014-06-27 10:00:00+00:60', '2014-06-27-05'],
  ...['2014-06-27 10:00:00 CEST', 'Mon, 01 Jan 2020 14:00:00 GMT', '31 Feb 2020 14:00:00 GMT', '01 Foo 2020'],
  ...[
    '2014-06-27 10:00:00+14:60',
    '2014-06-27 10:00:00 -15:00',
    '2014-06-27+15:00',
    '2014-00-10',
    '2014-01-00',
  ],
  ...['+1577887200', '1577887200e3', '0x15778872000'],
  ...['2020-01-01 1/:00:00', '9 99-01-01 00:00:00', '2020-01-01 1::00:00', '2020-01-01 00:00:0 '],
  ...[
    'Wed, 01 Jan 20 14:00:00 GMT',
    `2020-01-01${' '.repeat(83)}14:00:00`,
    'x'.repeat(101),
    `2020-01-01${' '.repeat(100)}14:00:00`,
  ],
  ...['1999-12-31', '1999-12-31 23:59:59', '1970-01-01T00:00:00Z', '0001-01-01 00:00:00', '1900-01-01'],
  ...['Thu, 01 Jan 1970 00:00:00 GMT', new Date(0), new Date(Date.UTC(2000, 0, 1) - 1), '+012020-01-01'],
  ...[0, -1, 1, 12_345, 946_684_799, 10_000_000_000, 946_684_799_999, 10_000_000_000_000, '1577887200000000'],
  ...[Number.NaN, Infinity, -Infinity, new Date(Number.NaN), null, undefined, true, {}, [], Symbol('x'), 5n],
];

describe('a time', () => {
  it.each(written)('is read from %s', (value, provided, latest) => {
    expect(readTime(value)).toBe(provided);
    expect(latestInstantOf(value)).toBe(latest);
  });

  it.each(unreadable.map((value) => [value]))('is not read from %s', (value) => {
    expect([readTime(value), readInstant(value), latestInstantOf(value)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is no instant if it is only a day', () => {
    for (const [value, provided] of written) {
      const isDay =
        provided % DAY === DAY - 1 || (String(value).includes('+02:00') && !String(value).includes(':00 '));
      expect([value, readInstant(value)]).toEqual([value, isDay ? undefined : provided]);
    }
  });

  it.each([
    ...[
      ['Z', 0],
      ['UT', 0],
      ['UTC', 0],
      ['GMT', 0],
      ['EST', -5],
      ['EDT', -4],
      ['CST', -6],
      ['CDT', -5],
    ],
    ...[
      ['MST', -7],
      ['MDT', -6],
      ['PST', -8],
      ['PDT', -7],
      ['+14', 14],
      ['GMT-1200', -12],
    ],
  ] as [string, number][])('is read in zone %s, %i hours ahead of UTC', (zone, ahead) => {
    for (const name of [zone, zone.toLowerCase()]) {
      expect(readTime(`2020-01-01 14:00:00 ${name}`)).toBe(TWO - ahead * HOUR);
      expect(readTime(`1 Jan 2020 14:00:00 ${name}`)).toBe(TWO - ahead * HOUR);
    }
  });

  it('is read from a day with a zone, unless the zone may be an hour', () => {
    const end = Date.UTC(2020, 0, 2) - 1;
    const zones: readonly [string, number][] = [
      ['UTC+05', 5],
      ['GMT-05', -5],
      ['-05:00', -5],
      ['+0500', 5],
    ];
    for (const [zone, ahead] of zones) {
      const day = `2020-01-01 ${zone}`;
      const wanted = [end - ahead * HOUR, end - ahead * HOUR, undefined];
      expect([readTime(day), latestInstantOf(day), readInstant(day)]).toEqual(wanted);
    }
    for (const hour of ['2020-01-01-05', '2020-01-01 +05']) expect(readTime(hour)).toBeUndefined();
  });

  it('is read on each day of the calendar, and on no other day', () => {
    for (const year of [2023, 2024, 2100]) {
      for (let month = 0; month < 12; month++) {
        const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
        const name = new Date(Date.UTC(year, month)).toUTCString().slice(8, 11);
        for (let day = 0; day <= 32; day++) {
          const plain = `${year}-${String(month + 1).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
          const forms = [`${plain} 23:59:59`, `${plain}T23:59:59Z`, `${day} ${name} ${year} 23:59:59`];
          const wanted = day >= 1 && day <= days ? Date.UTC(year, month, day, 23, 59, 59) : undefined;
          expect([plain, ...forms.map(readTime)]).toEqual([plain, wanted, wanted, wanted]);
        }
      }
    }
  });

  it('is read with the name of a weekday only if it is on that day', () => {
    const names = ['Wed', 'Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue'];
    for (const [index] of names.entries()) {
      const read = names.map((name) => readTime(`${name}, ${index + 1} Jan 2020 14:00:00 GMT`));
      expect(read).toEqual(names.map((_, at) => (at === index ? TWO + index * DAY : undefined)));
    }
  });

  it('is read up to 23:59:59, and in a leap second', () => {
    const read = (time: string) => readTime(`2020-01-01T${time}`);
    const start = Date.UTC(2020, 0, 1);
    expect(['23:00:00', '00:59:00', '00:00:59', '23:59:60'].map(read)).toEqual([
      start + 23 * HOUR,
      start + 59 * 60_000,
      start + 59_000,
      start + DAY,
    ]);
    expect(['24:00:00', '00:60:00', '00:00:61', '99:00', '00:99'].map(read)).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
  });

  it('is read from rows of a list without a regular expression', () => {
    const rows: readonly [string, number][] = [
      ['2000-01-01 00:00:00', Date.UTC(2000, 0, 1)],
      ['2019-09-28 19:39:49', Date.UTC(2019, 8, 28, 19, 39, 49)],
      ['2020-01-31 23:59:59', Date.UTC(2020, 0, 31, 23, 59, 59)],
      ['2021-02-28 10:00:00', Date.UTC(2021, 1, 28, 10)],
      ['2024-11-30 05:06:07', Date.UTC(2024, 10, 30, 5, 6, 7)],
    ];
    const pattern = vi.spyOn(RegExp.prototype, 'exec');
    const read = rows.map(([row]) => readTime(row));
    const before = readTime('1999-12-31 23:59:59');
    const used = pattern.mock.calls.length;
    pattern.mockRestore();
    expect([read, before, used]).toEqual([rows.map(([, time]) => time), undefined, 0]);
  });

  it('is the same in every form with a zone', () => {
    const second = fc.integer({ min: 946_684_800, max: 4_102_444_800 });
    fc.assert(
      fc.property(second, (s) => {
        const at = s * 1000;
        const iso = new Date(at).toISOString();
        const plain = iso.slice(0, 19);
        const forms = [s, String(s), at, String(at), new Date(at), iso, plain.replace('T', ' ')];
        const zoned = [
          `${plain.replace('T', '      ')} UTC`,
          `${plain}+00`,
          `${plain}+0000`,
          `${plain}-00:00`,
        ];
        const words = [new Date(at).toUTCString(), new Date(at).toString()];
        for (const form of [...forms, ...zoned, ...words]) expect([form, readTime(form)]).toEqual([form, at]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same in the fast form of lists and in the general one', () => {
    const two = (most: number) =>
      fc.integer({ min: 0, max: most }).map((value) => String(value).padStart(2, '0'));
    const text = fc.tuple(fc.stringMatching(/^[0-9x]{4}$/), two(14), two(33), two(25), two(61), two(62));
    fc.assert(
      fc.property(text, fc.constantFrom(' ', 'T', ':'), ([year, month, day, ...time], between) => {
        const one = `${year}-${month}-${day}${between}${time.join(':')}`;
        expect(readTime(one)).toBe(readTime(` ${one}`));
      }),
      { numRuns: 5_000, seed: 4 },
    );
  });

  it('is read without an error from every value, and is after 1999', () => {
    const dateLike = fc.string({ unit: fc.constantFrom(...'0123456789-+: TZUTC,.JanWed'), maxLength: 40 });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), dateLike, fc.double()), (value) => {
        for (const read of [readTime, readInstant, latestInstantOf]) {
          expect(read(value) ?? TWO).toBeGreaterThanOrEqual(Date.UTC(2000, 0, 1));
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
