/**
 * One table of channels for both gates: a message is not checked only if its channel certainly carries no text
 * messages.
 */

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

/** Every form of a request that names the channel of a message. */
const forms: readonly [string, Api, (channel: unknown, to: string) => object][] = [
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

const uncheckedChannels = [
  ...['whatsapp', 'whatsapp_interactive', 'messenger', 'viber_service', 'viber_service_msg', 'rcs'],
  ...['silent_auth', 'voice', 'email'],
];
const checkedChannels: readonly unknown[] = [
  ...['sms', 'mms', 'SMS', ' sms ', 'ＳＭＳ', 'sms2', 'rcs_sms', 'whatsapp,sms'],
  // Unknown channels: of a later version of the provider's API, or misspelt.
  ...['kakao', 'text', 'viber', 'WhatsApp', ' whatsapp', 'whatsapp2', 'rcs-message', ''],
  ...[null, undefined, 7, true, [], ['whatsapp'], {}, { whatsapp: true }],
];

describe.each(providerGates)('by $name', ({ send }) => {
  describe.each(forms)('%s', (_form, api, params) => {
    it.each(uncheckedChannels)('is not checked with the channel %s', async (channel) => {
      expect(await send(guard, api, params(channel, OUT))).toBe('sent');
      expect(await send(guard, api, params(channel, 'somebody'))).toBe('sent');
    });

    it.each(checkedChannels)('is checked with the channel %j', async (channel) => {
      expect(await send(guard, api, params(channel, OUT))).toBe('opted_out');
      expect(await send(guard, api, params(channel, 'somebody'))).toBe('invalid_number');
      expect(await send(guard, api, params(channel, CLEAN))).toBe('sent');
    });
  });

  it.each<[string, object]>([
    ['the failover', { channel: 'whatsapp', to: CLEAN, failover: [{ channel: 'sms' }] }],
    [
      'the failover of the failover',
      { channel: 'rcs', failover: { channel: 'voice', failover: { from: 'A' } } },
    ],
    ['the message', { channel: 'sms', failover: [{ channel: 'whatsapp', to: CLEAN }] }],
  ])('refuses a message if %s is a text without a recipient', async (_what, params) => {
    expect(await send(guard, '/v1/messages', params)).toBe('invalid_number');
  });

  it.each<[string, object]>([
    ['two channels', { channel: 'whatsapp', Channel: 'sms', to: OUT }],
    ['a channel and another one in its to', { channel: 'whatsapp', to: { type: 'sms', number: OUT } }],
    [
      'different channels in to and from',
      { to: { type: 'whatsapp', number: OUT }, from: { type: 'sms', id: 'A' } },
    ],
    ['no channel', { to: OUT }],
  ])('checks a message with %s', async (_what, params) => {
    expect(await send(guard, '/v1/messages', params)).toBe('opted_out');
  });
});
