/** A request whose streamed body is still being read ends as it does without a guard: with the same error, or sent. */

import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import {
  Agent,
  Client,
  Pool,
  errors,
  fetch as undiciFetch,
  getGlobalDispatcher,
  request,
  setGlobalDispatcher,
  stream,
  type Dispatcher,
} from 'undici';
import { guardDispatcher, installGlobalGuard } from '../../../src/gates/undici/interceptor.ts';
import { CLEAN, guard, open, server, startForEachTest } from './loopback-guard.ts';

startForEachTest();

/** A dispatcher to send by, and the agent to close or destroy. */
interface Sender {
  readonly dispatcher: Dispatcher;
  readonly agent: Agent;
}

const senders = {
  'no guard': () => {
    const agent = new Agent();
    return { dispatcher: agent, agent };
  },
  'a composed guard': () => {
    const agent = new Agent();
    return { dispatcher: agent.compose(guardDispatcher(guard, { hosts: [server.host] })), agent };
  },
  'the global guard': () => {
    const before = getGlobalDispatcher();
    const agent = new Agent();
    setGlobalDispatcher(agent);
    const uninstall = installGlobalGuard(guard, { hosts: [server.host] });
    open.push(() => setGlobalDispatcher(before), uninstall);
    return { dispatcher: agent, agent };
  },
} satisfies Record<string, () => Sender>;

/** A body whose first part has arrived, and whose rest has not. */
function partialBody(): Readable {
  const body = new Readable({ read() {} });
  body.push('to=');
  return body;
}

/** Returns how a promise ended: its value, or the kind, code and message of its error. */
async function endOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    const reply = (await promise) as { statusCode?: number; status?: number } | undefined;
    return reply?.statusCode ?? reply?.status ?? 'resolved';
  } catch (error) {
    return describeError(error);
  }
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { constructor, name, message, cause } = error;
  return [constructor.name, name, (error as { code?: unknown }).code, message, cause && describeError(cause)];
}

/** Sends a request, and returns how it and its body end. */
type Scenario = (sender: Sender, url: string) => Promise<unknown>;

function sending(body: unknown, { dispatcher }: Sender, url: string, options: object = {}) {
  return request(url, { method: 'POST', body: body as Readable, dispatcher, ...options });
}

/** A scenario in which something happens once the body is being read. */
const happening =
  (happen: (sender: Sender, body: Readable, abort: AbortController) => unknown): Scenario =>
  async (sender, url) => {
    const [body, abort] = [partialBody(), new AbortController()];
    const bodyErrors: unknown[] = [];
    body.on('error', (error) => bodyErrors.push(describeError(error)));
    const closed = once(body, 'close').catch(() => new Promise((resolve) => setImmediate(resolve)));
    const end = endOf(sending(body, sender, url, { signal: abort.signal }));
    await expect.poll(() => body.readableLength).toBe(0);
    await happen(sender, body, abort);
    const result = await end;
    await closed;
    return [result, body.destroyed, bodyErrors];
  };

function fetchAborted(reason: unknown): Scenario {
  return async ({ dispatcher }, url) => {
    const abort = new AbortController();
    let pulled: () => void = () => undefined;
    const begins = new Promise<void>((resolve) => (pulled = resolve));
    const body = new ReadableStream({ pull: () => (pulled(), new Promise(() => undefined)) });
    const options = { method: 'POST', body, duplex: 'half', dispatcher, signal: abort.signal } as const;
    const end = endOf(undiciFetch(url, options));
    await begins;
    abort.abort(reason);
    return end;
  };
}

const scenarios: readonly [string, Scenario][] = [
  ['aborted', happening((_sender, _body, abort) => abort.abort())],
  ['aborted for a reason', happening((_sender, _body, abort) => abort.abort(new RangeError('enough')))],
  ['aborted by a text', happening((_sender, _body, abort) => abort.abort('enough'))],
  [
    'aborted before it began',
    async (sender, url) => endOf(sending(partialBody(), sender, url, { signal: AbortSignal.abort() })),
  ],
  ['whose body fails', happening((_sender, body) => body.destroy(new RangeError('broken')))],
  ['whose body is destroyed', happening((_sender, body) => body.destroy())],
  [
    'whose body had failed',
    async (sender, url) => {
      const body = partialBody();
      body.on('error', () => undefined).destroy(new RangeError('broken'));
      return endOf(sending(body, sender, url));
    },
  ],
  [
    'whose body had been destroyed',
    async (sender, url) => endOf(sending(partialBody().destroy(), sender, url)),
  ],
  [
    'whose iterable throws',
    async (sender, url) => {
      async function* body() {
        yield 'to=';
        throw new RangeError('broken');
      }
      return endOf(sending(body(), sender, url));
    },
  ],
  [
    'whose iterable throws a text',
    async (sender, url) => {
      async function* body() {
        yield 'to=';
        throw 'broken' as unknown;
      }
      return endOf(sending(body(), sender, url));
    },
  ],
  [
    'whose web stream fails',
    async (sender, url) => {
      const body = new ReadableStream({ pull: (controller) => controller.error(new RangeError('broken')) });
      return endOf(sending(body, sender, url));
    },
  ],
  [
    'whose web stream is locked',
    async (sender, url) => {
      const body = new ReadableStream();
      body.getReader();
      return endOf(sending(body, sender, url));
    },
  ],
  [
    'of stream(), aborted',
    async ({ dispatcher }, url) => {
      const abort = new AbortController();
      const body = partialBody();
      const options = { method: 'POST', body, dispatcher, signal: abort.signal } as const;
      const end = endOf(stream(url, options, () => new Writable()));
      await expect.poll(() => body.readableLength).toBe(0);
      abort.abort();
      return end;
    },
  ],
  ['of fetch, aborted', fetchAborted(undefined)],
  ['of fetch, aborted for a reason', fetchAborted(new RangeError('enough'))],
  [
    'of fetch whose body fails',
    async ({ dispatcher }, url) => {
      const body = new ReadableStream({ pull: (controller) => controller.error(new RangeError('broken')) });
      return endOf(undiciFetch(url, { method: 'POST', body, duplex: 'half', dispatcher }));
    },
  ],
  ['of an agent that is destroyed', happening(({ agent }) => agent.destroy())],
];

/** Scenarios that only the global guard can notice. */
const global: readonly [string, Scenario][] = [
  [
    'of an agent that is destroyed for a reason',
    happening(({ agent }) => agent.destroy(new RangeError('down'))),
  ],
  [
    'of an agent that is closed: it is sent, and then the agent is closed',
    async (sender, url) => {
      const body = partialBody();
      const order: string[] = [];
      const end = endOf(sending(body, sender, url)).finally(() => order.push('replied'));
      await expect.poll(() => body.readableLength).toBe(0);
      const closed = sender.agent.close().then(() => order.push('closed'));
      const late = endOf(sending('to=1', sender, url));
      // An agent that does not wait would be closed by now.
      await new Promise(setImmediate);
      order.push('body ends');
      body.push(CLEAN);
      body.push(null);
      await closed;
      return [await end, order, await late, server.received.length];
    },
  ],
];

describe.each([...scenarios, ...global])('a request %s', (name, scenario) => {
  const isGlobal = global.some(([only]) => only === name);
  it.each(isGlobal ? (['the global guard'] as const) : (['a composed guard', 'the global guard'] as const))(
    'ends with %s as without a guard',
    async (kind) => {
      const bare = senders['no guard']();
      const expected = await scenario(bare, `${server.origin}/sms/json`);
      await bare.agent.destroy();
      server.received.length = 0;
      const connections = server.connections();
      const guarded = senders[kind]();
      expect(await scenario(guarded, `${server.origin}/sms/json`)).toEqual(expected);
      if (!/it is sent/.test(name)) expect(server.connections()).toBe(connections);
      await guarded.agent.destroy();
    },
  );
});

describe('a composed guard', () => {
  it.each<[string, () => Dispatcher & { destroy(): Promise<void>; close(): Promise<void> }]>([
    ['an Agent', () => new Agent()],
    ['a Client', () => new Client(server.origin)],
    ['a Pool', () => new Pool(server.origin, { connections: 1 })],
  ])('ends a request whose dispatcher was closed or destroyed: %s', async (_name, make) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    open.push(() => vi.useRealTimers());
    for (const how of ['destroy', 'close'] as const) {
      const inner = make();
      const dispatcher = inner.compose(guardDispatcher(guard, { hosts: [server.host] }));
      const body = partialBody();
      const opts = { origin: server.origin, path: '/sms/json', method: 'POST', body } as const;
      const end = dispatcher.request(opts);
      end.catch(() => undefined);
      await expect.poll(() => body.readableLength).toBe(0);
      vi.advanceTimersByTime(500);
      expect(body.destroyed).toBe(false);
      await inner[how]();
      vi.advanceTimersByTime(500);
      await expect(end).rejects.toThrow(errors.ClientDestroyedError);
      expect(body.destroyed).toBe(true);
    }
    expect(server.connections()).toBe(0);
  });

  it('probes a busy pool once, and sends the request when its turn comes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    open.push(() => vi.useRealTimers());
    const pool = new Pool(server.origin, { connections: 1 });
    open.push(() => pool.close());
    const dispatcher = pool.compose(guardDispatcher(guard, { hosts: [server.host] }));
    let answer: () => void = () => undefined;
    server.answer = ({ path }, response) => {
      if (path === '/slow') answer = () => response.end('{}');
      else response.end('{}');
    };
    const slow = [0, 1, 2].map(() => dispatcher.request({ path: '/slow', method: 'GET' }));
    await expect.poll(() => server.received.length).toBe(1);
    server.answer = (_request, response) => response.end('{}');
    const body = partialBody();
    const waiting = dispatcher.request({ path: '/sms/json', method: 'POST', body });
    // The dispatcher is probed more than once whether it was destroyed.
    vi.advanceTimersByTime(500);
    body.push(CLEAN);
    body.push(null);
    answer();
    const replies = await Promise.all([...slow, waiting]);
    for (const reply of replies) await reply.body.dump();
    expect(server.received.map(({ path }) => path)).toEqual(['/slow', '/slow', '/slow', '/sms/json']);
    const after = await dispatcher.request({ path: '/after', method: 'GET' });
    expect(await after.body.text()).toBe('{}');
  });
});

it('closes a globally guarded agent that is destroyed while a request waits', async () => {
  const { agent, dispatcher } = senders['the global guard']();
  const body = partialBody();
  const end = endOf(sending(body, { agent, dispatcher }, `${server.origin}/sms/json`));
  await expect.poll(() => body.readableLength).toBe(0);
  const closed = agent.close();
  await agent.destroy();
  expect(await end).toEqual(expect.arrayContaining(['ClientDestroyedError']));
  await closed;
});
