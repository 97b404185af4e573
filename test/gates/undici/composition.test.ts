/** The guard beside other interceptors, in a MockAgent, and in the global dispatcher. */

import { describe, expect, it, vi } from 'vitest';
import {
  Agent,
  MockAgent,
  ProxyAgent,
  fetch as undiciFetch,
  getGlobalDispatcher,
  interceptors,
  request,
  setGlobalDispatcher,
} from 'undici';
import { guardDispatcher, installGlobalGuard } from '../../../src/gates/undici/interceptor.ts';
import { SendBlockedError, isSendBlocked } from '../../../src/index.ts';
import { CLEAN, LISTED, guard, open, server, startForEachTest } from './loopback-guard.ts';
import { post, webStream } from './requests.ts';

startForEachTest();

describe('composing', () => {
  it.each([301, 307])('guards redirected requests if the guard is first (%i)', async (status) => {
    server.answer = ({ path }, response) => {
      if (path !== '/begin') return void response.end('sent');
      response.writeHead(status, { location: `/sms/json?to=${LISTED}` });
      return void response.end();
    };
    const made = new Agent();
    open.push(() => made.close());
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
    open.push(() => made.close());
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
    open.push(() => mock.close());
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
