/** One table of verifications for both gates: a number beside a country is asked about in every way it may be read. */

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
  ['one without a country', { number: '12025550123' }, 'opted_out'],
  ['one beside an empty country', { number: '12025550125', country: '' }, 'sent'],
  ['one of its country', { number: '12025550125', country: 'US' }, 'sent'],
  ['one of another country', { number: '447700900123', country: 'US' }, 'opted_out'],
  ['a national number that is out', { number: '2025550123', country: 'US' }, 'opted_out'],
  ['one that is out abroad', { number: '2025550124', country: 'US' }, 'opted_out'],
  ['one as an integer', { number: 2025550123, country: 'US' }, 'opted_out'],
  ['a clean national number', { number: '07700900124', country: 'GB' }, 'sent'],
  ['one that is out there only', { number: '07700900123', country: 'GB' }, 'opted_out'],
  ['one of a country in small letters', { number: '07700900123', country: ' gb ' }, 'opted_out'],
  ['one of two countries', { number: '2025550123', country: 'GB', Country: 'US' }, 'opted_out'],
  [
    'what one of two countries cannot read',
    { number: '07700900124', country: 'FR', Country: 'GB' },
    'invalid_number',
  ],
  ['two numbers of one', { number: '07700900124', Number: '07700900123', country: 'GB' }, 'opted_out'],
  ['what nobody can read', { number: 'somebody', country: 'GB' }, 'invalid_number'],
  ['a clean one of no country there is', { number: '12025550125', country: 'ZZ' }, 'invalid_number'],
  ['one that is out, of no country there is', { number: '12025550123', country: 'ZZ' }, 'opted_out'],
  ['one of a country that is no text', { number: '12025550125', country: ['US'] }, 'invalid_number'],
  ['a clean one beside a country that is null', { number: '12025550125', country: null }, 'sent'],
  ['one that is out beside a country that is null', { number: '12025550123', country: null }, 'opted_out'],
  ['one beside a blank country', { number: '12025550125', country: ' ' }, 'sent'],
  ['one of a country and of null', { number: '2025550123', country: null, Country: 'US' }, 'opted_out'],
  [
    'one of two countries, one of them none',
    { number: '07700900124', country: 'GB', Country: 'ZZ' },
    'invalid_number',
  ],
];

describe.each(providerGates)('by $name', ({ send }) => {
  it.each(verifications)('%s', async (_what, params, outcome) => {
    expect(await send(await newGuard(), '/verify/json', params)).toBe(outcome);
  });

  it('reads what stands there as the guard does everywhere, too', async () => {
    const british = await newGuard('GB');
    expect(await send(british, '/verify/json', { number: '7700900123', country: 'FR' })).toBe('opted_out');
    expect(await send(british, '/verify/json', { number: '7700900124', country: 'FR' })).toBe('sent');
  });

  it('takes nothing for a number of the guard’s country that is none in the one named', async () => {
    const british = await newGuard('GB');
    expect(await send(british, '/verify/json', { number: '07700900124' })).toBe('sent');
    expect(await send(british, '/verify/json', { number: '07700900124', country: 'FR' })).toBe(
      'invalid_number',
    );
  });
});
