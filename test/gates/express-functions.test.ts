/** The caller's functions of `middleware`: promises, errors, and a `setTo` whose result is checked again. */

import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express5 from 'express';
import express4 from 'express4';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GateRequest, MiddlewareOptions } from '../../src/gates/express.ts';
import type { GuardError } from '../../src/index.ts';
import { createTestGuard, type TestGuard } from '../../src/testing/index.ts';

const CLEAN = '447700900001';
const OTHER = '447700900002';
const OUT = '15551230001';

/** The name of the method that makes an object thenable. */
const THEN = ['th', 'en'].join('');

let guard: TestGuard;
beforeEach(async () => {
  guard = await createTestGuard({ optedOut: [OUT] });
});
afterEach(() => guard.close());

/** A promise that is resolved from outside. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

interface Request extends GateRequest {
  query?: Record<string, unknown>;
  url?: string;
}

/**
 * Runs a request through a gate.
 *
 * @returns the problem that it answered, or whether `next` was called, with an error or not.
 */
async function run(options: MiddlewareOptions<Request>, req: Request) {
  const errors: GuardError[] = [];
  guard.on('error', (error) => errors.push(error));
  const { promise, resolve } = deferred<Record<string, unknown> | 'passed' | 'error'>();
  const next = vi.fn((error?: unknown) => resolve(error === undefined ? 'passed' : 'error'));
  const res = { statusCode: 0, setHeader() {}, end: (body: string) => resolve(JSON.parse(body)) };
  guard.middleware(options)(req, res, next);
  const outcome = await promise;
  // A second call of `next` would have happened by now.
  await new Promise(setImmediate);
  expect(next.mock.calls.length).toBe(typeof outcome === 'string' ? 1 : 0);
  return { outcome, errors, req, next };
}

describe('to and from', () => {
  it.each<[string, unknown, unknown]>([
    ['a promise of one', Promise.resolve(CLEAN), 'passed'],
    ['a promise of several', Promise.resolve([CLEAN, OTHER]), 'passed'],
    ['a thenable', { [THEN]: (resolve: (to: string) => void) => resolve(CLEAN) }, 'passed'],
    ['a promise of one who opted out', Promise.resolve(OUT), { code: 'opted_out', status: 403 }],
    [
      'a promise of several, one of whom opted out',
      Promise.resolve([CLEAN, OUT]),
      { code: 'opted_out', status: 403 },
    ],
    ['a promise of nothing', Promise.resolve(undefined), { code: 'missing_recipient', status: 400 }],
    ['promises in an array', [Promise.resolve(CLEAN)], { code: 'invalid_number', status: 422 }],
    ['a promise of many', Promise.resolve(Array(1001).fill(CLEAN)), { code: 'too_many_recipients' }],
  ])('reads %s', async (_what, given, expected) => {
    const { outcome, errors } = await run({ to: () => given as never }, {});
    expect(outcome).toEqual(typeof expected === 'string' ? expected : expect.objectContaining(expected));
    expect(errors).toEqual([]);
  });

  it('awaits a promise of the sender', async () => {
    const check = vi.fn();
    guard.on('blocked', check);
    const { outcome } = await run({ from: async () => '73737' }, { body: { to: OUT } });
    expect(outcome).toMatchObject({ code: 'opted_out' });
  });

  const boom = new Error(`no such row: ${OUT}`);
  const faults: readonly [string, () => never][] = [
    [
      'throws',
      () => {
        throw boom;
      },
    ],
    ['rejects', () => Promise.reject(boom) as never],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
    ],
    ['rejects with nothing', () => Promise.reject(undefined) as never],
    [
      'returns a thenable that throws when it is awaited',
      () =>
        Object.defineProperty({}, THEN, {
          get() {
            throw boom;
          },
        }) as never,
    ],
  ];

  it.each(faults.flatMap(([how, act]) => [['to', how, act] as const, ['from', how, act] as const]))(
    'refuses with 500 and an event, without the number, if %s %s',
    async (name, _how, act) => {
      const { outcome, errors } = await run({ [name]: act }, { body: { to: CLEAN } });
      expect(outcome).toMatchObject({ code: 'recipient_lookup_failed', status: 500, recipients: [] });
      expect(errors.map(({ code }) => code)).toEqual(['recipient_lookup_failed']);
      expect(JSON.stringify([outcome, errors[0]?.message])).not.toContain(OUT);
    },
  );

  it.each(faults)(
    'allows the request and emits an error if to %s and the gate observes',
    async (_how, act) => {
      const { outcome, errors, req } = await run({ onBlocked: 'observe', to: act }, { body: { to: CLEAN } });
      expect(outcome).toBe('passed');
      expect(errors).toHaveLength(1);
      expect(req.sendGuard?.allowed).toEqual([]);
    },
  );

  it('stays synchronous if both functions are', () => {
    const next = vi.fn();
    guard.middleware()({ body: { to: CLEAN } }, { statusCode: 0, setHeader() {}, end() {} }, next);
    expect(next).toHaveBeenCalledTimes(1);
  });

  it('blocks a person who opts out while the sender is looked up', async () => {
    const from = async () => {
      await guard.optOut(CLEAN);
      return undefined;
    };
    expect((await run({ from }, { body: { to: CLEAN } })).outcome).toMatchObject({ code: 'opted_out' });
  });

  it('checks the recipients as they were returned, even if the array changes later', async () => {
    const recipients = [OUT];
    const from = async () => {
      recipients.pop();
      return undefined;
    };
    expect((await run({ to: () => recipients, from }, {})).outcome).toMatchObject({ code: 'opted_out' });
  });
});

describe('a response', () => {
  it.each([CLEAN, OUT])('gets no second answer if its headers were sent already: %s', async (to) => {
    const next = vi.fn();
    const end = vi.fn();
    const lookup = deferred<string>();
    guard.middleware({ to: () => lookup.promise })(
      {},
      { statusCode: 0, headersSent: true, setHeader() {}, end },
      next,
    );
    lookup.resolve(to);
    await new Promise(setImmediate);
    expect([next.mock.calls.length, end.mock.calls.length]).toEqual([to === CLEAN ? 1 : 0, 0]);
  });

  it.each([new Error('gone'), undefined])('passes an error to next if it cannot be written: %s', (thrown) => {
    const next = vi.fn();
    const setHeader = () => {
      throw thrown;
    };
    guard.middleware()({ body: { to: OUT } }, { statusCode: 0, setHeader, end() {} }, next);
    expect(next.mock.calls).toEqual([[expect.any(Error)]]);
  });
});

describe('strip', () => {
  const to = (req: Request) => (req.body as { phones?: string[] }).phones;
  const write = (req: Request, rest: readonly string[]) => void (req.body = { phones: rest });
  const later = () => new Promise<void>((resolve) => void setImmediate(resolve));

  it.each<[string, MiddlewareOptions<Request>['setTo'], unknown]>([
    ['writes at once', write, 'passed'],
    [
      'writes later',
      async (req, rest) => {
        await later();
        write(req, rest);
      },
      'passed',
    ],
    ['writes fewer recipients', (req) => write(req, [OTHER]), 'passed'],
    ['writes nothing', () => undefined, 'refused'],
    ['writes nothing, later', later, 'refused'],
    ['writes after it has resolved', (req, rest) => void later().then(() => write(req, rest)), 'refused'],
    [
      'throws',
      () => {
        throw new Error('boom');
      },
      'refused',
    ],
    ['rejects', () => Promise.reject(new Error('boom')), 'refused'],
    ['rejects with nothing', () => Promise.reject(undefined), 'refused'],
    [
      'writes and rejects',
      (req, rest) => {
        write(req, rest);
        return Promise.reject(new Error('boom'));
      },
      'refused',
    ],
    ['writes another person who opted out', (req) => write(req, ['15551230002']), 'refused'],
    ['writes a number that cannot be read', (req) => write(req, [CLEAN, 'x']), 'refused'],
    ['removes all recipients', (req) => write(req, []), 'refused'],
    ['deletes the body', (req) => void delete req.body, 'refused'],
  ])('checks the recipients again after a setTo that %s', async (_how, setTo, expected) => {
    await guard.optOut('15551230002');
    const body = { phones: [OUT, CLEAN, OTHER] };
    const { outcome, errors, req } = await run(
      { onBlocked: 'strip', to, ...(setTo ? { setTo } : {}) },
      { body },
    );
    if (expected !== 'passed') {
      const [error, ...others] = errors;
      expect(error).toMatchObject({
        code: 'recipient_lookup_failed',
        message: expect.stringMatching(/refused$/),
      });
      expect(others).toEqual([]);
      expect(outcome).toMatchObject({ code: 'opted_out', status: 403, recipients: [{ index: 0 }] });
      return;
    }
    expect([outcome, errors]).toEqual(['passed', []]);
    expect(req.sendGuard?.allowed).toEqual(to(req));
  });

  it('checks recipients again that a promise returns', async () => {
    const lookUp = async (req: Request) => to(req);
    const body = { phones: [OUT, CLEAN] };
    const passed = await run({ onBlocked: 'strip', to: lookUp, setTo: write }, { body });
    expect([passed.outcome, passed.req.body]).toEqual(['passed', { phones: [CLEAN] }]);
  });

  it('refuses a person who opts out while setTo writes', async () => {
    const setTo = async (req: Request, rest: readonly string[]) => {
      write(req, rest);
      await guard.optOut(CLEAN);
    };
    const { outcome } = await run({ onBlocked: 'strip', to, setTo }, { body: { phones: [OUT, CLEAN] } });
    expect(outcome).toMatchObject({ code: 'opted_out' });
  });
});

describe('sendGuard.allowed', () => {
  it.each(['reject', 'strip', 'observe'] as const)(
    'has the numbers that may be sent to, with onBlocked %s',
    async (onBlocked) => {
      const body = { to: ['+44 7700 900001', OTHER, 447700900001] };
      const { req } = await run({ onBlocked }, { body });
      expect(req.sendGuard?.allowed).toEqual([CLEAN, OTHER, CLEAN]);
      expect(req.sendGuard).toHaveLength(3);
      expect(JSON.parse(JSON.stringify(req.sendGuard))).toHaveLength(3);
    },
  );

  it.each(['strip', 'observe'] as const)('has no blocked number, with onBlocked %s', async (onBlocked) => {
    const { req, outcome } = await run({ onBlocked }, { body: { to: [OUT, '+44 7700 900001', 'x'] } });
    expect([outcome, req.sendGuard?.allowed]).toEqual(['passed', [CLEAN]]);
    expect(req.sendGuard?.map(({ allowed }) => allowed)).toEqual([false, true, false]);
  });

  it('is passed to an onBlocked function', async () => {
    const onBlocked: MiddlewareOptions<Request>['onBlocked'] = (req, _res, next, { allowed }) => {
      expect(req.sendGuard?.allowed).toBe(allowed);
      next();
    };
    const { req } = await run({ onBlocked }, { body: { to: [OUT, CLEAN] } });
    expect(req.sendGuard?.allowed).toEqual([CLEAN]);
  });

  it.each([{}, { body: {} }, { body: { to: OUT } }])(
    'is empty if no recipient may be sent to: %j',
    async (req) => {
      expect((await run({ onBlocked: 'observe' }, { ...req })).req.sendGuard?.allowed).toEqual([]);
    },
  );
});

describe.each([
  ['Express 5', express5 as unknown as typeof express4],
  ['Express 4', express4],
])('in %s', (name, express) => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function listen(app: ReturnType<typeof express>): Promise<string> {
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('checks again whether a setTo changed req.query', async () => {
    const app = express();
    const to = (req: express4.Request) => req.query['to'] as string[];
    const setTo = (req: express4.Request, rest: readonly string[]) => void (req.query['to'] = [...rest]);
    app.get('/send', guard.middleware({ onBlocked: 'strip', to, setTo }), (req, res) => {
      res.json({ to: to(req), allowed: req.sendGuard?.allowed });
    });
    const url = await listen(app);
    const response = await fetch(`${url}/send?to=${CLEAN}&to=${OUT}`);
    // Express 5 parses the query again at each access, so the change is lost.
    expect(await response.json()).toMatchObject(
      name === 'Express 5' ? { code: 'opted_out', status: 403 } : { to: [CLEAN], allowed: [CLEAN] },
    );
  });

  it('explains how to mount a middleware that was not called', async () => {
    const app = express();
    app.use(guard.middleware as unknown as express4.RequestHandler);
    app.use((error: Error, _req: unknown, res: express4.Response, _next: unknown) => {
      res.status(500).json({ name: error.name, message: error.message });
    });
    const error = (await (await fetch(await listen(app))).json()) as object;
    expect(error).toEqual({ name: 'ConfigError', message: expect.stringContaining('call it') });
  });

  it.each(['GET', 'HEAD', 'OPTIONS'])(
    'explains where to mount the guard if it is mounted on every route: %s',
    async (method) => {
      const app = express();
      app.use(express.json(), guard.middleware());
      const response = await fetch(await listen(app), { method });
      expect(response.status).toBe(400);
      if (method === 'HEAD') return;
      const { code, detail } = (await response.json()) as { code: string; detail: string };
      expect([code, detail]).toEqual([
        'missing_recipient',
        expect.stringContaining('mount the guard on the route that sends'),
      ]);
    },
  );

  it('does not call the handler if the client disconnects during the lookup', async () => {
    const app = express();
    const lookup = deferred<string>();
    const arrived = deferred<express4.Response>();
    const handler = vi.fn();
    app.post(
      '/send',
      guard.middleware({
        to(req: express4.Request) {
          arrived.resolve(req.res as express4.Response);
          return lookup.promise;
        },
      }),
      handler,
    );
    const url = await listen(app);
    const client = httpRequest(`${url}/send`, { method: 'POST' });
    client.on('error', () => undefined).end();
    const res = await arrived.promise;
    const closed = once(res, 'close');
    client.destroy();
    await closed;
    lookup.resolve(OUT);
    await new Promise(setImmediate);
    expect(handler).not.toHaveBeenCalled();
  });
});
