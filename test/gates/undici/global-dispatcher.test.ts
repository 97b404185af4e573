/**
 * The guard in the global dispatchers: behind redirects and retries, in every version of undici, and its visibility.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Agent,
  Dispatcher,
  EnvHttpProxyAgent,
  MockAgent,
  Pool,
  RetryAgent,
  getGlobalDispatcher,
  interceptors,
  request,
  setGlobalDispatcher,
} from 'undici';
import * as undici5 from 'undici5';
import * as undici6 from 'undici6';
import { ConfigError, isSendBlocked } from '../../../src/index.ts';
import { accessOf } from '../../../src/gates/guard-access.ts';
import {
  guardDispatcher,
  installGlobalGuard,
  verifyGlobalGuard,
} from '../../../src/gates/undici/interceptor.ts';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';
import { builtProgram, root } from '../../built.ts';
import {
  SYMBOLS,
  globalDispatchers,
  keepGlobalDispatchers,
  setGlobalDispatchers,
} from './global-dispatchers.ts';
import { CLEAN, LISTED, guard, open, server, startForEachTest } from './loopback-guard.ts';

const LATE = '15551230003';
startForEachTest();
beforeEach(() => {
  open.push(keepGlobalDispatchers());
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** Installs the guard for the loopback server by its address. By its name it counts as another host. */
function install(): () => boolean {
  const uninstall = installGlobalGuard(guard, { hosts: [server.host] });
  open.push(uninstall);
  return uninstall;
}

describe.each(['undici5', 'undici6', 'undici'])('with %s too, in another process', (folder) => {
  it.each(['guard first', 'fetch first', 'own agent', 'redirect', 'retry'])(
    'guards in the order: %s',
    async (order) => {
      const program = builtProgram('test/compat/undici-cell.js');
      const { stdout } = await promisify(execFile)(process.execPath, [
        program,
        `${root}node_modules/${folder}`,
        order,
      ]);
      expect(stdout).toMatch(/^ok [1-9]\d*\n$/);
    },
  );
});

describe('a dispatcher with redirects or retries behind which no guard can be put', () => {
  class Own extends Dispatcher {
    readonly #inner = new Agent();
    override dispatch(opts: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      return this.#inner.dispatch(opts, handler);
    }
  }
  const pool6 = { Pool: [(dispatch: unknown) => dispatch] };

  it.each<[string, () => object]>([
    ['a RetryAgent', () => new RetryAgent(new Agent())],
    [
      'a RetryAgent around a composed agent',
      () => new RetryAgent(new Agent().compose(interceptors.redirect())),
    ],
    ['a RetryAgent of undici 6', () => new undici6.RetryAgent(new undici6.Agent())],
    [
      'an agent that undici 6 has composed',
      () => new undici6.Agent().compose(undici6.interceptors.redirect({ maxRedirections: 1 })),
    ],
    [
      'an agent whose pools are made by a function',
      () =>
        new Agent({
          factory: (origin, options) => new Pool(origin, options).compose(interceptors.retry()),
        }),
    ],
    [
      'an EnvHttpProxyAgent with such a function',
      () => new EnvHttpProxyAgent({ factory: (origin: URL) => new Pool(origin) }),
    ],
    [
      'an agent of undici 6 with interceptors for its pools',
      () => new undici6.Agent({ interceptors: pool6 } as never),
    ],
    ['a custom dispatcher', () => new Own()],
    ['a function that dispatches', () => ({ dispatch: () => true })],
    ['a frozen agent', () => Object.freeze(new Agent())],
    [
      'a dispatcher that throws',
      () => ({
        dispatch: () => {
          throw new Error('broken');
        },
      }),
    ],
  ])('is refused: %s', (_what, make) => {
    const dispatcher = make();
    setGlobalDispatchers(dispatcher, dispatcher);
    let thrown: unknown;
    try {
      installGlobalGuard(guard);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    expect(thrown).toMatchObject({ code: 'dispatcher_composed', key: 'installGlobalGuard' });
    const lines = (thrown as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
    expect(lines).toEqual([
      'const dispatcher = new Agent().compose(guardDispatcher(guard), interceptors.redirect(), interceptors.retry());',
      'setGlobalDispatcher(dispatcher);',
    ]);
    expect(globalDispatchers()).toEqual([dispatcher, dispatcher]);
  });

  it('leaves no guard in the other global dispatcher', async () => {
    const agent = new Agent();
    setGlobalDispatchers(agent, new RetryAgent(new Agent()));
    const symbols = Object.getOwnPropertySymbols(agent);
    expect(() => install()).toThrow(ConfigError);
    expect(Object.getOwnPropertySymbols(agent)).toEqual(symbols);
    expect((await request(`${server.origin}/sms/json?to=${LISTED}`, { dispatcher: agent })).statusCode).toBe(
      200,
    );
  });

  it('is accepted if it leads to a dispatcher that has the guard', async () => {
    const agent = new Agent();
    class Wrapper extends Dispatcher {
      override dispatch(opts: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
        return agent.dispatch(opts, handler);
      }
    }
    setGlobalDispatchers(new Wrapper(), agent);
    const uninstall = install();
    expect(
      isSendBlocked(await fetch(`${server.origin}/sms/json?to=${LISTED}`).catch((error: unknown) => error)),
    ).toBe(true);
    expect(uninstall()).toBe(true);
  });
});

describe('behind redirects', () => {
  const redirect = () => interceptors.redirect({ maxRedirections: 3 });
  it.each<[string, () => Dispatcher]>([
    ['a composed agent', () => new Agent().compose(redirect())],
    ['an agent that is composed twice', () => new Agent().compose(redirect()).compose(interceptors.retry())],
    ['a composed agent for proxies', () => new EnvHttpProxyAgent({ noProxy: '*' }).compose(redirect())],
    ['an agent of undici 5', () => new undici5.Agent({ maxRedirections: 3 }) as never],
    ['an agent of undici 6', () => new undici6.Agent({ maxRedirections: 3 }) as never],
    [
      'an agent of undici 6 for proxies',
      () => new undici6.EnvHttpProxyAgent({ noProxy: '*', maxRedirections: 3 }) as never,
    ],
  ])('guards %s', async (_what, make) => {
    server.answer = ({ path }, response) =>
      path === '/begin'
        ? response.writeHead(307, { location: `${server.origin}/sms/json?to=${LISTED}` }).end()
        : response.end('{}');
    const unguarded = server.origin.replace('127.0.0.1', 'localhost');
    const dispatcher = make();
    // It sends once before, so that undici 5 and 6 store their chain of interceptors.
    await (await request(`${unguarded}/other`, { dispatcher })).body.dump();
    setGlobalDispatchers(dispatcher, dispatcher);
    const uninstall = install();
    const call = request(`${unguarded}/begin`, { method: 'POST', body: 'x' });
    expect(isSendBlocked(await call.catch((error: unknown) => error))).toBe(true);
    expect(server.received.map(({ path }) => path)).toEqual(['/other', '/begin']);
    expect(uninstall()).toBe(true);
    await (await request(`${unguarded}/begin`, { method: 'POST', body: 'x' })).body.dump();
    expect(server.received.at(-1)?.path).toBe(`/sms/json?to=${LISTED}`);
  });

  it('a mock answers allowed requests', async () => {
    const mock = new MockAgent();
    mock.disableNetConnect();
    const pool = mock.get(server.origin);
    pool
      .intercept({ path: '/begin', method: 'GET' })
      .reply(302, '', { headers: { location: `/sms/json?to=${LISTED}` } });
    pool.intercept({ path: '/other', method: 'GET' }).reply(200, 'mocked');
    const dispatcher = mock.compose(redirect());
    setGlobalDispatchers(dispatcher, dispatcher);
    install();
    expect(isSendBlocked(await request(`${server.origin}/begin`).catch((error: unknown) => error))).toBe(
      true,
    );
    expect(await (await request(`${server.origin}/other`)).body.text()).toBe('mocked');
  });

  it.each([undici5, undici6])(
    'does not allow a pool of undici 5 or 6 to follow redirects itself',
    async ({ Pool: OldPool }) => {
      const pool = new OldPool(server.origin);
      setGlobalDispatchers(pool, pool);
      install();
      const get = (maxRedirections: number) =>
        (pool as unknown as Dispatcher).request({ path: '/begin', method: 'GET', maxRedirections } as never);
      await expect(get(1)).rejects.toMatchObject({ code: 'dispatcher_composed', key: 'maxRedirections' });
      expect((await get(0)).statusCode).toBe(200);
      await pool.close();
    },
  );
});

describe('behind retries', () => {
  it('checks a send again', async () => {
    const dispatcher = new Agent().compose(interceptors.retry({ methods: ['POST'], minTimeout: 1 }));
    setGlobalDispatcher(dispatcher);
    install();
    server.answer = (_request, response) => void guard.optOut(LATE).then(() => response.writeHead(503).end());
    const call = request(`${server.origin}/sms/json`, { method: 'POST', body: `to=${LATE}` });
    expect(isSendBlocked(await call.catch((error: unknown) => error))).toBe(true);
    expect(server.received).toHaveLength(1);
  });

  it('checks a bound dispatcher by its paths', async () => {
    const pool = new Pool(server.origin);
    setGlobalDispatcher(pool);
    installGlobalGuard(guard, { hosts: [] });
    const call = request(`http://elsewhere.example/sms/json?to=${LISTED}`);
    expect(isSendBlocked(await call.catch((error: unknown) => error))).toBe(true);
    expect((await request(`http://elsewhere.example/other`)).statusCode).toBe(200);
    await pool.close();
  });
});

describe('the previous dispatcher', () => {
  const sendListed = async () => (await fetch(`${server.origin}/sms/json?to=${LISTED}`)).status;

  it('is kept for each symbol, and unchanged after the removal', async () => {
    const [first, second] = [new undici6.Agent(), new Agent()];
    setGlobalDispatchers(first, second);
    const own = [first, second].map((one) => Object.getOwnPropertySymbols(one));
    const uninstall = install();
    expect(globalDispatchers()).toEqual([first, second]);
    await expect(sendListed()).rejects.toThrow(TypeError);
    await expect(
      second.request({ origin: server.origin, path: `/sms/json?to=${LISTED}`, method: 'GET' }),
    ).rejects.toThrow(/blocked/);
    expect(uninstall()).toBe(true);
    expect(globalDispatchers()).toEqual([first, second]);
    expect([first, second].map((one) => Object.getOwnPropertySymbols(one))).toEqual(own);
    expect(await sendListed()).toBe(200);
  });

  it.each<[string, (agent: Agent) => Dispatcher]>([
    ['one dispatcher', (agent) => agent],
    ['an agent, and the same composed', (agent) => agent.compose(interceptors.retry())],
  ])('is unchanged under both symbols: %s', async (_what, of) => {
    const agent = new Agent();
    setGlobalDispatchers(agent, of(agent));
    const own = Object.getOwnPropertySymbols(agent);
    const uninstall = install();
    const { allowed } = guard.status().counters;
    await request(`${server.origin}/sms/json?to=${CLEAN}`);
    expect(guard.status().counters.allowed).toBe(allowed + 1);
    expect(uninstall()).toBe(true);
    expect(Object.getOwnPropertySymbols(agent)).toEqual(own);
  });

  it('is missing again if there was none', async () => {
    setGlobalDispatchers(new Agent(), undefined);
    const uninstall = install();
    const [, filled] = globalDispatchers();
    const send = (filled as Agent).request({
      origin: server.origin,
      path: `/sms/json?to=${LISTED}`,
      method: 'GET',
    });
    await expect(send).rejects.toThrow(/blocked/);
    expect(uninstall()).toBe(true);
    expect(globalDispatchers()[1]).toBeUndefined();
  });

  it('does not replace a dispatcher that was set later', async () => {
    const uninstall = install();
    const other = new Agent();
    setGlobalDispatcher(other);
    expect(uninstall()).toBe(false);
    expect(getGlobalDispatcher()).toBe(other);
    expect(await sendListed()).toBe(200);
  });

  it('a dispatcher that was set later is guarded by another install', async () => {
    install();
    setGlobalDispatcher(new Agent());
    expect(await sendListed()).toBe(200);
    install();
    await expect(sendListed()).rejects.toThrow(TypeError);
  });

  it('stays guarded in a dispatcher that is composed of it later', async () => {
    const uninstall = install();
    setGlobalDispatcher(getGlobalDispatcher().compose(interceptors.retry()));
    await expect(sendListed()).rejects.toThrow(TypeError);
    uninstall();
    expect(await sendListed()).toBe(200);
  });

  it('can be guarded by another copy of this package too', async () => {
    const agent = new Agent();
    setGlobalDispatchers(agent, agent);
    const uninstall = install();
    vi.resetModules();
    const copy = await import('../../../src/gates/undici/interceptor.ts');
    const { createTestGuard: createOther } = await import('../../../src/testing/index.ts');
    const other = await createOther({ optedOut: [CLEAN] });
    const end = copy.installGlobalGuard(other, { hosts: [server.host] });
    const send = async (to: string) => (await fetch(`${server.origin}/sms/json?to=${to}`)).status;
    for (const to of [LISTED, CLEAN]) await expect(send(to)).rejects.toThrow(TypeError);
    uninstall();
    expect(await send(LISTED)).toBe(200);
    await expect(send(CLEAN)).rejects.toThrow(TypeError);
    end();
    expect(await send(CLEAN)).toBe(200);
    await other.close();
  });
});

describe('the check whether fetch passes the guard', () => {
  /** A dispatcher that never answers and opens no connection. */
  function deaf() {
    const mock = new MockAgent();
    mock.disableNetConnect();
    return mock;
  }
  const faults = () => guard.status().reasons.filter((reason) => reason === 'global_guard_blind');
  function errorsOf(one: TestGuard): unknown[] {
    const codes: unknown[] = [];
    one.on('error', ({ code }) => codes.push(code));
    return codes;
  }

  it('runs when the guard is installed, and sends nothing', async () => {
    const codes = errorsOf(guard);
    const builtIn = fetch;
    let answers = 0;
    // Its source mentions undici, as that of the built-in one.
    vi.stubGlobal('fetch', async function undici(...asked: Parameters<typeof fetch>) {
      return builtIn(...asked).finally(() => answers++);
    });
    install();
    await expect.poll(() => answers).toBe(1);
    vi.unstubAllGlobals();
    await verifyGlobalGuard(guard);
    expect([codes, faults()]).toEqual([[], []]);
    expect(server.connections()).toBe(0);
  });

  it('emits an error if the built-in fetch uses the dispatcher of another realm', async () => {
    const codes = errorsOf(guard);
    // As in Jest: the built-in fetch does not read the symbols of this realm.
    vi.stubGlobal('fetch', async function undici() {
      throw new TypeError('fetch failed');
    });
    install();
    await expect.poll(() => codes).toEqual(['global_guard_blind']);
    expect(faults()).toEqual(['global_guard_blind']);
    await expect(verifyGlobalGuard(guard)).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'global_guard_blind',
    });
    expect(codes).toHaveLength(1);
    vi.unstubAllGlobals();
    await verifyGlobalGuard(guard);
    expect(faults()).toEqual([]);
  });

  it('emits no error if the guard is removed before the result', async () => {
    const codes = errorsOf(guard);
    const fault = vi.spyOn(accessOf(guard), 'fail');
    const asked = new Promise<void>((resolve) => {
      vi.stubGlobal('fetch', async function undici(_url: string, { signal }: { signal: AbortSignal }) {
        await new Promise((done) => signal.addEventListener('abort', done));
        setImmediate(resolve);
        throw new TypeError('fetch failed');
      });
    });
    install()();
    await asked;
    expect([codes, fault.mock.calls]).toEqual([[], []]);
  });

  it('rejects, and emits no error, after the guard was removed', async () => {
    const codes = errorsOf(guard);
    setGlobalDispatchers(deaf(), deaf());
    install()();
    await expect(verifyGlobalGuard(guard)).rejects.toThrow(/vmThreads/);
    expect(codes).toEqual([]);
  });

  it('is made for each guard separately', async () => {
    const mock = deaf();
    setGlobalDispatchers(mock, mock);
    install();
    const other = await createTestGuard();
    await expect(verifyGlobalGuard(other)).rejects.toMatchObject({ code: 'global_guard_blind' });
    installGlobalGuard(other);
    await Promise.all([verifyGlobalGuard(other), verifyGlobalGuard(guard)]);
    await other.close();
  });

  it('succeeds for a guard that the global dispatcher was composed with', async () => {
    setGlobalDispatcher(deaf().compose(guardDispatcher(guard), interceptors.retry()));
    await verifyGlobalGuard(guard);
  });

  it('does not run if fetch is mocked', async () => {
    const standIn = vi.fn<typeof fetch>(async () => new Response());
    vi.stubGlobal('fetch', standIn);
    const uninstall = install();
    expect(standIn).not.toHaveBeenCalled();
    await expect(verifyGlobalGuard(guard)).rejects.toThrow(/fetch/);
    uninstall();
    vi.stubGlobal('fetch', undefined);
    expect(install()()).toBe(true);
  });

  it.each<[string, object]>([
    ['without undici', { undici: undefined }],
    ['Bun', { bun: '1.2.0' }],
    ['Deno', { deno: '2.0.0' }],
  ])('fails in a runtime with its own fetch: %s', (_name, versions) => {
    const before = Object.getOwnPropertyDescriptor(process, 'versions') as PropertyDescriptor;
    open.push(() => Object.defineProperty(process, 'versions', before));
    Object.defineProperty(process, 'versions', { ...before, value: { ...process.versions, ...versions } });
    const there = globalDispatchers();
    expect(() => installGlobalGuard(guard)).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        code: 'global_guard_blind',
        message: expect.stringMatching(/guard\.send/) as string,
      }),
    );
    expect(SYMBOLS.map((_, index) => there[index])).toEqual(globalDispatchers());
  });
});
