import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Agent,
  Client,
  FormData,
  MockAgent,
  Pool,
  ProxyAgent,
  errors,
  fetch as undiciFetch,
  getGlobalDispatcher,
  interceptors,
  request,
  setGlobalDispatcher,
  stream,
  type Dispatcher,
} from 'undici';
import { ConfigError, SendBlockedError, isSendBlocked } from '../../../src/index.ts';
import {
  guardDispatcher,
  installGlobalGuard,
  type UndiciGuardOptions,
} from '../../../src/gates/undici/interceptor.ts';
import { endBody } from '../../../src/gates/undici/body.ts';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';
import { startLoopback, type Loopback } from '../loopback.ts';

const LISTED = '15551230001';
const CLEAN = '15551230002';
const form = { 'content-type': 'application/x-www-form-urlencoded' };

let guard: TestGuard;
let server: Loopback;
let opened: (Dispatcher & { close(): Promise<void> })[] = [];

beforeEach(async () => {
  guard = await createTestGuard({ optedOut: [LISTED] });
  server = await startLoopback();
});
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()));
  opened = [];
  await server[Symbol.asyncDispose]();
  await guard.close();
});

function agent(options: UndiciGuardOptions = {}): Dispatcher {
  const made = new Agent();
  opened.push(made);
  return made.compose(guardDispatcher(guard, { hosts: [server.host], ...options }));
}

/** Sends a form. */
const post = (to: string, dispatcher: Dispatcher, path = '/sms/json') =>
  request(`${server.origin}${path}`, { method: 'POST', headers: form, body: `to=${to}&text=hi`, dispatcher });

async function* pieces(...parts: readonly unknown[]) {
  yield* parts as string[];
}

function webStream(...parts: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(Buffer.from(part));
      controller.close();
    },
  });
}

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
    opened.push(...bound);
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

describe('an abort', () => {
  const waiting = () => new Readable({ read() {} });

  it.each([
    ['before the body is read', true],
    ['while the body is read', false],
  ])('%s ends the request and its body', async (_when, isBefore) => {
    const ended = new AbortController();
    if (isBefore) ended.abort();
    const body = waiting();
    const call = request(`${server.origin}/sms/json`, {
      ...{ method: 'POST', body, signal: ended.signal, dispatcher: agent() },
    });
    setImmediate(() => ended.abort());
    await expect(call).rejects.toThrow(/abort/);
    expect(body.destroyed).toBe(true);
    expect(server.connections()).toBe(0);
  });

  it('ends a fetch whose body is still being read', async () => {
    const ended = new AbortController();
    const body = new ReadableStream({ pull: () => new Promise(() => undefined) });
    const call = undiciFetch(`${server.origin}/sms/json`, {
      ...{ method: 'POST', body, duplex: 'half', signal: ended.signal, dispatcher: agent() },
    });
    setImmediate(() => ended.abort());
    await expect(call).rejects.toThrow(/abort/);
  });

  it.each(['new', 'old'])('can be made by handlers of the %s interface at any time', async (kind) => {
    for (const when of ['start', 'wait', 'handed over', 'under way'] as const) {
      let abort: (reason?: Error) => void = () => undefined;
      let starts = 0;
      const failures: Error[] = [];
      const onStart = (given: (reason?: Error) => void) => {
        if (starts++ === 0) abort = given;
        if (when === 'start') abort();
      };
      const handler: Dispatcher.DispatchHandler =
        kind === 'old'
          ? { onConnect: onStart, onError: (error) => void failures.push(error) }
          : {
              onRequestStart(controller) {
                expect([controller.aborted, controller.paused]).toEqual([false, false]);
                controller.pause();
                controller.resume();
                onStart((reason) => {
                  controller.abort(reason ?? (undefined as never));
                  if (starts === 1) expect(controller.reason).toBeInstanceOf(Error);
                });
              },
              onResponseError: (_controller, error) => void failures.push(error),
            };
      const inner = vi.fn<(reason?: Error) => void>();
      const controller = {
        abort: inner,
        aborted: false,
        paused: false,
        pause() {},
        resume() {},
      } as unknown as Dispatcher.DispatchController;
      const dispatch = vi.fn((_opts: unknown, given: Dispatcher.DispatchHandler) => {
        if (when === 'handed over') abort();
        given.onConnect?.(inner);
        given.onRequestStart?.(controller, {});
        if (when === 'under way') abort(new Error('late'));
        abort();
        return true;
      });
      const opts = { path: '/sms/json', method: 'POST', body: pieces(`to=${CLEAN}`) } as never;
      guardDispatcher(guard)(dispatch)(opts, handler);
      if (when === 'wait') abort();
      await vi.waitFor(() => expect(failures.length + inner.mock.calls.length).toBe(1));
      expect(dispatch).toHaveBeenCalledTimes(when === 'start' || when === 'wait' ? 0 : 1);
      expect(starts).toBe(when === 'under way' ? 2 : 1);
    }
  });

  it('throws as in undici if the handler has no error method', () => {
    const dispatch = guardDispatcher(guard)(() => true);
    expect(() => dispatch({ path: `/sms/json?to=${LISTED}`, method: 'GET' }, {})).toThrow(SendBlockedError);
    const onError = vi.fn();
    const handler = {
      onError,
      onConnect() {
        throw new Error('broken handler');
      },
    };
    expect(dispatch({ path: '/sms/json', method: 'POST', body: webStream('x') as never }, handler)).toBe(
      true,
    );
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ message: 'broken handler' }));
  });
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

describe('a recorded opt-out', () => {
  const refusal = JSON.stringify({ messages: [{ status: '102', to: CLEAN }] });
  const encoded: Record<string, (text: string) => Buffer> = { gzip: gzipSync, br: brotliCompressSync };

  it.each(['', 'identity', 'gzip', 'br'])(
    'comes from a reply of the 2FA API with encoding %j',
    async (encoding) => {
      const bytes = encoded[encoding]?.(refusal) ?? Buffer.from(refusal);
      server.answer = (_request, response) => {
        if (encoding !== '') response.setHeader('content-encoding', encoding);
        response.end(bytes);
      };
      const { body } = await post(CLEAN, agent(), '/sc/us/2fa/json');
      expect(Buffer.from(await body.arrayBuffer())).toEqual(bytes);
      expect(guard.check(CLEAN)).toMatchObject({ reason: 'opted_out', source: 'receipt' });
      await expect(post(CLEAN, agent())).rejects.toThrow(SendBlockedError);
    },
  );

  it('comes from the reply of a fetch, which arrives unchanged', async () => {
    server.answer = (_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync(refusal));
    };
    const remove = installGlobalGuard(guard, { hosts: [server.host] });
    const reply = await fetch(`${server.origin}/sc/us/2fa/json`, {
      method: 'POST',
      body: new URLSearchParams({ to: CLEAN }),
    });
    expect(await reply.text()).toBe(refusal);
    expect(guard.canSend(CLEAN)).toBe(false);
    server.answer = (_request, response) => response.end(refusal.replace(CLEAN, '15551230003'));
    await (await fetch(`${server.origin}/sc/us/2fa/json?to=15551230003`)).text();
    expect(guard.canSend('15551230003')).toBe(false);
    expect(remove()).toBe(true);
  });

  it.each<[string, string, number, string, string]>([
    ['another API', '/sms/json', 200, '', refusal],
    ['another status', '/sc/us/2fa/json', 500, '', refusal],
    ['an encoding that is not read', '/sc/us/2fa/json', 200, 'zstd', refusal],
    ['broken compression', '/sc/us/2fa/json', 200, 'gzip', refusal],
    ['another answer', '/sc/us/2fa/json', 200, '', '{"messages":[{"status":"9"}]}'],
    ['a reply too large', '/sc/us/2fa/json', 200, '', `${refusal}${' '.repeat(70_000)}`],
    ['two recipients', `/sc/us/2fa/json?to=${CLEAN}9`, 200, '', refusal],
  ])('does not come from %s', async (_what, path, status, encoding, text) => {
    server.answer = (_request, response) => {
      response.writeHead(status, encoding === '' ? {} : { 'content-encoding': encoding });
      response.end(text);
    };
    const { body } = await post(CLEAN, agent(), path);
    expect(await body.text()).toBe(text);
    expect(guard.canSend(CLEAN)).toBe(true);
  });
});

describe('composing', () => {
  it.each([301, 307])('guards redirected requests if the guard is first (%i)', async (status) => {
    server.answer = ({ path }, response) => {
      if (path !== '/begin') return void response.end('sent');
      response.writeHead(status, { location: `/sms/json?to=${LISTED}` });
      return void response.end();
    };
    const made = new Agent();
    opened.push(made);
    const composed = made.compose(
      guardDispatcher(guard, { hosts: [server.host] }),
      interceptors.redirect({ maxRedirections: 2 }),
    );
    await expect(request(`${server.origin}/begin`, { dispatcher: composed, method: 'POST' })).rejects.toThrow(
      SendBlockedError,
    );
    expect(server.received.map(({ path }) => path)).toEqual(['/begin']);
  });

  it('guards retried requests if the guard is first, and does not retry a refusal', async () => {
    const made = new Agent();
    opened.push(made);
    const composed = made.compose(
      guardDispatcher(guard, { hosts: [server.host] }),
      interceptors.retry({ minTimeout: 1, methods: ['POST'] }),
    );
    const blocked = vi.fn();
    guard.on('blocked', blocked);
    server.answer = (_request, response) => {
      void guard.optOut(CLEAN).then(() => response.writeHead(503).end());
    };
    await expect(post(CLEAN, composed)).rejects.toThrow(SendBlockedError);
    expect(server.received).toHaveLength(1);
    expect(blocked).toHaveBeenCalledTimes(1);
  });

  it('guards a MockAgent', async () => {
    const mock = new MockAgent();
    opened.push(mock);
    mock.disableNetConnect();
    mock
      .get('https://rest.nexmo.com')
      .intercept({ path: '/sms/json', method: 'POST', body: `to=${CLEAN}` })
      .reply(200, 'ok');
    const dispatcher = mock.compose(guardDispatcher(guard));
    const send = (to: string) =>
      undiciFetch('https://rest.nexmo.com/sms/json', {
        method: 'POST',
        body: new URLSearchParams({ to }),
        dispatcher,
      });
    await expect(send(LISTED)).rejects.toThrow(TypeError);
    expect(await (await send(CLEAN)).text()).toBe('ok');
  });
});

describe('the global dispatcher', () => {
  const url = () => `${server.origin}/sms/json`;
  const send = (to: string, body: RequestInit['body'] = new URLSearchParams({ to })) =>
    fetch(url(), { method: 'POST', body, duplex: 'half' });

  it('is guarded for fetch and undici, and then restored', async () => {
    const before = getGlobalDispatcher();
    const remove = installGlobalGuard(guard, { hosts: [server.host] });
    for (const body of [undefined, `to=${LISTED}`, webStream('to=', LISTED), new Blob([`to=${LISTED}`])]) {
      const error = await send(LISTED, body).catch((thrown: unknown) => thrown);
      expect(isSendBlocked(error)).toBe(true);
    }
    await expect(request(`${url()}?to=${LISTED}`)).rejects.toThrow(SendBlockedError);
    await expect(
      getGlobalDispatcher().request({ origin: server.origin, path: `/sms/json?to=${LISTED}`, method: 'GET' }),
    ).rejects.toThrow(SendBlockedError);
    expect(server.connections()).toBe(0);
    expect((await send(CLEAN, webStream('to=', CLEAN))).status).toBe(200);
    expect(server.received[0]?.body).toBe(`to=${CLEAN}`);
    expect(remove()).toBe(true);
    expect(remove()).toBe(false);
    expect(getGlobalDispatcher()).toBe(before);
    expect((await send(LISTED)).status).toBe(200);
  });

  it('checks a send once if the same guard is installed twice', async () => {
    const before = getGlobalDispatcher();
    const options = { hosts: [server.host] };
    const removals = [installGlobalGuard(guard, options), installGlobalGuard(guard, { ...options })];
    const { allowed } = guard.status().counters;
    await send(CLEAN);
    expect(guard.status().counters.allowed).toBe(allowed + 1);
    expect(removals.map((remove) => remove())).toEqual([false, true]);
    expect(getGlobalDispatcher()).toBe(before);
  });

  it('is kept if it was set later, without an effect of the removed guard', async () => {
    const before = getGlobalDispatcher();
    const rules = [{ path: '/own', to: 'phone' }];
    const removals = [
      installGlobalGuard(guard, { hosts: [server.host] }),
      installGlobalGuard(guard, { rules }),
      installGlobalGuard(guard, { rules }),
    ];
    await expect(request(`${server.origin}/own?phone=${LISTED}`)).rejects.toThrow(SendBlockedError);
    expect(removals[0]?.()).toBe(false);
    expect((await send(LISTED)).status).toBe(200);
    expect(removals.slice(1).map((remove) => remove())).toEqual([false, true]);
    setGlobalDispatcher(before);
  });

  it('can be closed through the guard', async () => {
    const before = getGlobalDispatcher();
    for (const made of [new ProxyAgent('http://127.0.0.1:9'), new Agent()]) {
      setGlobalDispatcher(made);
      const remove = installGlobalGuard(guard);
      await getGlobalDispatcher().close();
      await getGlobalDispatcher().destroy();
      expect(remove()).toBe(true);
    }
    setGlobalDispatcher(before);
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

it('ignores errors when it ends a body, and values that cannot be ended', async () => {
  const cancel = vi.fn(() => Promise.reject(new Error('locked')));
  endBody({ cancel });
  endBody({});
  endBody({}, { next: () => ({ done: true, value: undefined }) });
  await new Promise(setImmediate);
  expect(cancel).toHaveBeenCalledTimes(1);
});

it('gives the dispatcher a handler with the same members, and the handler an inactive controller', () => {
  const dispatch = vi.fn((_opts: unknown, given: Dispatcher.DispatchHandler) => {
    expect([given.onData, 'onData' in given, 'onError' in given]).toEqual([undefined, false, true]);
    return true;
  });
  const gate = guardDispatcher(guard)(dispatch);
  gate({ path: `/sc/us/2fa/json?to=${CLEAN}`, method: 'GET' }, { onError() {} });
  expect(dispatch).toHaveBeenCalledTimes(1);
  const onResponseError = vi.fn((controller: Dispatcher.DispatchController) => {
    controller.abort(new Error('over'));
    expect([controller.aborted, controller.reason]).toEqual([false, null]);
  });
  gate({ path: `/sms/json?to=${LISTED}`, method: 'GET' }, { onResponseError });
  expect(onResponseError).toHaveBeenCalledTimes(1);
});
