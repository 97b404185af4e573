/** What somebody without the secret could try with requests that were captured, cut or bent. */

import { describe, expect, it } from 'vitest';
import { makeSig, makeToken } from '../../src/testing/simulator/signing.ts';
import type { WebhookNews } from '../../src/webhooks/judgement.ts';
import type { WebhooksOptions } from '../../src/webhooks/options.ts';
import { createReceiver } from '../../src/webhooks/receiver.ts';
import { START, createFakeClock } from '../fake-clock.ts';

const secret = 'my_secret_key_for_testing';
const SIG: WebhooksOptions = { signature: { secret, method: 'sha256' } };
const NOW = '2026-01-01 00:00:00';
const message = { msisdn: '15551234567', to: '73737', 'message-timestamp': NOW };

function harness(options: WebhooksOptions = SIG) {
  const news: WebhookNews[] = [];
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
