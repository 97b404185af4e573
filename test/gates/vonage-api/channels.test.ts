/** One table of channels for both gates: a message passes unasked only by one that surely carries no text. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';
import { providerGates, type Api } from '../provider-gates.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';

let guard: TestGuard;
beforeAll(async () => {
  guard = await createTestGuard({ optedOut: [OUT] });
});
afterAll(() => guard.close());

/** Every place in which a request names the channel of a message. */
const places: readonly [string, Api, (channel: unknown, to: string) => object][] = [
  ['a message', '/v1/messages', (channel, to) => ({ channel, to, from: 'Acme' })],
  [
    'a message in the nested form',
    '/v1/messages',
    (type, number) => ({ to: { type, number }, from: { type, id: 'Acme' } }),
  ],
  [
    'a failover',
    '/v1/messages',
    (channel, to) => ({ channel: 'rcs', to: CLEAN, failover: [{ channel, to, from: 'Acme' }] }),
  ],
  ['a step of a workflow', '/v2/verify', (channel, to) => ({ brand: 'Acme', workflow: [{ channel, to }] })],
];

const others = [
  ...['whatsapp', 'whatsapp_interactive', 'messenger', 'viber_service', 'viber_service_msg', 'rcs'],
  ...['silent_auth', 'voice', 'email'],
];
const asked: readonly unknown[] = [
  ...['sms', 'mms', 'SMS', ' sms ', 'ＳＭＳ', 'sms2', 'rcs_sms', 'whatsapp,sms'],
  // Nobody knows these, of a later version of the provider's or misspelt.
  ...['kakao', 'text', 'viber', 'WhatsApp', ' whatsapp', 'whatsapp2', 'rcs-message', ''],
  ...[null, undefined, 7, true, [], ['whatsapp'], {}, { whatsapp: true }],
];

describe.each(providerGates)('by $name', ({ send }) => {
  describe.each(places)('%s', (_place, api, params) => {
    it.each(others)('passes by %s', async (channel) => {
      expect(await send(guard, api, params(channel, OUT))).toBe('sent');
      expect(await send(guard, api, params(channel, 'somebody'))).toBe('sent');
    });

    it.each(asked)('is asked about by %j', async (channel) => {
      expect(await send(guard, api, params(channel, OUT))).toBe('opted_out');
      expect(await send(guard, api, params(channel, 'somebody'))).toBe('invalid_number');
      expect(await send(guard, api, params(channel, CLEAN))).toBe('sent');
    });
  });

  it.each<[string, object]>([
    ['a failover', { channel: 'whatsapp', to: CLEAN, failover: [{ channel: 'sms' }] }],
    ['a failover of a failover', { channel: 'rcs', failover: { channel: 'voice', failover: { from: 'A' } } }],
    ['a message with a failover', { channel: 'sms', failover: [{ channel: 'whatsapp', to: CLEAN }] }],
  ])('%s by text that names nobody is refused', async (_what, params) => {
    expect(await send(guard, '/v1/messages', params)).toBe('invalid_number');
  });

  it.each<[string, object]>([
    ['two channels', { channel: 'whatsapp', Channel: 'sms', to: OUT }],
    ['a channel and another at its end', { channel: 'whatsapp', to: { type: 'sms', number: OUT } }],
    ['two ends of two channels', { to: { type: 'whatsapp', number: OUT }, from: { type: 'sms', id: 'A' } }],
    ['no channel', { to: OUT }],
  ])('a message of %s is asked about', async (_what, params) => {
    expect(await send(guard, '/v1/messages', params)).toBe('opted_out');
  });
});
