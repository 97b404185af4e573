/** The host of a request: every way to write a guarded host counts as that host, and no other host does. */

import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  Agent,
  BalancedPool,
  Client,
  EnvHttpProxyAgent,
  MockAgent,
  Pool,
  ProxyAgent,
  RetryAgent,
  RoundRobinPool,
  errors,
  interceptors,
  type Dispatcher,
} from 'undici';
import * as undici6 from 'undici6';
import { SendBlockedError } from '../../../src/index.ts';
import { guardDispatcher } from '../../../src/gates/undici/interceptor.ts';
import { CLEAN, LISTED, guard, open, server, startForEachTest } from './loopback-guard.ts';

startForEachTest();

/** Returns the outcome of a request at a dispatcher that sends nothing: `refused` or `passed`. */
function outcomeOf(hosts: readonly string[], opts: object): string {
  const dispatch: Dispatcher['dispatch'] = ({ origin }, handler) => {
    if (typeof origin === 'object' && !(origin instanceof URL)) {
      handler.onError?.(new errors.InvalidArgumentError('opts.origin must be a non-empty string or URL.'));
    }
    return true;
  };
  let outcome = 'passed';
  const handler = {
    onError: (error: Error) => void (outcome = error instanceof SendBlockedError ? 'refused' : error.name),
  };
  const given = { method: 'POST', path: `/sms/json?to=${LISTED}`, ...opts };
  guardDispatcher(guard, { hosts })(dispatch)(given, handler);
  return outcome;
}

describe('a host', () => {
  const x = 'http://x.example';
  it.each<[hosts: string, options: object, outcome: string]>([
    ['x.example:80', { origin: x }, 'refused'],
    ['x.example:80', { origin: new URL(x) }, 'refused'],
    ['x.example:80', { origin: `${x}:80` }, 'refused'],
    ['x.example:80', { origin: 'HTTP://X.Example' }, 'refused'],
    ['x.example:80', { origin: 'http://x.example.' }, 'refused'],
    ['x.example:80', { origin: 'ws://x.example' }, 'refused'],
    ['x.example:80', { origin: 'https://x.example' }, 'passed'],
    ['x.example:80', { origin: `${x}:81` }, 'passed'],
    ['x.example:443', { origin: 'https://x.example' }, 'refused'],
    ['x.example:443', { origin: 'https://x.example:443' }, 'refused'],
    ['x.example:443', { origin: 'wss://x.example' }, 'refused'],
    ['x.example:443', { origin: x }, 'passed'],
    ['x.example', { origin: `${x}:8080` }, 'refused'],
    ['X.EXAMPLE.:80', { origin: x }, 'refused'],
    ['*.example:80', { origin: x }, 'refused'],
    ['y.example', { origin: x }, 'passed'],
    // By a Host header, with the port of the scheme or without.
    ['x.example:80', { origin: 'http://10.0.0.1', headers: { host: 'x.example' } }, 'refused'],
    ['x.example:80', { origin: 'http://10.0.0.1', headers: { Host: 'X.Example.' } }, 'refused'],
    ['x.example:80', { origin: 'http://10.0.0.1', headers: { host: 'x.example:' } }, 'refused'],
    ['x.example:80', { origin: 'http://10.0.0.1', headers: { host: ' x.example:80 ' } }, 'refused'],
    ['x.example:80', { origin: 'http://10.0.0.1', headers: ['HOST', 'x.example'] }, 'refused'],
    ['x.example:80', { origin: 'http://10.0.0.1', headers: [['host', 'x.example']] }, 'refused'],
    ['x.example:80', { origin: 'http://10.0.0.1', headers: new Headers({ host: 'x.example' }) }, 'refused'],
    ['x.example:80', { origin: 'http://10.0.0.1', headers: { host: ['x.example'] } }, 'refused'],
    ['x.example:80', { origin: 'http://10.0.0.1:8080', headers: { host: 'x.example:80' } }, 'refused'],
    ['x.example:443', { origin: 'https://10.0.0.1', headers: { host: 'x.example' } }, 'refused'],
    ['x.example:80', { origin: 'https://10.0.0.1', headers: { host: 'x.example' } }, 'passed'],
    ['x.example:81', { origin: 'http://10.0.0.1:81', headers: { host: 'x.example' } }, 'refused'],
    ['x.example', { origin: 'http://10.0.0.1', headers: { host: 'y.example' } }, 'passed'],
    ['[::1]:80', { origin: 'http://10.0.0.1', headers: { host: '[::1]' } }, 'refused'],
    // By the name for TLS, which `interceptors.dns()` keeps when it replaces the host by an address.
    [
      'x.example:443',
      { origin: 'https://10.0.0.1', servername: 'x.example', headers: { host: 'y' } },
      'refused',
    ],
    ['x.example', { origin: 'https://10.0.0.1', servername: null }, 'passed'],
    // By an address, in every notation.
    ['127.0.0.1:80', { origin: 'http://127.1' }, 'refused'],
    ['127.0.0.1:80', { origin: 'http://0x7f000001' }, 'refused'],
    ['127.1', { origin: 'http://127.0.0.1' }, 'refused'],
    ['[::1]:80', { origin: 'http://[::1]' }, 'refused'],
    ['[0:0:0:0:0:0:0:1]', { origin: 'http://[::1]:8080' }, 'refused'],
    ['[::1]:81', { origin: 'http://[::1]' }, 'passed'],
    // By an absolute path.
    ['x.example:80', { origin: 'http://10.0.0.1', path: `${x}/sms/json?to=${LISTED}` }, 'refused'],
    [
      'x.example:443',
      { origin: 'http://10.0.0.1', path: `https://x.example/sms/json?to=${LISTED}` },
      'refused',
    ],
    ['x.example', { origin: 'http://10.0.0.1', path: `http://y.example/sms/json?to=${LISTED}` }, 'passed'],
    ['x.example', { path: `http://y.example/sms/json?to=${LISTED}` }, 'passed'],
    // Without a host, the request may go to any.
    ['x.example', {}, 'refused'],
    ['x.example', { origin: 'no url' }, 'refused'],
  ])('%s is compared with a request of %j: %s', (host, opts, outcome) =>
    expect(outcomeOf([host], opts)).toBe(outcome),
  );

  it('is known behind interceptors.dns(), which puts an address in its place', async () => {
    const port = new URL(server.origin).port;
    const agent = new Agent();
    open.push(() => agent.close());
    const lookup = (_origin: unknown, _options: unknown, done: (error: null, found: object[]) => void) =>
      done(null, [{ address: '127.0.0.1', family: 4, ttl: 1000 }]);
    const dispatcher = agent.compose(
      guardDispatcher(guard, { hosts: [`sms.example:${port}`] }),
      interceptors.dns({ lookup: lookup as never }),
    );
    const send = (to: string) =>
      dispatcher.request({ origin: `http://sms.example:${port}`, path: `/sms/json?to=${to}`, method: 'GET' });
    await expect(send(LISTED)).rejects.toThrow(SendBlockedError);
    expect(server.connections()).toBe(0);
    expect((await send(CLEAN)).statusCode).toBe(200);
  });

  it('is known behind interceptors.dns() at the port of its scheme', () => {
    const headers = { host: 'x.example' };
    expect(outcomeOf(['x.example:80'], { origin: 'http://10.0.0.1', headers })).toBe('refused');
  });
});

/** Dispatchers that are bound to a host, whatever the `origin` of a request says. */
const bound: readonly [string, (origin: string) => Dispatcher & { close(): Promise<void> }][] = [
  ['Client', (origin) => new Client(origin)],
  ['Pool', (origin) => new Pool(origin)],
  ['Pool of one', (origin) => new Pool(origin, { connections: 1 })],
  ['BalancedPool', (origin) => new BalancedPool(origin)],
  ['RoundRobinPool', (origin) => new RoundRobinPool(origin, { connections: 2 })],
];

describe.each(bound)('a %s', (_name, make) => {
  function composed(options = {}) {
    const dispatcher = make(server.origin);
    open.push(() => dispatcher.close());
    return dispatcher.compose(guardDispatcher(guard, options));
  }
  const elsewhere = 'http://elsewhere.example';

  it('checks every send path, since it sends to the host it is bound to', async () => {
    const dispatcher = composed();
    for (const origin of [elsewhere, new URL(elsewhere), server.origin, undefined]) {
      const send = (opts: object) => dispatcher.request({ origin, method: 'POST', ...opts } as never);
      await expect(send({ path: `/sms/json?to=${LISTED}` })).rejects.toThrow(SendBlockedError);
      await expect(send({ path: '/v1/messages', body: JSON.stringify({ to: LISTED }) })).rejects.toThrow(
        SendBlockedError,
      );
    }
    expect(server.connections()).toBe(0);
  });

  it('checks the path of a rule whose host it may be bound to', async () => {
    const dispatcher = composed({ rules: [{ host: 'own.example', path: '/own', to: 'phone' }] });
    const send = (phone: string) =>
      dispatcher.request({ origin: elsewhere, path: `/own?phone=${phone}`, method: 'GET' });
    await expect(send(LISTED)).rejects.toThrow(SendBlockedError);
    expect((await send(CLEAN)).statusCode).toBe(200);
  });

  it('keeps working after it was probed, idle or completely busy', async () => {
    const dispatcher = composed();
    const send = (path: string) => dispatcher.request({ origin: elsewhere, path, method: 'GET' });
    for (const path of ['/other', `/sms/json?to=${CLEAN}`, '/other']) {
      const { body, statusCode } = await send(path);
      await body.dump();
      expect(statusCode).toBe(200);
    }
    const waiting: (() => void)[] = [];
    server.answer = (_request, response) => void waiting.push(() => response.end('{}'));
    const asked = composed();
    const first = Array.from({ length: 4 }, () => asked.request({ path: '/slow', method: 'GET' }));
    await expect.poll(() => waiting.length).toBeGreaterThan(0);
    // The first probe, while no connection is free.
    await expect(
      asked.request({ origin: elsewhere, path: `/sms/json?to=${LISTED}`, method: 'GET' }),
    ).rejects.toThrow(SendBlockedError);
    server.answer = (_request, response) => response.end('{}');
    for (const answer of waiting) answer();
    for (const one of [...first, asked.request({ path: '/after', method: 'GET' })]) {
      const { body, statusCode } = await one;
      await body.dump();
      expect(statusCode).toBe(200);
    }
    expect(server.received.map(({ path }) => path)).not.toContain('/');
    expect(server.received.filter(({ path }) => path.includes(LISTED))).toEqual([]);
  });
});

it('keeps a busy pool of undici 6 working after it was probed', async () => {
  const pool = new undici6.Pool(server.origin, { connections: 1 });
  open.push(() => pool.close());
  const dispatcher = pool.compose(guardDispatcher(guard) as never);
  const begun = new Promise<() => void>((resolve) => {
    server.answer = (_request, response) => resolve(() => response.end('{}'));
  });
  const slow = [0, 1].map(() => dispatcher.request({ path: '/slow', method: 'GET' }));
  const answer = await begun;
  const listed = dispatcher.request({
    origin: 'http://elsewhere.example',
    path: `/sms/json?to=${LISTED}`,
    method: 'GET',
  });
  await expect(listed).rejects.toThrow(SendBlockedError);
  server.answer = (_request, response) => response.end('{}');
  answer();
  for (const one of [...slow, dispatcher.request({ path: '/after', method: 'GET' })]) {
    await (await one).body.dump();
  }
  expect(server.received.map(({ path }) => path)).toEqual(['/slow', '/slow', '/after']);
});

describe('a dispatcher that sends to the origin of a request', () => {
  it.each<[string, () => Dispatcher & { close(): Promise<void> }]>([
    ['Agent', () => new Agent()],
    ['Agent of one connection', () => new Agent({ connections: 1 })],
    ['RetryAgent', () => new RetryAgent(new Agent())],
    ['EnvHttpProxyAgent', () => new EnvHttpProxyAgent({ noProxy: '*' })],
    ['composed Agent', () => new Agent().compose(interceptors.retry())],
    ['Agent behind dns', () => new Agent().compose(interceptors.dns())],
  ])('is checked only for guarded hosts: %s', async (_name, make) => {
    const dispatcher = make();
    open.push(() => dispatcher.close());
    const composed = dispatcher.compose(guardDispatcher(guard));
    const path = `/sms/json?to=${LISTED}`;
    for (let round = 0; round < 2; round++) {
      const { statusCode, body } = await composed.request({ origin: server.origin, path, method: 'GET' });
      await body.dump();
      expect(statusCode).toBe(200);
    }
    await expect(composed.request({ origin: 'https://rest.nexmo.com', path, method: 'GET' })).rejects.toThrow(
      SendBlockedError,
    );
  });

  it('is probed again after it was closed', async () => {
    const agent = new Agent();
    const composed = agent.compose(guardDispatcher(guard));
    await agent.close();
    const call = composed.request({ origin: server.origin, path: `/sms/json?to=${CLEAN}`, method: 'GET' });
    await expect(call).rejects.toThrow(errors.ClientDestroyedError);
  });

  it('can be a ProxyAgent', async () => {
    const proxy = createServer((_request, response) => response.end('{}'));
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const agent = new ProxyAgent({ uri: `http://127.0.0.1:${port}`, proxyTunnel: false });
    open.push(
      () => proxy.close(),
      () => agent.close(),
    );
    const composed = agent.compose(guardDispatcher(guard));
    const path = `/sms/json?to=${LISTED}`;
    const { statusCode, body } = await composed.request({
      origin: 'http://other.example',
      path,
      method: 'GET',
    });
    await body.dump();
    expect(statusCode).toBe(200);
    await expect(composed.request({ origin: 'http://rest.nexmo.com', path, method: 'GET' })).rejects.toThrow(
      SendBlockedError,
    );
  });

  it('can be a MockAgent, which answers as before', async () => {
    const mock = new MockAgent({ enableCallHistory: true });
    open.push(() => mock.close());
    mock.disableNetConnect();
    const path = `/sms/json?to=${CLEAN}`;
    mock.get('https://other.example').intercept({ path, method: 'GET' }).reply(200, 'mocked').times(2);
    const composed = mock.compose(guardDispatcher(guard));
    for (let round = 0; round < 2; round++) {
      const { body } = await composed.request({ origin: 'https://other.example', path, method: 'GET' });
      expect(await body.text()).toBe('mocked');
    }
    mock.assertNoPendingInterceptors();
    expect(
      mock
        .getCallHistory()
        ?.calls()
        .map((call) => call.path),
    ).toEqual(['/sms/json', '/sms/json']);
  });
});

it('checks every send path behind an interceptor with an unknown target', () => {
  const dispatch = () => true;
  const failures: Error[] = [];
  const given = {
    origin: 'http://elsewhere.example',
    path: `/sms/json?to=${LISTED}`,
    method: 'GET',
  } as const;
  guardDispatcher(guard)(dispatch)(given, { onError: (error) => void failures.push(error) });
  expect(failures).toEqual([expect.any(SendBlockedError)]);
});
