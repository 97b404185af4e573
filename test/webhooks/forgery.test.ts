/** What somebody without the secret could try with requests that were captured, cut or bent. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSig, makeToken } from '../../src/testing/simulator/signing.ts';
import type { WebhookChange } from '../../src/webhooks/payload.ts';
import type { WebhooksOptions } from '../../src/webhooks/options.ts';
import { createReceiver } from '../../src/webhooks/receiver.ts';
import { START, createFakeClock } from '../fake-clock.ts';
import { said, startReceiver } from './receiver-harness.ts';

const secret = 'my_secret_key_for_testing';
const SIG: WebhooksOptions = { signature: { secret, method: 'sha256' } };
const NOW = '2026-01-01 00:00:00';
const message = { msisdn: '15551234567', to: '73737', 'message-timestamp': NOW };

function harness(options: WebhooksOptions = SIG) {
  const news: WebhookChange[] = [];
  const receiver = createReceiver(options, {
    clock: createFakeClock(),
    sink: {
      record: async (told) => (news.push(told), 'recorded' as const),
      unclear() {},
      warn() {},
      failed() {},
      refused() {
        throw new Error('a listener that fails');
      },
    },
  });
  const get = (parameters: Record<string, string>, change: object = {}) =>
    receiver.receive({
      method: 'GET',
      url: `/?${new URLSearchParams(parameters).toString()}`,
      headers: {},
      ...change,
    });
  const post = (body: string) =>
    receiver.receive({ method: 'POST', url: '/', headers: {}, body: Buffer.from(body) });
  return { news, get, post };
}

const signed = (parameters: Record<string, string>) => ({
  ...parameters,
  sig: makeSig(parameters, secret, 'sha256'),
});

describe('no opt-in comes from', () => {
  it('a name that swallows its neighbour', async () => {
    const { sig } = signed({ ...message, keyword: 'START', text: 'Start the car', timestamp: '1' });
    const { get, news } = harness();
    const bent = { ...message, keyword: 'START', 'text=Start the car&timestamp': '1', sig };
    expect([(await get(bent)).status, news]).toEqual([401, []]);
  });

  it('the body of a captured token beside a query of one’s own', async () => {
    const body = JSON.stringify({ message_uuid: 'u', from: '15550000001', to: '73737', text: 'hello' });
    const authorization = `Bearer ${makeToken(body, secret, { apiKey: 'k', iat: START / 1000 })}`;
    const { get, news } = harness({ jwt: { secret } });
    await get({ ...message, text: 'START' }, { headers: { authorization }, body: Buffer.from(body) });
    expect(news.filter(({ isProven }) => isProven)).toEqual([]);
  });

  it.each([
    ['a keyword without its text', { keyword: 'START' }],
    ['a part whose place is unknown', { text: 'START', 'concat-ref': 'r', 'concat-total': '999' }],
    ['a part alone', { text: 'START', 'concat-ref': 'r', 'concat-total': '2', 'concat-part': '1' }],
  ])('%s', async (_name, parameters) => {
    const { get, news } = harness();
    expect((await get(signed({ ...message, ...parameters }))).status).toBe(200);
    expect(news).toEqual([]);
  });

  it.each([
    ['no time', undefined],
    ['an old time', START - 30 * 86_400_000],
  ])('a dialect of the user with %s', async (_name, at) => {
    const time = at === undefined ? {} : { at };
    const parse = () => ({ msisdn: message.msisdn, direction: 'in' as const, isAuthentic: true, ...time });
    const { get, news } = harness({ ...SIG, parse });
    expect((await get({})).status).toBe(200);
    expect(news).toEqual([]);
  });
});

describe('no opt-out is answered as done', () => {
  it.each([
    ['without msisdn', '{"to":"73737","text":"STOP","messageId":"m"}'],
    ['with an empty msisdn', '{"msisdn":"","to":"73737","text":"STOP","messageId":"m"}'],
    ['with an odd msisdn', '{"msisdn":{"a":1},"to":"73737","text":"STOP","messageId":"m"}'],
    ['without from', '{"message_uuid":"u","channel":"sms","to":"73737","text":"STOP"}'],
    ['in a receipt without msisdn', '{"to":"73737","err-code":"9","status":"rejected","messageId":"m"}'],
  ])('%s', async (_name, body) => {
    const { post, news } = harness({ unsigned: 'block_only' });
    expect([(await post(body)).status, news]).toEqual([400, []]);
  });
});

it('JSON that is nested too deeply to be signed is refused', async () => {
  const { post } = harness();
  expect((await post(`{"sig":"x","a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)).status).toBe(401);
});

describe('a number that sig does not tell from another', () => {
  const START_WEBHOOK = { ...message, text: 'START', messageId: 'm' };
  it.each<[string, Record<string, string>, number, number]>([
    ['plain numbers', {}, 200, 1],
    ['to with &', { to: 'A&B' }, 401, 0],
    ['to with =', { to: 'A=B' }, 401, 0],
    ['to with _', { to: 'A_B' }, 200, 0],
    ['from with &', { from: '1&1' }, 401, 0],
    ['from with =', { from: '=' }, 401, 0],
    ['from with _', { from: '_' }, 200, 0],
    ['another parameter with &, = and _', { color: '&=_' }, 200, 1],
  ])('counts as said: %s', async (_name, change, status, optIns) => {
    const { get, news } = startReceiver(SIG);
    expect((await get(signed({ ...START_WEBHOOK, ...change }))).status).toBe(status);
    expect(news.filter(({ direction }) => direction === 'in')).toHaveLength(optIns);
  });

  it.each(['&', '='])('counts as unsigned in msisdn: %s', async (mark) => {
    const { get, refused } = startReceiver(SIG);
    expect((await get(signed({ ...START_WEBHOOK, msisdn: `1555${mark}1234567` }))).status).toBe(401);
    expect(refused[0]?.message).toMatch(/numbers contain & or =/);
  });

  it('may block, where unsigned requests may', async () => {
    const { get, news } = startReceiver({ ...SIG, unsigned: 'block_only' });
    for (const to of ['A&B', 'A=B', 'A_B']) await get(signed({ ...START_WEBHOOK, to, text: 'STOP' }));
    expect(news).toMatchObject(Array.from({ length: 3 }, () => ({ direction: 'out', isProven: false })));
  });

  it('blocks with _ also where unsigned requests are refused', async () => {
    const { get, news } = startReceiver(SIG);
    await get(signed({ ...START_WEBHOOK, to: 'My_Brand', text: 'STOP' }));
    expect(news).toMatchObject([{ direction: 'out', sender: 'My_Brand', isProven: false }]);
  });

  it('is 401 in every mode where sig does not fit', async () => {
    const { get } = startReceiver({ ...SIG, unsigned: 'block_only' });
    expect((await get({ ...START_WEBHOOK, to: 'A&B', sig: 'x' })).status).toBe(401);
  });

  it('is proven by a token, which covers every byte', async () => {
    const body = JSON.stringify({
      ...{ message_uuid: 'u', channel: 'sms', from: message.msisdn, to: 'A&B', text: 'START' },
      timestamp: '2026-01-01T00:00:00Z',
    });
    const authorization = `Bearer ${makeToken(body, secret, { apiKey: 'k', iat: START / 1000 })}`;
    const { post, news } = startReceiver({ ...SIG, jwt: { secret } });
    expect((await post(body, { authorization })).status).toBe(200);
    expect(news).toMatchObject([{ direction: 'in', sender: 'A&B', isProven: true }]);
  });

  it.each(['START&', 'START=', '_START_', 'START_'])(
    'is no matter of texts, but %s opts nobody in',
    async (text) => {
      const { get, news } = startReceiver(SIG);
      expect(said(await get(signed({ ...START_WEBHOOK, text })))).toEqual([200, 'ignored']);
      expect(news).toEqual([]);
    },
  );
});

describe('a request derived from a signed one', () => {
  type Pairs = readonly (readonly [string, string])[];
  type Edit = (pairs: Pairs) => Pairs;
  const pick = <T>(items: readonly T[], at: number): T | undefined => items[at % Math.max(1, items.length)];
  const replaced = (pairs: Pairs, at: number, ...by: Pairs): Pairs =>
    pairs.toSpliced(at % pairs.length, 1, ...by);

  /** Edits that keep, or nearly keep, the text that is signed. */
  const edits: readonly ((at: number, where: number) => Edit)[] = [
    // One of the three characters for another.
    (at, where) => (pairs) => {
      const places = pairs.flatMap(([, value], index) =>
        [...value.matchAll(/[&=_]/g)].map((match) => [index, match.index] as const),
      );
      const [index, place] = pick(places, at) ?? [0, 0];
      const [name, value] = pairs[index] ?? ['', ''];
      if (places.length === 0) return pairs;
      const mark = '&=_'[where % 3] ?? '';
      return replaced(pairs, index, [name, value.slice(0, place) + mark + value.slice(place + 1)]);
    },
    // Two neighbours as one value.
    (at) => (pairs) => {
      const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
      const place = at % Math.max(1, sorted.length - 1);
      const [[name, value], [next, other]] = [sorted[place] ?? ['', ''], sorted[place + 1] ?? ['', '']];
      return sorted.toSpliced(place, 2, [name, `${value}&${next}=${other}`]);
    },
    // Two neighbours as one name.
    (at) => (pairs) => {
      const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
      const place = at % Math.max(1, sorted.length - 1);
      const [[name, value], [next, other]] = [sorted[place] ?? ['', ''], sorted[place + 1] ?? ['', '']];
      return sorted.toSpliced(place, 2, [`${name}=${value}&${next}`, other]);
    },
    // A value cut into parameters.
    (at) => (pairs) => {
      const [name, value] = pairs[at % pairs.length] ?? ['', ''];
      const [first = '', ...rest] = value.split(/[&_]/);
      return replaced(pairs, at, [name, first], ...rest.map((one) => [one, ''] as const));
    },
    // Characters moved between name and value.
    (at, where) => (pairs) => {
      const [name, value] = pairs[at % pairs.length] ?? ['', ''];
      const cut = where % (value.length + 1);
      return replaced(pairs, at, [`${name}=${value.slice(0, cut)}`, value.slice(cut)]);
    },
    // Blank parameters more, or fewer.
    (at, where) => (pairs) => [...pairs, [pick(NAMES, at) ?? '', pick(['', ' ', '\t'], where) ?? '']],
    () => (pairs) => pairs.filter(([, value]) => value.trim() !== ''),
    // A parameter twice, or under another name.
    (at, where) => (pairs) => [...pairs, [pairs[at % pairs.length]?.[0] ?? '', pick(TEXTS, where) ?? '']],
    (at, where) => (pairs) =>
      replaced(pairs, at, [pick(NAMES, where) ?? '', pairs[at % pairs.length]?.[1] ?? '']),
  ];
  const NAMES = [
    'msisdn',
    'to',
    'from',
    'text',
    'keyword',
    'type',
    'message-timestamp',
    'concat-ref',
    'message_uuid',
  ];
  const TEXTS = [
    'START',
    'START_',
    '&START',
    'Start the car',
    'x&text=START',
    'x_text_START',
    'STOP',
    '',
    ' ',
  ];

  const original = fc.record({
    msisdn: fc.constantFrom('15551234567', '15551234568'),
    to: fc.constantFrom('73737', '73737', '73737', 'A&B', 'A_B', 'A=B', '73737&to=84848'),
    text: fc.oneof(
      { weight: 3, arbitrary: fc.constant('START') },
      { weight: 2, arbitrary: fc.constantFrom(...TEXTS) },
    ),
    keyword: fc.constantFrom('START', 'STOP', ''),
    'message-timestamp': fc.constantFrom(NOW, '2025-12-31 23:59:59', '2026-01-01_00:00:00'),
    messageId: fc.constantFrom('m', 'a_b'),
    extra: fc.constantFrom('', ' ', 'a&text=START', 'x=START'),
  });
  const edit = fc
    .tuple(fc.oneof(fc.constant(0), fc.nat({ max: edits.length - 1 })), fc.nat(30), fc.nat(30))
    .map(([kind, at, where]) => edits[kind]?.(at, where) ?? ((pairs: Pairs) => pairs));

  it('proves no opt-in of another number, list, text or time', async () => {
    let proven = 0;
    let run = 0;
    const { receive, news } = startReceiver(SIG);
    const derived = fc.tuple(
      original,
      fc.array(edit, { minLength: 1, maxLength: 2 }),
      fc.constantFrom('get', 'form', 'json'),
    );
    await fc.assert(
      fc.asyncProperty(derived, async ([given, changes, transport]) => {
        // An id of its own: what was told before is not told again.
        const parameters = { ...given, messageId: `${given.messageId}${run++}` };
        const { sig } = signed(parameters);
        const pairs = changes.reduce<Pairs>((before, change) => change(before), Object.entries(parameters));
        const query = new URLSearchParams([
          ...pairs.map(([name, value]) => [name, value] as [string, string]),
          ['sig', sig],
        ]);
        const json = JSON.stringify({ ...Object.fromEntries(pairs), sig });
        const post = { method: 'POST', url: '/', headers: {} };
        await receive(
          transport === 'get'
            ? { method: 'GET', url: `/?${query.toString()}`, headers: {} }
            : { ...post, body: Buffer.from(transport === 'form' ? query.toString() : json) },
        );
        for (const { direction, isProven, isStale, msisdn, sender, text, at } of news.splice(0)) {
          if (direction !== 'in' || !isProven || isStale) continue;
          proven++;
          expect({ msisdn, sender, text }).toEqual({
            ...{ msisdn: parameters.msisdn, sender: parameters.to, text: parameters.text },
          });
          expect(new Date(at ?? 0).toISOString().slice(0, 19).replace('T', ' ')).toBe(
            parameters['message-timestamp'],
          );
        }
      }),
      { numRuns: 4_000 },
    );
    // The edits leave some requests as they were signed.
    expect(proven).toBeGreaterThan(0);
  });
});
