import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express5 from 'express';
import express4 from 'express4';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Checker, Decision } from '../../src/decision.ts';
import { ConfigError, type GuardError } from '../../src/errors.ts';
import { expressGate, type GateRequest, type MiddlewareOptions } from '../../src/gates/express.ts';
import { createFakeChecker } from './fake-checker.ts';

const CLEAN = '447700900001';
const OUT = '15551230001';
/** Calls the gate with plain objects, as a framework does. */
function call(options: MiddlewareOptions | undefined, body: unknown, checker: Checker = createFakeChecker()) {
  const req: GateRequest = { body };
  const headers: Record<string, string> = {};
  const res = {
    statusCode: 200,
    setHeader: (name: string, value: string) => void (headers[name] = value),
    end: vi.fn<(body: string) => void>(),
  };
  const next = vi.fn<(error?: unknown) => void>();
  const onFault = vi.fn<(error: GuardError) => void>();
  expressGate(checker, options, onFault)(req, res, next);
  const sent = res.end.mock.calls[0]?.[0];
  const problem = sent === undefined ? undefined : (JSON.parse(sent) as Record<string, unknown>);
  return { req, res, headers, next, problem, onFault };
}

describe('reject', () => {
  it.each([[CLEAN], [[CLEAN]], [[CLEAN, '447700900002']]])('calls next once for %j', (to) => {
    const { next, problem, req } = call(undefined, { to });
    expect(next.mock.calls).toEqual([[]]);
    expect(problem).toBeUndefined();
    expect(req.sendGuard?.every(({ allowed }) => allowed)).toBe(true);
  });

  it('refuses the whole request for one blocked recipient of many', () => {
    const { next, problem, res, headers } = call(undefined, { to: [CLEAN, OUT, '447700900002'] });
    expect(next).not.toHaveBeenCalled();
    expect(res.statusCode).toBe(403);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(problem).toEqual({
      type: 'urn:sms-send-guard:opted_out',
      title: 'The recipient has opted out',
      status: 403,
      code: 'opted_out',
      detail: '1 of 3 recipients may not be sent to; nothing was sent',
      recipients: [{ index: 1, to: expect.stringMatching(/^\*+0001$/), code: 'opted_out' }],
    });
  });

  it('shows no unmasked number', () => {
    expect(JSON.stringify(call(undefined, { to: [CLEAN, OUT] }).problem)).not.toContain(OUT);
  });

  it.each([
    [{}, /no recipient/],
    [{ to: '' }, /no recipient/],
    [{ to: [] }, /no recipient/],
    [{ to: null }, /no recipient/],
    ['to=1', /no recipient/],
    [null, /no recipient/],
    [JSON.parse('{"__proto__":{"to":"447700900001"}}'), /no recipient/],
    [undefined, /express\.json\(\)/],
    [{ phone: CLEAN }, /req\.body\.to.*option to/],
    [{ phone: CLEAN }, /mount the guard on the route that sends/],
  ])('finds no recipient in a body of %j', (body, detail) => {
    const { problem, next } = call(undefined, body);
    expect(next).not.toHaveBeenCalled();
    expect(problem).toMatchObject({
      code: 'missing_recipient',
      status: 400,
      detail: expect.stringMatching(detail),
    });
  });

  it.each([[{}], [[{}]], [[[CLEAN]]], [true], [[CLEAN, null]], [`${CLEAN},${CLEAN}`], [{ 0: CLEAN }]])(
    'refuses a recipient of %j as unreadable',
    (to) => {
      expect(call(undefined, { to }).problem).toMatchObject({ code: 'invalid_number', status: 422 });
    },
  );

  it.each([
    ['not_ready', '30'],
    ['stale', '30'],
    ['expired', '30'],
    ['closed', undefined],
  ] as const)('answers %s with 503', (reason, retryAfter) => {
    const { problem, headers } = call(undefined, { to: CLEAN }, createFakeChecker(reason));
    expect(problem).toMatchObject({ code: reason, status: 503, type: `urn:sms-send-guard:${reason}` });
    expect(headers['retry-after']).toBe(retryAfter);
  });

  it('answers 503 before 422 before 403', () => {
    expect(call(undefined, { to: [OUT, 'x', CLEAN] }, createFakeChecker('expired')).problem).toMatchObject({
      status: 503,
    });
    expect(call(undefined, { to: [OUT, 'x'] }).problem).toMatchObject({
      status: 422,
      recipients: { length: 2 },
    });
  });

  it('refuses more recipients than allowed, without checking them', () => {
    const checker = createFakeChecker();
    const { problem } = call(undefined, { to: Array.from({ length: 1001 }, () => CLEAN) }, checker);
    expect(problem).toMatchObject({ code: 'too_many_recipients', status: 413, recipients: [] });
    expect(checker.decide).not.toHaveBeenCalled();
  });

  it('checks with the sender of the body, if it is a text', () => {
    const checker = createFakeChecker();
    call(undefined, { to: CLEAN, from: '73737' }, checker);
    call(undefined, { to: CLEAN, from: ['73737'] }, checker);
    expect(checker.decide.mock.calls.map(([, options]) => options)).toEqual([{ from: '73737' }, undefined]);
  });

  it('gets recipients and sender from to and from', () => {
    const checker = createFakeChecker();
    const to = (req: GateRequest) => (req.body as { phones: string[] }).phones;
    call({ to, from: () => 'Acme' }, { phones: [CLEAN] }, checker);
    expect(checker.decide).toHaveBeenCalledWith(CLEAN, { from: 'Acme' });
  });

  it('does not swallow an exception of the handler behind it', () => {
    const gate = expressGate(createFakeChecker());
    const next = vi.fn<() => void>(() => {
      throw new Error('the handler failed');
    });
    const res = { statusCode: 0, setHeader() {}, end() {} };
    expect(() => gate({ body: { to: CLEAN } }, res, next)).toThrow('the handler failed');
    expect(next).toHaveBeenCalledTimes(1);
  });
});

describe('strip', () => {
  it('takes blocked recipients out', () => {
    const { req, next } = call({ onBlocked: 'strip' }, { to: [OUT, CLEAN, 'x', '447700900002'], text: 'hi' });
    expect(next.mock.calls).toEqual([[]]);
    expect(req.body).toEqual({ to: [CLEAN, '447700900002'], text: 'hi' });
    expect(req.sendGuard).toHaveLength(4);
  });

  it('does not change a request without blocked recipients', () => {
    expect(call({ onBlocked: 'strip' }, { to: CLEAN }).req.body).toEqual({ to: CLEAN });
  });

  it('refuses a request if no recipient is left', () => {
    const { next, problem } = call({ onBlocked: 'strip' }, { to: [OUT, '15551230002'] });
    expect(next).not.toHaveBeenCalled();
    expect(problem).toMatchObject({ code: 'opted_out' });
  });

  it('requires setTo with a custom to, and calls it', () => {
    const to = (req: GateRequest) => (req.body as { phones: string[] }).phones;
    expect(() => expressGate(createFakeChecker(), { onBlocked: 'strip', to })).toThrow(ConfigError);
    const setTo = vi.fn((req: GateRequest, rest: readonly string[]) => void (req.body = { phones: rest }));
    const { req, next } = call({ onBlocked: 'strip', to, setTo }, { phones: [OUT, CLEAN] });
    expect(setTo).toHaveBeenCalledWith(req, [CLEAN]);
    expect(next.mock.calls).toEqual([[]]);
  });

  it('refuses a request whose body cannot be changed', () => {
    const { next, problem, onFault } = call({ onBlocked: 'strip' }, Object.freeze({ to: [OUT, CLEAN] }));
    expect(next).not.toHaveBeenCalled();
    expect(problem).toMatchObject({ code: 'opted_out', status: 403, recipients: [{ index: 0 }] });
    expect(onFault.mock.calls[0]?.[0]).toMatchObject({
      code: 'recipient_lookup_failed',
      cause: expect.any(TypeError),
    });
  });
});

describe('observe', () => {
  it.each([
    [{ to: [OUT, CLEAN] }],
    [{ to: 'x' }],
    [{}],
    [undefined],
    [{ to: Array.from({ length: 1001 }, () => OUT) }],
  ])('allows a request with any body', (body) => {
    const { next, problem, req } = call({ onBlocked: 'observe' }, body);
    expect(next.mock.calls).toEqual([[]]);
    expect(problem).toBeUndefined();
    expect(req.body).toEqual(body);
  });

  it('reports blocked recipients as observed, and reminds of the mode', () => {
    const checker = createFakeChecker();
    call({ onBlocked: 'observe' }, { to: OUT }, checker);
    expect(checker.report).toHaveBeenCalledWith(expect.objectContaining({ allowed: false }), {
      gate: 'middleware',
      isObserved: true,
    });
    expect(checker.remindObserving).toHaveBeenCalledTimes(1);
  });

  it('allows the request if the lookup of the recipients fails', () => {
    const to = () => {
      throw new Error('boom');
    };
    const nextAlone = vi.fn();
    expressGate(createFakeChecker(), { onBlocked: 'observe', to })(
      {},
      { statusCode: 0, setHeader() {}, end() {} },
      nextAlone,
    );
    expect(nextAlone.mock.calls).toEqual([[]]);
    const { next, onFault, req } = call({ onBlocked: 'observe', to }, {});
    expect(next.mock.calls).toEqual([[]]);
    expect(onFault.mock.calls[0]?.[0].message).toMatch(/let pass/);
    expect(req.sendGuard?.allowed).toEqual([]);
  });
});

describe('an onBlocked function', () => {
  it('gets the decisions and answers instead of the gate', async () => {
    const onBlocked = vi.fn<(...args: unknown[]) => void>();
    const { next, req, res } = call({ onBlocked }, { to: [CLEAN, OUT] });
    await vi.waitFor(() => expect(onBlocked).toHaveBeenCalledTimes(1));
    expect(onBlocked.mock.calls[0]?.[0]).toBe(req);
    expect(onBlocked.mock.calls[0]?.[1]).toBe(res);
    expect(((onBlocked.mock.calls[0]?.[3] ?? []) as Decision[]).map(({ allowed }) => allowed)).toEqual([
      true,
      false,
    ]);
    expect(next).not.toHaveBeenCalled();
  });

  it('is not called if no recipient is blocked', () => {
    const onBlocked = vi.fn<() => void>();
    expect(call({ onBlocked }, { to: CLEAN }).next).toHaveBeenCalledTimes(1);
    expect(onBlocked).not.toHaveBeenCalled();
  });

  it.each<[string, (next: (error?: unknown) => void) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('boom');
      },
    ],
    [
      'throws after calling next with an error',
      (next) => {
        next(new Error('boom'));
        throw new Error('again');
      },
    ],
  ])('leads to one call of next with the error if it %s', async (_name, act) => {
    const { next } = call({ onBlocked: (_req, _res, nextOnce) => act(nextOnce) }, { to: OUT });
    await vi.waitFor(() => expect(next).toHaveBeenCalled());
    expect(next).toHaveBeenCalledTimes(1);
    expect(next.mock.calls[0]?.[0]).toMatchObject({ message: 'boom' });
  });

  it('leads to a call of next with an error if it rejects with undefined', async () => {
    const onBlocked = () => Promise.reject(undefined);
    const { next } = call({ onBlocked }, { to: OUT });
    await vi.waitFor(() => expect(next.mock.calls[0]?.[0]).toBeInstanceOf(TypeError));
  });
});

describe('options', () => {
  it.each([
    [{ onBlocked: 'rejct' }, /did you mean 'reject'/],
    [{ onblocked: 'reject' }, /did you mean middleware.onBlocked/],
    [{ to: 'to' }, /middleware.to: expected a function/],
    [{ maxRecipients: 0 }, /middleware.maxRecipients/],
  ])('refuses %j', (options, message) => {
    expect(() => expressGate(createFakeChecker(), options as never)).toThrow(message);
  });
});

describe.each([
  ['Express 5', express5 as unknown as typeof express4],
  ['Express 4', express4],
])('in %s', (_name, express) => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  async function serve(parsers: boolean): Promise<string> {
    const app = express();
    if (parsers) app.use(express.json(), express.urlencoded({ extended: true }));
    app.post('/messages', expressGate(createFakeChecker()), (req, res) => {
      res.json({ sent: (req.body as { to: unknown }).to, decisions: req.sendGuard?.length });
    });
    server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/messages`;
  }

  const post = (url: string, body: string, type = 'application/json') =>
    fetch(url, { method: 'POST', body, headers: { 'content-type': type } });

  it('calls the handler of an allowed request', async () => {
    const reply = await post(await serve(true), JSON.stringify({ to: CLEAN }));
    expect([reply.status, await reply.json()]).toEqual([200, { sent: CLEAN, decisions: 1 }]);
  });

  it('refuses JSON and forms', async () => {
    const url = await serve(true);
    for (const reply of [
      await post(url, JSON.stringify({ to: [CLEAN, OUT] })),
      await post(url, `to=${CLEAN}&to=${OUT}`, 'application/x-www-form-urlencoded'),
    ]) {
      expect(reply.status).toBe(403);
      expect(reply.headers.get('content-type')).toContain('application/problem+json');
      expect(await reply.json()).toMatchObject({ code: 'opted_out', recipients: [{ index: 1 }] });
    }
  });

  it('refuses a request if no body parser is mounted', async () => {
    const reply = await post(await serve(false), JSON.stringify({ to: CLEAN }));
    expect(await reply.json()).toMatchObject({ status: 400, code: 'missing_recipient' });
  });
});
