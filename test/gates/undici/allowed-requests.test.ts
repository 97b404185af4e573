/** Requests that may pass a guarded dispatcher arrive as they were made. */

import { Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { errors, request, type Dispatcher } from 'undici';
import { guardDispatcher } from '../../../src/gates/undici/interceptor.ts';
import { CLEAN, LISTED, guard, server, startForEachTest } from './loopback-guard.ts';
import { agent, form, pieces } from './requests.ts';

startForEachTest();

describe('an allowed request', () => {
  it('arrives unchanged', async () => {
    const dispatcher = agent();
    const body = `text=%00%ff+ü&to=%2B${CLEAN}`;
    const url = `${server.origin}/sms/json?a=1&a=%20`;
    await request(url, { method: 'POST', headers: { ...form, 'x-own': 'Ä' }, body, dispatcher });
    await request(url, {
      method: 'POST',
      headers: ['x-own', 'Ä', 'content-length', '17'],
      body: Readable.from([`to=${CLEAN}&`, 'a=']),
      dispatcher,
    }).catch(() => undefined);
    await request(url, {
      method: 'POST',
      headers: form,
      body: Readable.from([body.slice(0, 9), Buffer.from(body.slice(9))]),
      dispatcher,
    });
    const [first, , last] =
      server.received.length === 3
        ? server.received
        : [server.received[0], undefined, server.received.at(-1)];
    expect(first).toMatchObject({ method: 'POST', path: '/sms/json?a=1&a=%20', headers: { 'x-own': 'Ä' } });
    expect(first?.body).toBe(Buffer.from(body).toString('latin1'));
    expect(last?.body).toBe(first?.body);
  });

  it('is every request that is no send, unchanged', () => {
    // It checks the origin, as an agent does. A dispatcher that does not may be bound to the provider.
    const dispatch = vi.fn<Dispatcher['dispatch']>((opts, handler) => {
      if (Object(opts) === opts && typeof opts.origin === 'object' && !(opts.origin instanceof URL)) {
        handler.onError?.(new errors.InvalidArgumentError('opts.origin must be a non-empty string or URL.'));
      }
      return false;
    });
    const compose = guardDispatcher(guard)(dispatch);
    const handler = {};
    for (const opts of [
      { origin: 'https://example.com', path: '/sms/json', method: 'POST', body: `to=${LISTED}` },
      { origin: 'https://rest.nexmo.com', path: '/sc/us/alert/opt-in/query/json', method: 'POST' },
      {
        origin: 'https://rest.nexmo.com',
        path: '/sc/us/alert/opt-in/manage/json',
        method: 'POST',
        body: `msisdn=${LISTED}`,
      },
      { origin: new URL('https://api.nexmo.com'), path: '/v1/messages/1', method: 'PATCH', headers: null },
      { path: '/' },
      { origin: 'http://example.com', path: '/sms/json', method: 'POST' },
      { path: 7 },
      undefined,
      null,
    ] as never[]) {
      expect(compose(opts, handler)).toBe(false);
      expect(dispatch).toHaveBeenLastCalledWith(opts, handler);
    }
  });

  it('can be a message by another channel', async () => {
    const body = JSON.stringify({ channel: 'whatsapp', to: LISTED });
    const call = request(`${server.origin}/v1/messages`, { method: 'POST', body, dispatcher: agent() });
    expect((await call).statusCode).toBe(200);
  });

  it('fails with the error of its body', async () => {
    const dispatcher = agent();
    const broken = new Readable({ read: () => void broken.destroy(new Error('broken')) });
    const url = `${server.origin}/sms/json`;
    await expect(request(url, { method: 'POST', body: broken, dispatcher })).rejects.toThrow('broken');
    async function* strange() {
      yield 'to=';
      // eslint-disable-next-line no-throw-literal
      throw 'no error' as unknown;
    }
    await expect(request(url, { method: 'POST', body: strange() as never, dispatcher })).rejects.toBe(
      'no error',
    );
    await expect(request(url, { method: 'POST', body: pieces({}) as never, dispatcher })).rejects.toThrow(
      'chunk',
    );
    expect(server.connections()).toBe(0);
  });

  it('fails if its body throws undefined', async () => {
    async function* nothing() {
      yield 'to=';
      // eslint-disable-next-line no-throw-literal
      throw undefined as unknown;
    }
    const options = { method: 'POST', body: nothing() as never, dispatcher: agent() } as const;
    await expect(request(`${server.origin}/sms/json`, options)).rejects.toThrow('the request failed');
  });

  it('fails with the error of its headers', async () => {
    const headers = {
      next: () => ({ done: true, value: undefined }),
      [Symbol.iterator]() {
        throw new Error('no headers');
      },
    };
    const call = request(`${server.origin}/sms/json`, { headers: headers as never, dispatcher: agent() });
    await expect(call).rejects.toThrow('no headers');
  });
});
