/** One person under several numbers: each number blocks, releases, shows and erases the same evidence. */

import { getCountries, getCountryCallingCode, getExampleNumber } from 'libphonenumber-js/min';
import examples from 'libphonenumber-js/mobile/examples';
import { afterEach, describe, expect, it } from 'vitest';
import { accessOf } from '../../src/gates/guard-access.ts';
import { createGuard, ProviderError, type Guard, type GuardOptions } from '../../src/index.ts';
import { NATIONAL_PREFIXES } from '../../src/msisdn/national-prefixes.ts';
import { signedWebhook } from '../../src/testing/index.ts';
import { createFakeClock, settle } from '../fake-clock.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const secret = 'test-signature-secret';
const SENDER = '73737';
const open: Guard[] = [];

afterEach(async () => {
  for (const guard of open.splice(0)) await guard.close();
});

interface Given {
  readonly options?: GuardOptions;
  /** Rows of the provider's list. */
  readonly rows?: readonly string[];
}

async function world({ options = {}, rows = [] }: Given = {}) {
  const clock = createFakeClock();
  const listed = new Set(rows);
  const lifted: string[] = [];
  const provider = {
    page: async ({ index }: { index: number }) => ({ rows: index === 0 ? [...listed] : [] }),
    async optIn(msisdn: string) {
      lifted.push(msisdn);
      if (!listed.delete(msisdn)) throw new ProviderError('provider_number_refused', 'no such number');
    },
  };
  const lists = {
    alerts: { senders: [SENDER], provider, optInByReply: true },
    offers: { senders: ['Brand'] },
  };
  const guard = createGuard({ lists, clock, logger: silent, ...options });
  open.push(guard);
  await settle();
  await guard.refresh();
  const receiver = accessOf(guard).receiver({ signature: { secret, method: 'sha256' } });
  const text = async (person: string, words: string, given: { messageId?: string; at?: number } = {}) => {
    const { method, url, headers, body } = signedWebhook({
      ...{ person, sender: SENDER, text: words, at: clock.now(), secret, ...given },
    });
    const answer = receiver.receive({ method, url, headers, body: Buffer.from(body ?? '') });
    await settle();
    await clock.advance(2_000);
    return (await answer).status;
  };
  return { clock, guard, text, lifted, listed };
}

/** Two writings of one subscriber. */
const pairs = [
  ['Mexico', '5215512345678', '525512345678'],
  ['Argentina', '5491155556666', '541155556666'],
  ['Argentina, with 15', '5493415556666', '54341155556666'],
  ['Brazil', '5511987654321', '551187654321'],
  ['Ivory Coast', '2250707123456', '22507123456'],
  ['Benin', '2290197123456', '22997123456'],
  ['San Marino', '3780549886377', '378886377'],
] as const;
const bothWays = pairs.flatMap(([country, one, other]) => [
  [country, one, other] as const,
  [country, other, one] as const,
]);

/** Every way in which a person's opt-out becomes known. */
const sources: Readonly<Record<string, (number: string) => Promise<Guard>>> = {
  'a webhook': async (number) => {
    const { guard, text } = await world();
    expect(await text(number, 'STOP')).toBe(200);
    return guard;
  },
  'a row of the list': async (number) => (await world({ rows: [number] })).guard,
  'a row of an import': async (number) => {
    const { guard } = await world();
    expect(await guard.import([{ msisdn: number, at: '2020-01-01' }])).toMatchObject({ added: 1 });
    return guard;
  },
  'an opt-out by hand': async (number) => {
    const { guard } = await world();
    await guard.optOut(`+${number}`);
    return guard;
  },
};

describe.each(Object.entries(sources))('a person who opted out by %s', (_source, optOut) => {
  it.each(bothWays)('is blocked under the other number: %s, %s, %s', async (_country, listedAs, to) => {
    const guard = await optOut(listedAs);
    for (const asked of [to, `+${to}`, Number(to), `+${to.slice(0, 2)} ${to.slice(2)}`]) {
      expect([guard.canSend(asked), guard.canSend(asked, { from: SENDER })]).toEqual([false, false]);
      expect(guard.check(asked)).toMatchObject({ reason: 'opted_out', to, listedAs });
    }
    const { allowed, blocked } = guard.filter([to, '14155550100']);
    expect([allowed, blocked.map(({ item, decision }) => [item, decision])]).toEqual([
      ['14155550100'],
      [[to, expect.objectContaining({ reason: 'opted_out', to, listedAs })]],
    ]);
    expect(guard.check(listedAs)).toMatchObject({ reason: 'opted_out', to: listedAs });
    expect(guard.check(listedAs)).not.toHaveProperty('listedAs');
    const entries = await allOf(guard);
    expect(entries.map(({ msisdn }) => msisdn)).toEqual([listedAs]);
    const history = await guard.history(to);
    for (const { msisdn } of history) expect(msisdn).toBe(listedAs);
    expect(history).toEqual(await guard.history(listedAs));
  });
});

describe('an opt-in', () => {
  it.each(bothWays)('releases both numbers by hand: %s, %s, %s', async (_country, one, other) => {
    const { guard, text, lifted, listed } = await world({ rows: [one, other] });
    await text(one, 'STOP');
    await guard.optOut(other);
    expect(await guard.resubscribe(other)).toEqual({ released: true, stillBlocked: [] });
    expect([lifted.toSorted(), [...listed]]).toEqual([[one, other].toSorted(), []]);
    expect([guard.canSend(one), guard.canSend(other)]).toEqual([true, true]);
  });

  it('asks manage about the listed number, or about the number as it was written if none is listed', async () => {
    const one = await world({ rows: ['5215512345678'] });
    await one.guard.optOut('525512345678');
    expect(await one.guard.resubscribe('525512345678')).toMatchObject({ released: true });
    expect(one.lifted).toEqual(['5215512345678']);
    const other = await world();
    await other.guard.optOut('5215512345678');
    expect(await other.guard.resubscribe('525512345678')).toMatchObject({ released: true });
    expect(other.lifted).toEqual(['525512345678']);
  });

  it('asks manage also about the number as it was written while the list is not known', async () => {
    const asked: string[] = [];
    const provider = {
      page: ({ index }: { index: number }) =>
        index === 0
          ? Promise.resolve({ rows: ['5215512345678'], total: 2 })
          : Promise.reject(new Error('down')),
      optIn: async (msisdn: string) => void asked.push(msisdn),
    };
    const { guard } = await world({ options: { lists: { alerts: { provider } } } });
    await guard.resubscribe('525512345678');
    expect(asked).toEqual(['525512345678', '5215512345678']);
  });

  it('is recorded for the number as it was written and for those that a list blocks', async () => {
    const { guard } = await world();
    await guard.optOut('5215512345678', { list: 'alerts' });
    await guard.resubscribe('525512345678');
    const entries = await guard.history('525512345678');
    const ins = entries
      .filter(({ direction }) => direction === 'in')
      .map(({ list, msisdn }) => `${list} ${msisdn}`);
    expect(ins.toSorted()).toEqual([
      ...['* 525512345678', 'alerts 5215512345678', 'alerts 525512345678', 'offers 525512345678'],
    ]);
  });

  it.each(bothWays)('releases both numbers by reply: %s, %s, %s', async (_country, one, other) => {
    const { guard, text } = await world();
    await text(one, 'STOP');
    await text(other, 'STOP');
    expect(await text(one, 'START')).toBe(200);
    expect([guard.canSend(one), guard.canSend(other)]).toEqual([true, true]);
  });

  it('lifts no later opt-out under the other number when its reply is repeated with a new time', async () => {
    const { guard, text, clock } = await world();
    await text('5215512345678', 'STOP');
    await text('525512345678', 'START', { messageId: 'start' });
    expect(guard.canSend('525512345678')).toBe(true);
    await text('5215512345678', 'STOP');
    await text('525512345678', 'START', { messageId: 'start', at: clock.now() });
    expect([guard.canSend('525512345678'), guard.canSend('5215512345678')]).toEqual([false, false]);
    await text('525512345678', 'START', { messageId: 'another start' });
    expect([guard.canSend('525512345678'), guard.canSend('5215512345678')]).toEqual([true, true]);
  });

  it('releases the number on no other list', async () => {
    const { guard, text } = await world();
    await guard.optOut('5215512345678', { list: 'offers' });
    await text('525512345678', 'STOP');
    await text('525512345678', 'START');
    expect(guard.canSend('525512345678', { from: SENDER })).toBe(true);
    expect(guard.canSend('525512345678', { from: 'Brand' })).toBe(false);
  });
});

describe('two readings that may be two people', () => {
  const US = { options: { defaultCountry: 'US' } };

  it('are not released together', async () => {
    const { guard, lifted } = await world({ ...US, rows: ['4155550100', '14155550100'] });
    await expect(guard.resubscribe('4155550100')).rejects.toMatchObject({
      name: 'GuardError',
      code: 'ambiguous_number',
      message: expect.not.stringMatching(/\d{3}/) as unknown,
    });
    expect([lifted, guard.canSend('+4155550100'), guard.canSend('+14155550100')]).toEqual([[], false, false]);
    expect(await guard.resubscribe('+14155550100')).toEqual({ released: true, stillBlocked: [] });
    expect([guard.canSend('+4155550100'), guard.canSend('+14155550100')]).toEqual([false, true]);
    // Now only one of the readings is listed.
    expect(await guard.resubscribe('4155550100')).toMatchObject({ released: true });
    expect(guard.canSend('4155550100')).toBe(true);
  });

  it('are not released together by another writing of one of them', async () => {
    const { guard } = await world({
      options: { defaultCountry: 'MX' },
      rows: ['5215512345678', '5512345678'],
    });
    await expect(guard.resubscribe('5512345678')).rejects.toMatchObject({ code: 'ambiguous_number' });
    await guard.resubscribe('+525512345678');
    expect([guard.canSend('+5215512345678'), guard.canSend('+5512345678')]).toEqual([true, false]);
  });

  it('leave alone the one that is not listed', async () => {
    const { guard } = await world({ ...US, rows: ['14155550100'] });
    await guard.resubscribe('4155550100');
    const entries = await guard.history('+4155550100', { list: 'alerts' });
    expect(entries.map(({ msisdn, direction }) => [msisdn, direction])).toEqual([['4155550100', 'in']]);
    expect(guard.canSend('(415) 555-0100')).toBe(true);
  });

  it('are ambiguous also if they are on different lists', async () => {
    const { guard } = await world(US);
    await guard.optOut('+4155550100', { list: 'alerts' });
    await guard.optOut('+14155550100', { list: 'offers' });
    await expect(guard.resubscribe('4155550100')).rejects.toMatchObject({ code: 'ambiguous_number' });
    expect(await guard.resubscribe('4155550100', { list: 'alerts' })).toEqual({
      released: true,
      stillBlocked: ['offers'],
    });
  });

  it('are one number if they differ in a national prefix and only one of them is possible', async () => {
    const { guard } = await world();
    await guard.optOut('+44 07400 123456');
    expect([guard.canSend('447400123456'), guard.canSend('4407400123456')]).toEqual([false, false]);
    expect(await guard.resubscribe('+44 07400 123456')).toEqual({ released: true, stillBlocked: [] });
    expect([guard.canSend('447400123456'), guard.canSend('4407400123456')]).toEqual([true, true]);
  });

  it('are two numbers if both are possible', async () => {
    const { guard } = await world();
    await guard.optOut('+39 (0)335 123456');
    expect([guard.canSend('390335123456'), guard.canSend('39335123456')]).toEqual([false, false]);
    await expect(guard.resubscribe('+39 (0)335 123456')).rejects.toMatchObject({ code: 'ambiguous_number' });
  });
});

describe('a webhook', () => {
  it('also blocks the number without the national prefix behind its country code', async () => {
    const { guard, text } = await world();
    await text('4407400123456', 'STOP');
    expect([guard.canSend('4407400123456'), guard.canSend('447400123456')]).toEqual([false, false]);
  });

  it.each(['\u202A+14155550100\u202C', '＋14155550100', '\uFEFF1415555\u200B0100'])(
    'opts out the person written as %j',
    async (person) => {
      const { guard, text } = await world();
      expect(await text(person, 'STOP')).toBe(200);
      expect(guard.check('14155550100')).toMatchObject({ reason: 'opted_out', source: 'inbound' });
    },
  );

  it.each(['14155550100.0', '14155550100 2'])(
    'is answered with 400 and blocks nobody if the person is %j',
    async (person) => {
      const { guard, text } = await world();
      expect(await text(person, 'STOP')).toBe(400);
      expect(await allOf(guard)).toEqual([]);
    },
  );
});

describe('the confirmation of an opt-out', () => {
  const asked = { from: SENDER, purpose: 'opt_out_confirmation' } as const;

  it.each(bothWays)('may go to the other number, once: %s, %s, %s', async (_country, one, other) => {
    const { guard, text } = await world();
    await text(one, 'STOP');
    expect(guard.check(other, asked)).toMatchObject({ reason: 'confirmation', to: other });
    expect([guard.canSend(other, asked), guard.canSend(one, asked)]).toEqual([false, false]);
  });

  it('may go to a number although the provider lists its other writing', async () => {
    const { guard, text } = await world({ rows: ['525512345678'] });
    await text('5215512345678', 'STOP');
    expect([guard.canSend('525512345678', asked), guard.canSend('5215512345678', asked)]).toEqual([
      true,
      false,
    ]);
  });

  it('is not permitted if the person had opted out under the other number before', async () => {
    const { guard, text } = await world();
    await text('525512345678', 'STOP');
    expect(guard.canSend('525512345678', asked)).toBe(true);
    await text('5215512345678', 'STOP');
    expect([guard.canSend('525512345678', asked), guard.canSend('5215512345678', asked)]).toEqual([
      false,
      false,
    ]);
  });
});

describe('erase', () => {
  it('removes the words under every number, and keeps the block', async () => {
    const { guard, text } = await world();
    await text('5215512345678', 'STOP', { messageId: 'm-1' });
    await guard.erase('525512345678');
    const entries = await guard.history('525512345678');
    expect(entries.map(({ msisdn, messageId, text: words }) => [msisdn, messageId, words])).toEqual([
      ['5215512345678', undefined, undefined],
    ]);
    expect(guard.canSend('525512345678')).toBe(false);
  });
});

describe('import', () => {
  const rows = [
    ...[
      '14155550100.0',
      '14155550101.5',
      '1.4155550102E10',
      '14155550103/2',
      '5550100/5550101',
      '14155550104 2',
    ],
    ...['+1 415 555 0105 (2)', '\u200E+14155550106', 14155550107.5, '14155550108.00', '＋14155550109', ''],
  ];

  it('reports rows without a number by their index, and blocks nobody for them', async () => {
    const { guard } = await world();
    const { added, invalid } = await guard.import(rows);
    expect(invalid).toEqual([1, 2, 3, 4, 5, 6, 8, 11].map((index) => ({ index })));
    expect(added).toBe(4);
    const entries = await allOf(guard);
    expect(entries.map(({ msisdn }) => msisdn).toSorted()).toEqual([
      ...['14155550100', '14155550106', '14155550108', '14155550109'],
    ]);
  });

  it('reports them also if rows are objects, under a default country', async () => {
    const { guard } = await world({ options: { defaultCountry: 'US' } });
    const { invalid } = await guard.import(rows.map((msisdn) => ({ msisdn, at: 1_577_887_200 })));
    expect(invalid).toEqual([1, 2, 3, 4, 5, 6, 8, 11].map((index) => ({ index })));
    for (const number of ['141555501000', '141555501032', '141555501042', '55501005550101']) {
      expect([number, guard.canSend(`+${number}`)]).toEqual([number, true]);
    }
  });
});

describe('a number with decimals', () => {
  it('is opted out by hand, and never sent to', async () => {
    const { guard } = await world();
    await guard.optOut('14155550100.0');
    expect(guard.canSend('14155550100')).toBe(false);
    expect(guard.check('14155550101.0')).toMatchObject({ reason: 'invalid_number', to: null });
    await expect(guard.optOut('14155550100.5')).rejects.toMatchObject({ code: 'invalid_number' });
    await expect(guard.resubscribe('14155550100.0')).rejects.toMatchObject({ code: 'invalid_number' });
    await expect(guard.send('14155550101.0', () => 'sent')).rejects.toMatchObject({ code: 'send_blocked' });
    const { invalid, allowed } = guard.filter(['14155550101.0', '14155550101']);
    expect([invalid, allowed]).toEqual([[{ item: '14155550101.0', index: 0 }], ['14155550101']]);
  });
});

async function allOf(guard: Guard) {
  const entries = [];
  for await (const entry of guard.optOuts()) entries.push(entry);
  return entries;
}

describe('every country', () => {
  it(
    'blocks a mobile number in every form after an opt-out in any of them',
    { timeout: 120_000 },
    async () => {
      const failures: unknown[] = [];
      let forms = 0;
      for (const country of getCountries()) {
        const example = getExampleNumber(country, examples);
        if (example === undefined) continue;
        const { countryCallingCode: code, nationalNumber } = example;
        const international = [
          ...[`+${code}${nationalNumber}`, code + nationalNumber, `00${code}${nationalNumber}`],
          ...[example.formatInternational(), example.getURI(), `+${code} (0)${nationalNumber}`],
          ...(NATIONAL_PREFIXES.get(code) ?? []).flatMap((prefix) => [
            ...[`+${code} ${prefix}${nationalNumber}`, `+${code} (${prefix}) ${nationalNumber}`],
            ...[`+${code}${prefix}${nationalNumber}`, code + prefix + nationalNumber],
          ]),
        ].filter((form) => form.replaceAll(/\D/g, '').replace(/^00/, '').length <= 15);
        for (const defaultCountry of [undefined, country]) {
          const written =
            defaultCountry === undefined ? international : [...international, example.formatNational()];
          forms += written.length;
          for (const out of written) {
            const guard = createGuard({ logger: silent, ...(defaultCountry ? { defaultCountry } : {}) });
            await guard.optOut(out);
            for (const asked of written) {
              const { reason } = guard.check(asked);
              if (reason !== 'opted_out') failures.push([country, defaultCountry, out, asked, reason]);
            }
            await guard.close();
          }
        }
      }
      expect(forms).toBeGreaterThan(4_000);
      expect(failures).toEqual([]);
      expect(getCountryCallingCode('GB')).toBe('44');
    },
  );
});
