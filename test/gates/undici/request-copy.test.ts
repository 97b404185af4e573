/** The checked bytes are the bytes that are sent, even if the caller changes its objects while the request waits. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Pool, type Dispatcher } from 'undici';
import { SendBlockedError } from '../../../src/index.ts';
import { guardDispatcher } from '../../../src/gates/undici/interceptor.ts';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';
import { startLoopback, type Loopback } from '../loopback.ts';

const LISTED = '15551230001';
const CLEAN = '15551230002';
const open: (() => unknown)[] = [];
let guard: TestGuard;
let server: Loopback;
let dispatcher: Dispatcher;

beforeEach(async () => {
  guard = await createTestGuard({ optedOut: [LISTED] });
  server = await startLoopback();
  const pool = new Pool(server.origin, { connections: 1 });
  dispatcher = pool.compose(guardDispatcher(guard, { hosts: [server.host] }));
  open.push(
    () => guard.close(),
    () => server[Symbol.asyncDispose](),
    () => pool.close(),
  );
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

type Dispatched = Record<string, unknown>;

/** Dispatches options without a copy, and resolves when the reply has arrived. */
function send(opts: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const handler: Dispatcher.DispatchHandler = {
      ...{ onConnect: () => undefined, onHeaders: () => true, onData: () => true },
      ...{ onComplete: () => resolve(), onError: reject },
    };
    dispatcher.dispatch(opts as Dispatcher.DispatchOptions, handler);
  });
}

function later() {
  let resolve: (answer: () => void) => void = () => undefined;
  const promise = new Promise<() => void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Dispatches options behind a request that uses the only connection, changes them, and then ends that request. */
async function sendChanged(opts: Dispatched, change: (opts: Dispatched) => void): Promise<void> {
  const first = later();
  server.answer = ({ path }, response) => {
    if (path === '/first') first.resolve(() => response.end('{}'));
    else response.end('{}');
  };
  const keeping = send({ path: '/first', method: 'GET' });
  const answer = await first.promise;
  const waiting = send(opts);
  change(opts);
  answer();
  await Promise.all([keeping, waiting]);
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (body: unknown): Dispatched => ({
  ...{ origin: server.origin, path: '/sms/json', method: 'POST', headers: { ...form }, body },
});

describe('a request that waits', () => {
  it.each<[string, () => Dispatched, (opts: Dispatched) => void]>([
    ['its body', () => post(`to=${CLEAN}`), (opts) => (opts['body'] = `to=${LISTED}`)],
    [
      'its Buffer',
      () => post(Buffer.from(`to=${CLEAN}`)),
      ({ body }) => (body as Buffer).write(`to=${LISTED}`),
    ],
    [
      'its bytes',
      () => post(new TextEncoder().encode(`to=${CLEAN}`)),
      ({ body }) => Buffer.from((body as Uint8Array).buffer).write(`to=${LISTED}`),
    ],
    [
      'its view into a larger buffer',
      () => post(Buffer.from(`xx=${LISTED}&to=${CLEAN}`).subarray(15)),
      ({ body }) => (body as Buffer).write(`to=${LISTED}`),
    ],
    [
      'its DataView',
      () => post(new DataView(new TextEncoder().encode(`to=${CLEAN}`).buffer)),
      ({ body }) => Buffer.from((body as DataView).buffer).write(`to=${LISTED}`),
    ],
    [
      'its ArrayBuffer',
      () => post(new TextEncoder().encode(`to=${CLEAN}`).buffer),
      ({ body }) => Buffer.from(body as ArrayBuffer).write(`to=${LISTED}`),
    ],
    [
      'its path',
      () => ({ ...post(null), path: `/sms/json?to=${CLEAN}` }),
      (opts) => (opts['path'] = `/sms/json?to=${LISTED}`),
    ],
    [
      'the path of another request',
      () => ({ ...post(null), path: '/other' }),
      (opts) => (opts['path'] = `/sms/json?to=${LISTED}`),
    ],
    [
      'the method of another request',
      () => ({ ...post(null), path: `/sms/json?to=${LISTED}`, method: 'OPTIONS' }),
      (opts) => (opts['method'] = 'GET'),
    ],
    [
      'its query',
      () => ({ ...post(null), query: { to: CLEAN } }),
      (opts) => (opts['query'] = { to: LISTED }),
    ],
    [
      'a member of its query',
      () => ({ ...post(null), query: { to: [CLEAN] } }),
      ({ query }) => ((query as { to: string[] }).to[0] = LISTED),
    ],
    [
      'its headers',
      () => post(`{"text":"&to=${CLEAN}&","to":"${CLEAN}"}`),
      (opts) => (opts['headers'] = { 'x-changed': '1' }),
    ],
    [
      'a header',
      () => post(`to=${CLEAN}`),
      ({ headers }) => ((headers as Record<string, string>)['x-changed'] = '1'),
    ],
    [
      'a header in a list',
      () => ({ ...post(`to=${CLEAN}`), headers: ['content-type', form['content-type']] }),
      ({ headers }) => (headers as string[]).push('x-changed', '1'),
    ],
    [
      'one of the values of a header',
      () => ({ ...post(`to=${CLEAN}`), headers: { ...form, 'x-own': ['a'] } }),
      ({ headers }) => ((headers as { 'x-own': string[] })['x-own'][0] = LISTED),
    ],
    [
      'a map of headers',
      () => ({ ...post(`to=${CLEAN}`), headers: new Map(Object.entries(form)) }),
      ({ headers }) => (headers as Map<string, string>).set('x-changed', '1'),
    ],
  ])('is sent as it was checked after a change of %s', async (_what, make, change) => {
    const opts = make();
    const { method } = opts;
    await sendChanged(opts, change);
    const [, arrived] = server.received;
    expect(server.received).toHaveLength(2);
    expect(arrived?.method).toBe(method);
    if (method === 'POST') expect(JSON.stringify(arrived)).not.toContain(`to=${LISTED}`);
    expect(arrived?.headers).not.toHaveProperty('x-changed');
    expect(arrived?.headers['x-own'] ?? 'a').toBe('a');
  });

  it('is sent as it was checked if the same options are used for every recipient', async () => {
    const shared = post('');
    const numbers = Array.from({ length: 20 }, (_, index) => String(15551230100 + index));
    const calls = numbers.map((number) => {
      shared['body'] = `to=${number}`;
      return send(shared);
    });
    shared['body'] = `to=${LISTED}`;
    const last = send(shared).catch((error: unknown) => error);
    await Promise.all(calls);
    expect(await last).toBeInstanceOf(SendBlockedError);
    expect(server.received.map(({ body }) => body)).toEqual(numbers.map((number) => `to=${number}`));
  });

  it('is sent as it was checked if a stream reuses one buffer for its chunks', async () => {
    async function* chunks() {
      const buffer = Buffer.alloc(5);
      for (const part of ['to=15', '55123', '0002&', 'text=']) {
        buffer.write(part);
        yield buffer;
      }
    }
    await send(post(chunks()));
    expect(server.received[0]?.body).toBe(`to=${CLEAN}&text=`);
  });
});

describe('options that are not a plain object', () => {
  it('are read once', async () => {
    let reads = 0;
    const opts = {
      ...post(null),
      get path() {
        return reads++ === 0 ? `/sms/json?to=${CLEAN}` : `/sms/json?to=${LISTED}`;
      },
    };
    const given = Object.defineProperties({}, Object.getOwnPropertyDescriptors(opts));
    // The spread above has read it once, too.
    reads = 0;
    await send(given);
    expect(server.received[0]?.path).toBe(`/sms/json?to=${CLEAN}`);
  });

  it('keep their inherited members', async () => {
    class Request {
      readonly #to: string;
      constructor(to: string) {
        this.#to = to;
      }
      get path() {
        return '/sms/json';
      }
      get method() {
        return 'POST';
      }
      get body() {
        return `to=${this.#to}`;
      }
      get origin() {
        return server.origin;
      }
    }
    await expect(send(new Request(LISTED))).rejects.toThrow(SendBlockedError);
    await send(new Request(CLEAN));
    expect(server.received[0]).toMatchObject({ path: '/sms/json', body: `to=${CLEAN}` });
    await send(Object.assign(Object.create(null) as object, post(`to=${CLEAN}`)));
    expect(server.received).toHaveLength(2);
    await send(Object.assign(Object.create({ path: '/other', body: 'x' }) as object, post(`to=${CLEAN}`)));
    expect(server.received[2]).toMatchObject({ path: '/sms/json', body: `to=${CLEAN}` });
  });

  it('fail as without a guard', async () => {
    const bad = { ...post(`to=${CLEAN}`), headers: new Set(['x']) };
    await expect(send(bad)).rejects.toMatchObject({ code: 'UND_ERR_INVALID_ARG' });
    await expect(send({ ...post(`to=${CLEAN}`), headers: 'x' })).rejects.toMatchObject({
      code: 'UND_ERR_INVALID_ARG',
    });
    expect(server.received).toEqual([]);
  });

  it('do not change a URL that is the origin', async () => {
    const origin = new URL(server.origin);
    await send({ ...post(`to=${CLEAN}`), origin });
    expect(server.received).toHaveLength(1);
  });
});
