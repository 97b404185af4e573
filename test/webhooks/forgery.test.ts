/** Requests that an attacker without the secret could make from captured ones. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSig, makeToken } from '../../src/testing/simulator/signing.ts';
import type { WebhookChange } from '../../src/webhooks/payload.ts';
import type { WebhooksOptions } from '../../src/webhooks/options.ts';
import { createReceiver } from '../../src/webhooks/receiver.ts';
import { START, createFakeClock } from '../fake-clock.ts';
import { answered, startReceiver } from './receiver-harness.ts';

const secret = 'my_secret_key_for_testing';
const SIG: WebhooksOptions = { signature: { secret, method: 'sha256' } };
const NOW = '2026-01-01 00:00:00';
const message = { msisdn: '15551234567', to: '73737', 'message-timestamp': NOW };

function harness(options: WebhooksOptions = SIG) {
  const changes: WebhookChange[] = [];
  const receiver = createReceiver(options, {
    clock: createFakeClock(),
    sink: {
      record: async (change) => (changes.push(change), 'recorded' as const),
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
  return { changes, get, post };
}

const signed = (parameters: Record<string, string>) => ({
  ...parameters,
  sig: makeSig(parameters, secret, 'sha256'),
});

describe('an opt-in', () => {
  it('does not come from a name that contains other parameters', async () => {
    const { sig } = signed({ ...message, keyword: 'START', text: 'Start the car', timestamp: '1' });
    const { get, changes } = harness();
    const forged = { ...message, keyword: 'START', 'text=Start the car&timestamp': '1', sig };
    expect([(await get(forged)).status, changes]).toEqual([401, []]);
  });

  it('does not come from a forged query with the body of a captured token', async () => {
    const body = JSON.stringify({ message_uuid: 'u', from: '15550000001', to: '73737', text: 'hello' });
    const authorization = `Bearer ${makeToken(body, secret, { apiKey: 'k', iat: START / 1000 })}`;
    const { get, changes } = harness({ jwt: { secret } });
    await get({ ...message, text: 'START' }, { headers: { authorization }, body: Buffer.from(body) });
    expect(changes.filter(({ isProven }) => isProven)).toEqual([]);
  });

  it.each([
    ['a keyword without its text', { keyword: 'START' }],
    ['a part whose index is unknown', { text: 'START', 'concat-ref': 'r', 'concat-total': '999' }],
    ['a part alone', { text: 'START', 'concat-ref': 'r', 'concat-total': '2', 'concat-part': '1' }],
  ])('does not come from %s', async (_name, parameters) => {
    const { get, changes } = harness();
    expect((await get(signed({ ...message, ...parameters }))).status).toBe(200);
    expect(changes).toEqual([]);
  });

  it.each([
    ['no time', undefined],
    ['an old time', START - 30 * 86_400_000],
  ])('does not come from a parse function that returns %s', async (_name, at) => {
    const time = at === undefined ? {} : { at };
    const parse = () => ({ msisdn: message.msisdn, direction: 'in' as const, isAuthentic: true, ...time });
    const { get, changes } = harness({ ...SIG, parse });
    expect((await get({})).status).toBe(200);
    expect(changes).toEqual([]);
  });
});

describe('an opt-out without a readable number', () => {
  it.each([
    ['without msisdn', '{"to":"73737","text":"STOP","messageId":"m"}'],
    ['with an empty msisdn', '{"msisdn":"","to":"73737","text":"STOP","messageId":"m"}'],
    ['with an odd msisdn', '{"msisdn":{"a":1},"to":"73737","text":"STOP","messageId":"m"}'],
    ['without from', '{"message_uuid":"u","channel":"sms","to":"73737","text":"STOP"}'],
    ['in a receipt without msisdn', '{"to":"73737","err-code":"9","status":"rejected","messageId":"m"}'],
  ])('is not answered as recorded: %s', async (_name, body) => {
    const { post, changes } = harness({ unsigned: 'block_only' });
    expect([(await post(body)).status, changes]).toEqual([400, []]);
  });
});

it('refuses JSON that is nested too deeply to be signed', async () => {
  const { post } = harness();
  expect((await post(`{"sig":"x","a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)).status).toBe(401);
});

describe('a number that sig does not distinguish from another', () => {
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
  ])('proves an opt-in only if it is unambiguous: %s', async (_name, change, status, optIns) => {
    const { get, changes } = startReceiver(SIG);
    expect((await get(signed({ ...START_WEBHOOK, ...change }))).status).toBe(status);
    expect(changes.filter(({ direction }) => direction === 'in')).toHaveLength(optIns);
  });

  it.each(['&', '='])('makes the request unsigned if msisdn contains %s', async (mark) => {
    const { get, refused } = startReceiver(SIG);
    expect((await get(signed({ ...START_WEBHOOK, msisdn: `1555${mark}1234567` }))).status).toBe(401);
    expect(refused[0]?.message).toMatch(/numbers contain & or =/);
  });

  it('may block if unsigned requests may', async () => {
    const { get, changes } = startReceiver({ ...SIG, unsigned: 'block_only' });
    for (const to of ['A&B', 'A=B', 'A_B']) await get(signed({ ...START_WEBHOOK, to, text: 'STOP' }));
    expect(changes).toMatchObject(Array.from({ length: 3 }, () => ({ direction: 'out', isProven: false })));
  });

  it('blocks with _ even if unsigned requests are refused', async () => {
    const { get, changes } = startReceiver(SIG);
    await get(signed({ ...START_WEBHOOK, to: 'My_Brand', text: 'STOP' }));
    expect(changes).toMatchObject([{ direction: 'out', sender: 'My_Brand', isProven: false }]);
  });

  it('is refused with 401 in every mode if sig is wrong', async () => {
    const { get } = startReceiver({ ...SIG, unsigned: 'block_only' });
    expect((await get({ ...START_WEBHOOK, to: 'A&B', sig: 'x' })).status).toBe(401);
  });

  it('is proven by a token, which covers every byte', async () => {
    const body = JSON.stringify({
      ...{ message_uuid: 'u', channel: 'sms', from: message.msisdn, to: 'A&B', text: 'START' },
      timestamp: '2026-01-01T00:00:00Z',
    });
    const authorization = `Bearer ${makeToken(body, secret, { apiKey: 'k', iat: START / 1000 })}`;
    const { post, changes } = startReceiver({ ...SIG, jwt: { secret } });
    expect((await post(body, { authorization })).status).toBe(200);
    expect(changes).toMatchObject([{ direction: 'in', sender: 'A&B', isProven: true }]);
  });

  it.each(['START&', 'START=', '_START_', 'START_'])(
    'may be in a text, but %s opts nobody in',
    async (text) => {
      const { get, changes } = startReceiver(SIG);
      expect(answered(await get(signed({ ...START_WEBHOOK, text })))).toEqual([200, 'ignored']);
      expect(changes).toEqual([]);
    },
  );
});

describe('a request derived from a signed one', () => {
  type Pairs = readonly (readonly [string, string])[];
  type Edit = (pairs: Pairs) => Pairs;
  const pick = <T>(items: readonly T[], at: number): T | undefined => items[at % Math.max(1, items.length)];
  const replaced = (pairs: Pairs, at: number, ...by: Pairs): Pairs =>
    pairs.toSpliced(at % pairs.length, 1, ...by);

  /** Edits that keep, or nearly keep, the signed string. */
  const edits: readonly ((at: number, where: number) => Edit)[] = [
    // Replace one of the three characters by another.
    (at, where) => (pairs) => {
      const marks = pairs.flatMap(([, value], index) =>
        [...value.matchAll(/[&=_]/g)].map((match) => [index, match.index] as const),
      );
      const [index, offset] = pick(marks, at) ?? [0, 0];
      const [name, value] = pairs[index] ?? ['', ''];
      if (marks.length === 0) return pairs;
      const mark = '&=_'[where % 3] ?? '';
      return replaced(pairs, index, [name, value.slice(0, offset) + mark + value.slice(offset + 1)]);
    },
    // Join two neighbours in one value.
    (at) => (pairs) => {
      const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
      const index = at % Math.max(1, sorted.length - 1);
      const [[name, value], [next, other]] = [sorted[index] ?? ['', ''], sorted[index + 1] ?? ['', '']];
      return sorted.toSpliced(index, 2, [name, `${value}&${next}=${other}`]);
    },
    // Join two neighbours in one name.
    (at) => (pairs) => {
      const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
      const index = at % Math.max(1, sorted.length - 1);
      const [[name, value], [next, other]] = [sorted[index] ?? ['', ''], sorted[index + 1] ?? ['', '']];
      return sorted.toSpliced(index, 2, [`${name}=${value}&${next}`, other]);
    },
    // Split a value into parameters.
    (at) => (pairs) => {
      const [name, value] = pairs[at % pairs.length] ?? ['', ''];
      const [first = '', ...rest] = value.split(/[&_]/);
      return replaced(pairs, at, [name, first], ...rest.map((one) => [one, ''] as const));
    },
    // Move characters between name and value.
    (at, where) => (pairs) => {
      const [name, value] = pairs[at % pairs.length] ?? ['', ''];
      const cut = where % (value.length + 1);
      return replaced(pairs, at, [`${name}=${value.slice(0, cut)}`, value.slice(cut)]);
    },
    // Add or remove blank parameters.
    (at, where) => (pairs) => [...pairs, [pick(NAMES, at) ?? '', pick(['', ' ', '\t'], where) ?? '']],
    () => (pairs) => pairs.filter(([, value]) => value.trim() !== ''),
    // Repeat or rename a parameter.
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
    const { receive, changes } = startReceiver(SIG);
    const derived = fc.tuple(
      original,
      fc.array(edit, { minLength: 1, maxLength: 2 }),
      fc.constantFrom('get', 'form', 'json'),
    );
    await fc.assert(
      fc.asyncProperty(derived, async ([given, appliedEdits, transport]) => {
        // Each request has an id of its own, since repetitions are not recorded again.
        const parameters = { ...given, messageId: `${given.messageId}${run++}` };
        const { sig } = signed(parameters);
        const pairs = appliedEdits.reduce<Pairs>(
          (before, change) => change(before),
          Object.entries(parameters),
        );
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
        for (const { direction, isProven, isStale, msisdn, sender, text, at } of changes.splice(0)) {
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
    // Some edits leave the request unchanged.
    expect(proven).toBeGreaterThan(0);
  });
});
