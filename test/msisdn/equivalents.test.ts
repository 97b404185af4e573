import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equivalentsOf, isSameSubscriber } from '../../src/msisdn/equivalents.ts';

/** All writings of one subscriber. */
const subscribers: readonly (readonly [string, readonly string[]])[] = [
  ['a Mexican', ['525512345678', '5215512345678']],
  ['somebody in Buenos Aires', ['5491155556666', '541155556666', '54111555556666', '549111555556666']],
  [
    'somebody in Rosario',
    [
      '5493415556666',
      '543415556666',
      '54341155556666',
      '549341155556666',
      '54341515556666',
      '549341515556666',
    ],
  ],
  ['a Brazilian', ['5511987654321', '551187654321']],
  ['a Brazilian whose old number began with 6', ['5521961234567', '552161234567']],
  ['an Ivorian with Orange', ['2250707123456', '22507123456']],
  ['an Ivorian with MTN', ['2250554123456', '22554123456']],
  ['an Ivorian with Moov', ['2250102123456', '22502123456']],
  ['an Ivorian with Moov, of 2020', ['2250140123456', '22540123456']],
  ['an Ivorian landline of Orange', ['2252722412345', '22522412345']],
  ['an Ivorian landline of MTN', ['2252520012345', '22520012345']],
  ['an Ivorian landline of Moov', ['2252120812345', '22520812345']],
  ['an Ivorian landline in the country', ['2252731612345', '22531612345']],
  ['a Beninese', ['2290197123456', '22997123456']],
  ['somebody in San Marino', ['3780549886377', '378886377']],
];

/** Numbers with one writing. */
const alone = [
  ...['14155550100', '447400123456', '33612345678', '5312345678', '5012345678', '56912345678', '5912345678'],
  // Somebody else's: a landline with a 9 in front is a mobile number of its own.
  ...['551134567890', '5511934567890', '551123456789', '5511923456789'],
  // Another operator's, since 2021.
  ...['2250507123456', '2250907123456', '2252122412345', '2250507'],
  // Of no length that there is.
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

describe('one subscriber', () => {
  it.each(subscribers)('%s is found under each writing', (_who, writings) => {
    for (const one of writings) {
      expect([one, [one, ...equivalentsOf(one)].toSorted()]).toEqual([one, writings.toSorted()]);
      for (const other of writings) expect(isSameSubscriber(one, other)).toBe(true);
    }
  });

  it.each(alone.map((digits) => [digits]))('%s has one number', (digits) => {
    expect(equivalentsOf(digits)).toEqual([]);
  });

  it('has the same numbers whichever of them is asked about', () => {
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
