/** One table of cases for every web framework: each gives the same answers. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { getRequestListener } from '@hono/node-server';
import koaBody from '@koa/bodyparser';
import express from 'express';
import express4 from 'express4';
import Fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { guardFetch, webhooksFetch } from '../../src/gates/fetch/fetch.ts';
import type { Guard } from '../../src/index.ts';
import { createTestGuard, signedWebhook } from '../../src/testing/index.ts';
import { untrusted } from './untrusted.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';
const OTHER = '15551230003';
const secret = 'test-signature-secret';
const options = { signature: { secret, method: 'sha256' }, jwt: { secret } } as const;
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** The `onBlocked` option of a gate. */
interface Gate {
  readonly onBlocked?: 'reject' | 'strip' | 'observe';
}
const STRIP: Gate = { onBlocked: 'strip' };
const OBSERVE: Gate = { onBlocked: 'observe' };

/**
 * Each host has the webhooks at `/hooks` and a gate at `/messages`, whose handler answers with the recipients it sees.
 */
const hosts: readonly [string, (guard: Guard, gate: Gate) => RequestListener | Promise<RequestListener>][] = [
  [
    'Express 5',
    (guard, gate) =>
      express()
        .use('/hooks', guard.webhooks(options))
        .post('/messages', express.json(), guard.middleware(gate), (req, res) => void res.json(req.body)),
  ],
  [
    'Express 4',
    (guard, gate) =>
      express4()
        .use('/hooks', guard.webhooks(options))
        .post('/messages', express4.json(), guard.middleware(gate), (req, res) => void res.json(req.body)),
  ],
  [
    'node:http',
    (guard, { onBlocked = 'reject' }) => {
      const webhooks = guard.webhooks(options);
      const gate = guard.middleware({ onBlocked });
      async function read(req: IncomingMessage & { body?: unknown }, res: ServerResponse) {
        req.body = await json(req);
        gate(req, res, () => res.end(JSON.stringify(req.body)));
      }
      return (req, res) => {
        if (new URL(req.url ?? '', 'http://host').pathname === '/hooks') webhooks(req, res);
        else void read(req, res);
      };
    },
  ],
  [
    'Fastify',
    async (guard, { onBlocked = 'reject' }) => {
      const [webhooks, gate] = [guard.webhooks(options), guard.middleware({ onBlocked })];
      const app = Fastify();
      const onRequest = async (request: { raw: never }, reply: { raw: never; hijack(): unknown }) => {
        reply.hijack();
        webhooks(request.raw, reply.raw);
      };
      app.all('/hooks', { onRequest: onRequest as never }, () => undefined);
      app.post(
        '/messages',
        { preHandler: (request, reply, done) => gate(request, reply.raw, (error) => done(error as Error)) },
        ({ body }) => body,
      );
      await app.ready();
      return (req, res) => app.routing(req, res);
    },
  ],
  [
    'Koa',
    (guard, { onBlocked = 'reject' }) => {
      const [webhooks, gate] = [guard.webhooks(options), guard.middleware({ onBlocked })];
      const app = new Koa();
      app.use(async (ctx, next) => {
        if (ctx.path !== '/hooks') return next();
        ctx.respond = false;
        webhooks(ctx.req, ctx.res);
      });
      app.use(koaBody());
      app.use(
        (ctx, next) =>
          new Promise<void>((resolve, reject) => {
            ctx.res.once('close', resolve);
            gate(ctx.request, ctx.res, (error) => (error ? reject(error) : resolve(next())));
          }),
      );
      app.use((ctx) => void (ctx.body = ctx.request.body));
      const listener = app.callback();
      return (req, res) => void listener(req, res);
    },
  ],
  [
    'Hono',
    (guard, { onBlocked = 'reject' }) => {
      const next = async (request: Request) => Response.json(await request.json());
      const gate = guardFetch(guard, { next, onBlocked });
      const webhooks = webhooksFetch(guard, options);
      const app = new Hono();
      app.all('/hooks', (c) => webhooks(c.req.raw)).post('/messages', (c) => gate(c.req.raw));
      const listener = getRequestListener(app.fetch);
      return (req, res) => void listener(req, res);
    },
  ],
  [
    'Hono, as its middleware',
    (guard, { onBlocked = 'reject' }) => {
      const webhooks = webhooksFetch(guard, options);
      const app = new Hono();
      app.use('/hooks', (c) => webhooks(c.req.raw));
      app.post(
        '/messages',
        (c, next) => {
          const gate = guardFetch(guard, {
            onBlocked,
            async next(request) {
              c.req.raw = request;
              await next();
              return c.res;
            },
          });
          return gate(c.req.raw);
        },
        async (c) => c.json(await c.req.json()),
      );
      const listener = getRequestListener(app.fetch);
      return (req, res) => void listener(req, res);
    },
  ],
  [
    'a fetch handler',
    (guard, { onBlocked = 'reject' }) => {
      const next = async (request: Request) => Response.json(await request.json());
      const gate = guardFetch(guard, { next, onBlocked });
      const webhooks = webhooksFetch(guard, options);
      const listener = getRequestListener((request) =>
        new URL(request.url).pathname === '/hooks' ? webhooks(request) : gate(request),
      );
      return (req, res) => void listener(req, res);
    },
  ],
];

describe.each(hosts)('on %s', (_name, host) => {
  async function serve(
    gate: Gate = {},
    make: () => Promise<Guard> = () => createTestGuard({ optedOut: [OUT] }),
  ) {
    const guard = await make();
    open.push(() => guard.close());
    const server = createServer(await host(guard, gate)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { guard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  async function send(url: string, body: object) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/messages`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  it.each<[string, object, number, string, Gate?]>([
    ['an unlisted number', { to: CLEAN }, 200, `{"to":"${CLEAN}"}`],
    ['unlisted numbers', { to: [CLEAN, OTHER] }, 200, `{"to":["${CLEAN}","${OTHER}"]}`],
    ['a listed number', { to: OUT }, 403, 'opted_out'],
    ['one listed number of two', { to: [CLEAN, OUT] }, 403, '"recipients":[{"index":1,"to":"*******0001"'],
    ['an unreadable number', { to: [OUT, 'x'] }, 422, 'invalid_number'],
    ['no recipient', {}, 400, 'missing_recipient'],
    ['an empty list', { to: [] }, 400, 'missing_recipient'],
    ['too many recipients', { to: Array.from({ length: 1001 }, () => CLEAN) }, 413, 'too_many_recipients'],
    [
      'stripped: one of two listed',
      { to: [OUT, CLEAN], text: 'x' },
      200,
      `{"to":["${CLEAN}"],"text":"x"}`,
      STRIP,
    ],
    ['stripped: all listed', { to: [OUT] }, 403, 'opted_out', STRIP],
    ['observed: a listed number', { to: [CLEAN, OUT] }, 200, `{"to":["${CLEAN}","${OUT}"]}`, OBSERVE],
    ['observed: no recipient', { text: 'x' }, 200, '{"text":"x"}', OBSERVE],
  ])('answers a send as expected: %s', async (_case, body, status, word, gate) => {
    const { guard, url } = await serve(gate);
    const blocked = vi.fn();
    guard.on('blocked', blocked);
    const { text, ...answer } = await send(url, body);
    expect([answer.status, text]).toEqual([status, expect.stringContaining(word)]);
    const isProblem = answer.headers.get('content-type') === 'application/problem+json; charset=utf-8';
    expect(isProblem).toBe(status !== 200);
    const isReported = JSON.stringify(body).includes(OUT);
    expect(blocked.mock.calls.some(([event]) => event.observed === (gate === OBSERVE))).toBe(isReported);
  });

  it.each(untrusted)('answers 503 for an unlisted number if the guard is %s', async (reason, make) => {
    const { url } = await serve({}, make);
    const { status, headers, text } = await send(url, { to: CLEAN });
    expect([status, text]).toEqual([503, expect.stringContaining(reason)]);
    expect(headers.get('retry-after')).toBe(reason === 'closed' ? null : '30');
  });

  it.each([
    ['a STOP in a form', {}, 200],
    ['a STOP in JSON', { transport: 'post-json' }, 200],
    ['a STOP in a query', { transport: 'get' }, 200],
    ['a STOP of the Messages API', { shape: 'messages-inbound' }, 200],
    ['a receipt', { shape: 'sms-receipt' }, 200],
    ['a status', { shape: 'messages-status' }, 200],
    ['a wrong signature', { signed: 'wrong-sig' }, 401],
    ['a wrong token', { shape: 'messages-inbound', signed: 'wrong-jwt' }, 401],
    ['no signature', { signed: 'none' }, 401],
  ] as const)('answers a webhook as expected: %s', async (_case, spec, status) => {
    const { guard, url } = await serve();
    const { url: target, ...hook } = signedWebhook({ person: CLEAN, path: `${url}/hooks`, ...spec });
    const response = await fetch(target, hook);
    await response.text();
    expect([response.status, guard.canSend(CLEAN)]).toEqual([status, status !== 200]);
  });

  it.each([
    ['a method that webhooks do not use', { method: 'PUT' }, 405],
    ['a webhook over the limit', { method: 'POST', body: 'x'.repeat(80_000) }, 413],
    [
      'incomplete JSON',
      { method: 'POST', body: '{"msisdn":', headers: { 'content-type': 'application/json' } },
      400,
    ],
  ])('refuses an invalid webhook: %s', async (_case, hook, status) => {
    const { url } = await serve();
    const response = await fetch(`${url}/hooks`, hook);
    await response.text();
    expect(response.status).toBe(status);
  });
});
