/** The rules of the client itself. end-to-end.test.ts tests with the simulator how it parses replies. */

import { MockAgent } from 'undici';
import { describe, expect, it, vi } from 'vitest';
import { ConfigError, ProviderError } from '../../../src/errors.ts';
import { vonage, type VonageOptions } from '../../../src/providers/vonage/client.ts';
import { startSimulator } from '../../../src/testing/index.ts';
import { createFakeClock, settle } from '../../fake-clock.ts';

const KEYS = { apiKey: 'key', apiSecret: 'a-secret-value' };

describe('the options', () => {
  it.each([
    ['no credentials', { apiKey: 'k' }],
    ['both', { ...KEYS, signature: { secret: 's', method: 'md5' } }],
    ['plain http', { ...KEYS, baseUrl: 'http://rest.example.com' }],
    ['a host that only looks like loopback', { ...KEYS, baseUrl: 'http://127.0.0.1.example.com' }],
    ['credentials in the URL', { ...KEYS, baseUrl: 'https://u:p@rest.example.com' }],
    ['a query', { ...KEYS, baseUrl: 'https://rest.example.com/?a=1' }],
    ['no URL', { ...KEYS, baseUrl: 'rest' }],
    ['an unknown signing method', { apiKey: 'k', signature: { secret: 's', method: 'crc' } }],
    ['endless retries', { ...KEYS, retries: Infinity }],
    ['a misspelt key', { ...KEYS, apisecret: 's' }],
    ['no object', 'key'],
  ])('reject %s, with an error that shows no secret', (_name, options) => {
    try {
      vonage(options as VonageOptions);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).not.toContain(KEYS.apiSecret);
    }
  });

  it.each(['https://rest.example.com', 'http://localhost:8080/', 'http://127.0.0.1:1', 'http://[::1]:1'])(
    'accept the base URL %s',
    (baseUrl) => {
      expect(() => vonage({ ...KEYS, baseUrl })).not.toThrow();
    },
  );
});

it('accepts undefined for every optional option', () => {
  const unset = {
    ...{ baseUrl: undefined, timeout: undefined, retries: undefined, dispatcher: undefined },
    ...{ clock: undefined, random: undefined },
  };
  // The compiler checks it too (exactOptionalPropertyTypes).
  const options: VonageOptions[] = [
    { ...KEYS, ...unset, signature: undefined },
    { apiKey: 'key', ...unset, apiSecret: undefined, signature: { secret: 's', method: 'sha256' } },
  ];
  for (const one of options) expect(vonage(one).account).toHaveLength(16);
});

describe('a reply', () => {
  const options = { ...KEYS, retries: 0 };
  const NOW = Date.UTC(2026, 0, 1, 12);
  async function pageOf(status: number, body: string, headers: Record<string, string>) {
    const agent = new MockAgent();
    agent.disableNetConnect();
    agent
      .get('https://rest.nexmo.com')
      .intercept({ path: /query/, method: 'POST' })
      .reply(status, body, { headers });
    const { signal } = new AbortController();
    return vonage({ ...options, dispatcher: agent, clock: createFakeClock() }).page({
      index: 0,
      size: 1,
      signal,
    });
  }

  it.each([
    [{ date: 'Thu, 01 Jan 2026 12:00:00 GMT' }, true],
    [{ date: 'Thu, 01 Jan 2026 12:00:00 GMT', age: '0' }, true],
    [{ date: 'Thu, 01 Jan 2026 12:00:00 GMT', age: '60' }, false],
    [{ date: '2026-01-01T12:00:00Z' }, false],
    [{ date: 'Thu, 99 Jan 2026 12:00:00 GMT' }, false],
    [{}, false],
  ])('gives the time of the provider with the headers %j: %s', async (headers, isKnown) => {
    const { serverTime } = await pageOf(200, '{"opt-in-list":[]}', headers);
    expect(serverTime).toBe(isKnown ? NOW : undefined);
  });

  it.each([
    [206, { 'content-type': 'application/json', 'content-range': 'rows 0-0/9' }],
    [200, { 'content-type': 'application/problem+json' }],
    [203, {}],
  ])('is no list with status %i and headers %j', async (status, headers) => {
    await expect(pageOf(status, '{"opt-in-list":[]}', headers)).rejects.toMatchObject({
      code: 'provider_bad_reply',
      httpStatus: status,
    });
  });

  it.each([
    [16 * 1024 * 1024, true],
    [16 * 1024 * 1024 + 1, false],
  ])('is accepted with %i bytes: %s', async (bytes, isAccepted) => {
    const body = '{"opt-in-list":[]}'.padEnd(bytes);
    if (isAccepted) expect(await pageOf(200, body, {})).toMatchObject({ rows: [] });
    else await expect(pageOf(200, body, {})).rejects.toMatchObject({ code: 'provider_reply_too_large' });
  });
});

describe('a failed request', () => {
  async function page(fault: object, change: Partial<VonageOptions> = {}) {
    const simulator = await startSimulator({ optOuts: 1 });
    const clock = createFakeClock();
    simulator.fault({ on: 'query', times: Infinity, ...fault });
    const { apiKey, apiSecret, url: baseUrl } = simulator;
    const provider = vonage({ apiKey, apiSecret, baseUrl, clock, random: () => 1, ...change });
    const ended = new AbortController();
    const result = provider
      .page({ index: 0, size: 10, signal: ended.signal })
      .catch((error: unknown) => error);
    const requests = (count: number) => vi.waitFor(() => expect(simulator.requests).toHaveLength(count));
    return { simulator, clock, result, ended, requests };
  }

  it('is retried after waits that double, until the retries are used up', async () => {
    const { simulator, clock, result, requests } = await page({ status: 500 });
    for (const [index, wait] of [500, 1_000, 2_000].entries()) {
      await requests(index + 1);
      await vi.waitFor(() => expect(clock.timers).toBe(1));
      await clock.advance(wait - 1);
      await settle();
      expect(simulator.requests).toHaveLength(index + 1);
      await clock.advance(1);
    }
    expect(await result).toMatchObject({ code: 'provider_unavailable', httpStatus: 500 });
    expect(simulator.requests).toHaveLength(4);
    await simulator.close();
  });

  it('is not retried if Retry-After is long', async () => {
    const { simulator, result } = await page({ status: 429, headers: { 'retry-after': '90' } });
    expect(await result).toMatchObject({ code: 'provider_throttled', retryAfterMs: 90_000 });
    expect(simulator.requests).toHaveLength(1);
    await simulator.close();
  });

  it('reads a date in Retry-After', async () => {
    const { simulator, result, clock } = await page({
      status: 503,
      headers: { 'retry-after': new Date(createFakeClock().now() + 60_000).toUTCString() },
    });
    expect(await result).toMatchObject({ retryAfterMs: 60_000 });
    expect(clock.timers).toBe(0);
    await simulator.close();
  });

  it.each<[string, string | string[], number | undefined]>([
    ['two values', ['7', '8'], 7_000],
    ['a text that is no time', 'soon', undefined],
    ['a time in the past', 'Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ])('reads Retry-After with %s', async (_name, header, retryAfterMs) => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    const reply = { headers: { 'retry-after': header } };
    agent.get('https://rest.nexmo.com').intercept({ path: /query/, method: 'POST' }).reply(429, '', reply);
    const provider = vonage({ ...KEYS, dispatcher: agent, retries: 0 });
    const { signal } = new AbortController();
    await expect(provider.page({ index: 0, size: 1, signal })).rejects.toMatchObject({
      code: 'provider_throttled',
      retryAfterMs,
    });
  });

  it.each<[string, unknown, string]>([
    ['an error without a code', new Error(KEYS.apiSecret), 'connection failed'],
    [
      'an error whose code is a sentence',
      Object.assign(new Error('x'), { code: 'a b' }),
      'connection failed',
    ],
    ['something that is no error', KEYS.apiSecret, 'connection failed'],
    ['an error with a code', Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'ECONNRESET'],
  ])('shows only the code of %s', async (_name, thrown, shown) => {
    const dispatcher = {
      dispatch() {
        throw thrown;
      },
    };
    const provider = vonage({ ...KEYS, dispatcher: dispatcher as never, retries: 0 });
    const { signal } = new AbortController();
    await expect(provider.page({ index: 0, size: 1, signal })).rejects.toMatchObject({
      code: 'provider_unreachable',
      message: `the provider could not be reached: ${shown}`,
    });
  });

  it.each([401, 404])('is not retried after HTTP %i', async (status) => {
    const { simulator, result } = await page({ status });
    expect(await result).toBeInstanceOf(ProviderError);
    expect(simulator.requests).toHaveLength(1);
    await simulator.close();
  });

  it('ends when the caller aborts it, before, during and between attempts', async () => {
    const stalled = await page({ stall: 'headers' });
    await stalled.requests(1);
    stalled.ended.abort();
    expect(await stalled.result).toMatchObject({ code: 'provider_aborted' });
    await stalled.simulator.close();

    const waiting = await page({ status: 500 });
    await waiting.requests(1);
    await vi.waitFor(() => expect(waiting.clock.timers).toBe(1));
    waiting.ended.abort(new ProviderError('provider_timeout', 'over'));
    expect(await waiting.result).toMatchObject({ code: 'provider_timeout' });
    expect(waiting.clock.timers).toBe(0);
    await waiting.simulator.close();

    const late = await page({ stall: 'headers' });
    await late.requests(1);
    late.ended.abort(new ProviderError('provider_timeout', 'over'));
    expect(await late.result).toMatchObject({ code: 'provider_timeout' });
    expect(late.clock.timers).toBe(0);
    await late.simulator.close();

    const provider = vonage({ ...KEYS, baseUrl: 'http://127.0.0.1:9' });
    const never = provider.page({ index: 0, size: 1, signal: AbortSignal.abort() });
    await expect(never).rejects.toMatchObject({ code: 'provider_aborted' });
  });

  it('has an error that shows no secret and no number', async () => {
    const provider = vonage({ ...KEYS, baseUrl: 'http://127.0.0.1:9', retries: 0 });
    const error: unknown = await provider
      .optIn?.('15551234567', { signal: AbortSignal.timeout(5_000) })
      .catch((thrown: unknown) => thrown);
    const { inspect } = await import('node:util');
    const shown = inspect(error, { depth: 10, showHidden: true });
    expect(shown).toContain('provider_unreachable');
    for (const secret of [KEYS.apiSecret, '15551234567']) expect(shown).not.toContain(secret);
  });
});
