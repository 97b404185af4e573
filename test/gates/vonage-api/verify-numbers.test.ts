/** One table of verifications for both gates: if a country is named, every reading of the number is checked. */

import { afterEach, describe, expect, it } from 'vitest';
import { createTestGuard } from '../../../src/testing/index.ts';
import { providerGates } from '../provider-gates.ts';

const OUT = ['12025550123', '2025550124', '447700900123'];
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function newGuard(defaultCountry?: string) {
  const guard = await createTestGuard({ optedOut: OUT, ...(defaultCountry ? { defaultCountry } : {}) });
  open.push(() => guard.close());
  return guard;
}

const verifications: readonly [string, object, string][] = [
  ['an international number', { number: '12025550125' }, 'sent'],
  ['a listed number without a country', { number: '12025550123' }, 'opted_out'],
  ['a number with an empty country', { number: '12025550125', country: '' }, 'sent'],
  ['an international number with its own country', { number: '12025550125', country: 'US' }, 'sent'],
  ['a listed number with another country', { number: '447700900123', country: 'US' }, 'opted_out'],
  ['a listed national number', { number: '2025550123', country: 'US' }, 'opted_out'],
  [
    'a national number that is listed as an international one',
    { number: '2025550124', country: 'US' },
    'opted_out',
  ],
  ['a listed national number as an integer', { number: 2025550123, country: 'US' }, 'opted_out'],
  ['an unlisted national number', { number: '07700900124', country: 'GB' }, 'sent'],
  [
    'a number that is listed only in the named country',
    { number: '07700900123', country: 'GB' },
    'opted_out',
  ],
  ['a country in small letters with spaces', { number: '07700900123', country: ' gb ' }, 'opted_out'],
  ['a number with two countries', { number: '2025550123', country: 'GB', Country: 'US' }, 'opted_out'],
  [
    'a number that is unreadable in one of two countries',
    { number: '07700900124', country: 'FR', Country: 'GB' },
    'invalid_number',
  ],
  [
    'two numbers of one request',
    { number: '07700900124', Number: '07700900123', country: 'GB' },
    'opted_out',
  ],
  ['an unreadable number', { number: 'somebody', country: 'GB' }, 'invalid_number'],
  ['an unlisted number with an unknown country', { number: '12025550125', country: 'ZZ' }, 'invalid_number'],
  ['a listed number with an unknown country', { number: '12025550123', country: 'ZZ' }, 'opted_out'],
  ['a country that is no text', { number: '12025550125', country: ['US'] }, 'invalid_number'],
  ['an unlisted number with a country that is null', { number: '12025550125', country: null }, 'sent'],
  ['a listed number with a country that is null', { number: '12025550123', country: null }, 'opted_out'],
  ['a number with a blank country', { number: '12025550125', country: ' ' }, 'sent'],
  [
    'a country and a second one that is null',
    { number: '2025550123', country: null, Country: 'US' },
    'opted_out',
  ],
  [
    'two countries, one of them unknown',
    { number: '07700900124', country: 'GB', Country: 'ZZ' },
    'invalid_number',
  ],
];

describe.each(providerGates)('by $name', ({ send }) => {
  it.each(verifications)('decides about %s', async (_what, params, outcome) => {
    expect(await send(await newGuard(), '/verify/json', params)).toBe(outcome);
  });

  it('also checks the number as the guard reads it elsewhere', async () => {
    const british = await newGuard('GB');
    expect(await send(british, '/verify/json', { number: '7700900123', country: 'FR' })).toBe('opted_out');
    expect(await send(british, '/verify/json', { number: '7700900124', country: 'FR' })).toBe('sent');
  });

  it('does not read a number with the guard’s country if the request names another one', async () => {
    const british = await newGuard('GB');
    expect(await send(british, '/verify/json', { number: '07700900124' })).toBe('sent');
    expect(await send(british, '/verify/json', { number: '07700900124', country: 'FR' })).toBe(
      'invalid_number',
    );
  });
});
