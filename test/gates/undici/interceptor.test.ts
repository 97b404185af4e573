/** Sends through a guarded dispatcher: which are refused, and that nothing of them leaves. */

import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it, vi } from 'vitest';
import { Client, FormData, Pool, fetch as undiciFetch, request, stream, type Dispatcher } from 'undici';
import { guardDispatcher, installGlobalGuard } from '../../../src/gates/undici/interceptor.ts';
import { ConfigError, SendBlockedError, isSendBlocked } from '../../../src/index.ts';
import { CLEAN, LISTED, guard, open, server, startForEachTest } from './loopback-guard.ts';
import { agent, form, pieces, post, webStream } from './requests.ts';

startForEachTest();

describe('a refused send', () => {
  it('writes no byte', async () => {
    const dispatcher = agent();
    const blocked = vi.fn();
    guard.on('blocked', blocked);
    const error = await post(LISTED, dispatcher).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SendBlockedError);
    expect((error as SendBlockedError).decision).toMatchObject({ reason: 'opted_out', to: LISTED });
    expect(blocked).toHaveBeenCalledWith(expect.objectContaining({ gate: 'undici', observed: false }));
    expect(server.connections()).toBe(0);
  });

  it.each<[string, () => NonNullable<Dispatcher.DispatchOptions['body']> | ReadableStream]>([
    ['a string', () => `to=${LISTED}`],
    ['a buffer', () => Buffer.from(`to=${LISTED}`)],
    ['bytes', () => new TextEncoder().encode(`to=${LISTED}`)],
    ['an array buffer', () => new TextEncoder().encode(`to=${LISTED}`).buffer as never],
    ['a stream', () => Readable.from([Buffer.from('to='), Buffer.from(LISTED)])],
    ['a web stream', () => webStream('to=', LISTED)],
    ['an async iterable', () => pieces('to=', LISTED) as never],
    ['an iterable', () => [Buffer.from('to='), LISTED] as never],
    ['a blob', () => new Blob([`to=${LISTED}`]) as never],
  ])('is found in %s', async (_what, body) => {
    const call = request(`${server.origin}/sms/json`, {
      ...{ method: 'POST', headers: form, dispatcher: agent(), body: body() as Buffer },
    });
    await expect(call).rejects.toThrow(SendBlockedError);
    expect(server.connections()).toBe(0);
  });

  it.each<[string, Partial<Parameters<typeof request>[1]> & object, RegExp]>([
    ['no recipient', { body: 'text=hi' }, /no recipient/],
    ['an unreadable number', { body: 'to=me' }, /no recipient/],
    [
      'an unknown recipient in a compressed body',
      { body: 'x', headers: { 'content-encoding': 'gzip' } },
      /compressed/,
    ],
    [
      'an unknown recipient in a body with two types',
      { body: `to=${CLEAN}`, headers: ['content-type', 'text/plain', 'Content-Type', 'a/b'] },
      /neither/,
    ],
    [
      'an unknown recipient in a body over the limit',
      { body: `to=${CLEAN}&text=${'x'.repeat(2048)}` },
      /over 1024/,
    ],
    [
      'an unknown recipient in a stream over the limit',
      { body: Readable.from([`to=${CLEAN}`, 'x'.repeat(2048)]) },
      /cannot be read/,
    ],
    [
      'an unknown recipient in a blob over the limit',
      { body: new Blob(['x'.repeat(2048)]) as never },
      /cannot be read/,
    ],
    ['an unknown recipient in a FormData', { body: new FormData() }, /cannot be read/],
    ['an unknown recipient in a value that is no body', { body: 7 as never }, /cannot be read/],
  ])('is a send to %s', async (_recipient, options, why) => {
    const dispatcher = agent({ maxBody: '1kb' });
    const error = await request(`${server.origin}/sms/json`, {
      method: 'POST',
      dispatcher,
      ...options,
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SendBlockedError);
    expect((error as SendBlockedError).decision.reason).toBe('invalid_number');
    if (!(why.source === 'no recipient' && options.body === 'to=me')) {
      expect(String((error as SendBlockedError).cause)).toMatch(why);
    }
    expect(server.connections()).toBe(0);
  });

  it('ends its stream', async () => {
    const body = new Readable({ read() {} });
    body.push(`to=${LISTED}`);
    body.push('x'.repeat(2048));
    const call = request(`${server.origin}/sms/json`, {
      ...{ method: 'POST', body, dispatcher: agent({ maxBody: '1kb' }) },
    });
    await expect(call).rejects.toThrow(SendBlockedError);
    expect(body.destroyed).toBe(true);
  });

  it('is found by its query, by the options’ query and by every client', async () => {
    const url = `${server.origin}/sms/json`;
    const dispatcher = agent();
    await expect(request(`${url}?to=${LISTED}`, { dispatcher })).rejects.toThrow(SendBlockedError);
    await expect(request(url, { query: { to: [CLEAN, LISTED] }, dispatcher })).rejects.toThrow(
      SendBlockedError,
    );
    const bound = [new Client(server.origin), new Pool(server.origin)];
    open.push(...bound.map((one) => () => one.close()));
    for (const one of bound) {
      // An interceptor cannot know the host that a client is bound to: only the path decides.
      const composed = one.compose(guardDispatcher(guard));
      await expect(composed.request({ path: `/sms/json?to=${LISTED}`, method: 'GET' })).rejects.toThrow(
        SendBlockedError,
      );
    }
    expect(server.connections()).toBe(0);
  });

  it('is found by a host header and by an absolute path', async () => {
    const dispatcher = agent({ hosts: [] });
    for (const headers of [
      { host: 'rest.nexmo.com' },
      [['Host', 'rest.nexmo.com']].values(),
      new Map([['host', ['rest.nexmo.com']]]),
    ]) {
      const call = request(`${server.origin}/sms/json?to=${LISTED}`, {
        headers: headers as never,
        dispatcher,
      });
      await expect(call).rejects.toThrow(SendBlockedError);
    }
    const path = `https://rest.nexmo.com/sms/json?to=${LISTED}`;
    await expect(dispatcher.request({ origin: server.origin, path, method: 'GET' })).rejects.toThrow(
      SendBlockedError,
    );
    expect(server.connections()).toBe(0);
  });

  it('fails as a stream and as a pipeline', async () => {
    const dispatcher = agent();
    const options = { method: 'POST' as const, headers: form, body: `to=${LISTED}`, dispatcher };
    await expect(stream(`${server.origin}/sms/json`, options, () => process.stdout)).rejects.toThrow(
      SendBlockedError,
    );
    const duplex = dispatcher.pipeline(
      { origin: server.origin, path: '/sms/json', method: 'POST', headers: form },
      ({ body }) => body,
    );
    await expect(
      pipeline([`to=${LISTED}`], duplex, async (read: AsyncIterable<unknown>) => {
        for await (const chunk of read) expect(chunk).toBeUndefined();
      }),
    ).rejects.toThrow(SendBlockedError);
    expect(server.connections()).toBe(0);
  });

  it('fails every fetch, with its error as the cause', async () => {
    const dispatcher = agent();
    const bodies = [
      `to=${LISTED}`,
      new URLSearchParams({ to: LISTED }),
      new Blob([`to=${LISTED}`]),
      webStream('to=', LISTED),
    ];
    for (const body of bodies) {
      const call = undiciFetch(`${server.origin}/sms/json`, {
        ...{ method: 'POST', body: body as string, duplex: 'half', dispatcher },
      });
      const error = await call.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TypeError);
      expect(isSendBlocked(error)).toBe(true);
    }
    expect(server.connections()).toBe(0);
  });

  it('is checked against the list of its sender', async () => {
    const dispatcher = agent();
    await guard.optOut('15551230009', { list: 'default' });
    await expect(post('15551230009&from=Brand', dispatcher)).rejects.toThrow(SendBlockedError);
  });
});

it('writes no byte even to a server that only listens', async () => {
  let bytes = 0;
  const raw = createServer((socket) => socket.on('data', (chunk) => (bytes += chunk.length)));
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
  const { port } = raw.address() as { port: number };
  const dispatcher = agent({ hosts: ['127.0.0.1'] });
  await expect(request(`http://127.0.0.1:${port}/sms/json?to=${LISTED}`, { dispatcher })).rejects.toThrow(
    SendBlockedError,
  );
  expect(bytes).toBe(0);
  raw.close();
});

describe('observing', () => {
  it('allows every send and reports the blocked ones', async () => {
    const dispatcher = agent({ onBlocked: 'observe', maxBody: '1kb' });
    const [blocked, warn] = [vi.fn(), vi.fn()];
    guard.on('blocked', blocked);
    guard.on('warn', warn);
    const big = `to=${LISTED}&text=${'x'.repeat(2048)}`;
    await post(LISTED, dispatcher);
    await post('me', dispatcher);
    const url = `${server.origin}/sms/json`;
    await request(url, { method: 'POST', body: Readable.from([big, big, 'end']), dispatcher });
    await request(url, { method: 'POST', body: new Blob([big]) as never, dispatcher });
    const fields = new FormData();
    fields.set('to', LISTED);
    await request(url, { method: 'POST', body: fields, dispatcher });
    expect(server.received.map(({ body }) => body).slice(2, 4)).toEqual([`${big}${big}end`, big]);
    expect(blocked).toHaveBeenCalledTimes(5);
    expect(blocked).toHaveBeenCalledWith(expect.objectContaining({ gate: 'undici', observed: true }));
    expect(warn).toHaveBeenCalledTimes(1);
    const body = Readable.from(
      (async function* () {
        yield big;
        throw new Error('cut off');
      })(),
    );
    await expect(request(url, { method: 'POST', body, dispatcher })).rejects.toThrow('cut off');
  });
});

describe('options', () => {
  it.each([{ host: [] }, { hosts: ['http://x'] }, { rules: [{}] }, { maxBody: 1 }, { onBlocked: 'strip' }])(
    'refuse %j',
    (bad) => {
      expect(() => guardDispatcher(guard, bad as never)).toThrow(ConfigError);
      expect(() => installGlobalGuard(guard, bad as never)).toThrow(ConfigError);
    },
  );

  it('refuse a value that is no guard', () => {
    expect(() => guardDispatcher({} as never)).toThrow(ConfigError);
  });
});
