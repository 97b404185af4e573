import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equivalentsOf, isSameSubscriber } from '../../src/msisdn/equivalents.ts';

/** Each subscriber with all writings of the number. */
const subscribers: readonly (readonly [string, readonly string[]])[] = [
  ['a mobile number in Mexico', ['525512345678', '5215512345678']],
  ['a number in Buenos Aires', ['5491155556666', '541155556666', '54111555556666', '549111555556666']],
  [
    'a number in Rosario',
    [
      '5493415556666',
      '543415556666',
      '54341155556666',
      '549341155556666',
      '54341515556666',
      '549341515556666',
    ],
  ],
  ['a mobile number in Brazil', ['5511987654321', '551187654321']],
  ['a mobile number in Brazil that started with 6', ['5521961234567', '552161234567']],
  ['a mobile number of Orange in Ivory Coast', ['2250707123456', '22507123456']],
  ['a mobile number of MTN in Ivory Coast', ['2250554123456', '22554123456']],
  ['a mobile number of Moov in Ivory Coast', ['2250102123456', '22502123456']],
  ['a mobile number of Moov in Ivory Coast, from 2020', ['2250140123456', '22540123456']],
  ['a landline of Orange in Ivory Coast', ['2252722412345', '22522412345']],
  ['a landline of MTN in Ivory Coast', ['2252520012345', '22520012345']],
  ['a landline of Moov in Ivory Coast', ['2252120812345', '22520812345']],
  ['another landline in Ivory Coast', ['2252731612345', '22531612345']],
  ['a number in Benin', ['2290197123456', '22997123456']],
  ['a landline in San Marino', ['3780549886377', '378886377']],
];

/** Numbers with one writing only. */
const unique = [
  ...['14155550100', '447400123456', '33612345678', '5312345678', '5012345678', '56912345678', '5912345678'],
  // Brazilian landlines: with a 9 in front they are mobile numbers of other subscribers.
  ...['551134567890', '5511934567890', '551123456789', '5511923456789'],
  // Numbers of other operators in Ivory Coast since 2021.
  ...['2250507123456', '2250907123456', '2252122412345', '2250507'],
  // Numbers of impossible lengths.
  ...[
    '5255123456',
    '52551234567890',
    '54115555666',
    '5491155556',
    '551198765',
    '2250712345',
    '22997',
    '22902123456789',
  ],
  ...[
    '54341234567890',
    '5411345556666',
    '378612345',
    '3780549186377',
    '37866112233',
    '22812345678',
    '2291234567',
    '379886377',
  ],
];

describe('the writings of one subscriber', () => {
  it.each(subscribers)('are found from each other: %s', (_name, writings) => {
    for (const one of writings) {
      expect([one, [one, ...equivalentsOf(one)].toSorted()]).toEqual([one, writings.toSorted()]);
      for (const other of writings) expect(isSameSubscriber(one, other)).toBe(true);
    }
  });

  it.each(unique.map((digits) => [digits]))('are a single one for %s', (digits) => {
    expect(equivalentsOf(digits)).toEqual([]);
  });

  it('are the same whichever of them is looked up', () => {
    const code = fc.constantFrom(
      '52',
      '521',
      '54',
      '549',
      '5411',
      '55',
      '225',
      '229',
      '22901',
      '378',
      '3780549',
      '',
    );
    const digits = fc
      .tuple(code, fc.stringMatching(/^[0-9]{5,12}$/))
      .map((parts) => parts.join('').slice(0, 15))
      .filter((one) => !one.startsWith('0'));
    fc.assert(
      fc.property(digits, (one) => {
        const others = equivalentsOf(one);
        expect(others).not.toContain(one);
        expect(new Set(others).size).toBe(others.length);
        for (const other of others) {
          expect(other).toMatch(/^[1-9]\d{4,14}$/);
          const same = [one, ...others].filter((writing) => writing !== other);
          expect([one, other, equivalentsOf(other).toSorted()]).toEqual([one, other, same.toSorted()]);
        }
      }),
      { numRuns: 20_000, seed: 20_261_130 },
    );
  });
});
