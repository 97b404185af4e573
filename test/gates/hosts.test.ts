/** One table of cases over every host: the same answers, whoever serves. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import koaBody from '@koa/bodyparser';
import express from 'express';
import express4 from 'express4';
import Fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { afterEach, describe, expect, it } from 'vitest';
import { guardFetch, webhooksFetch } from '../../src/gates/fetch.ts';
import type { Guard } from '../../src/index.ts';
import { createTestGuard, signedWebhook } from '../../src/testing/index.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';
const secret = 'test-signature-secret';
const options = { signature: { secret, method: 'sha256' }, jwt: { secret } } as const;
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const hosts: readonly [string, (guard: Guard) => RequestListener | Promise<RequestListener>][] = [
  [
    'Express 5',
    (guard) =>
      express()
        .use('/hooks', guard.webhooks(options))
        .post('/messages', express.json(), guard.middleware(), (_req, res) => void res.json('ran')),
  ],
  [
    'Express 4',
    (guard) =>
      express4()
        .use('/hooks', guard.webhooks(options))
        .post('/messages', express4.json(), guard.middleware(), (_req, res) => void res.json('ran')),
  ],
  [
    'Fastify',
    async (guard) => {
      const [webhooks, gate] = [guard.webhooks(options), guard.middleware()];
      const app = Fastify();
      const onRequest = async (request: { raw: never }, reply: { raw: never; hijack(): unknown }) => {
        reply.hijack();
        webhooks(request.raw, reply.raw);
      };
      app.all('/hooks', { onRequest: onRequest as never }, () => undefined);
      app.post(
        '/messages',
        { preHandler: (request, reply, done) => gate(request, reply.raw, (error) => done(error as Error)) },
        () => '"ran"',
      );
      await app.ready();
      return (req, res) => app.routing(req, res);
    },
  ],
  [
    'Koa',
    (guard) => {
      const [webhooks, gate] = [guard.webhooks(options), guard.middleware()];
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
      app.use((ctx) => void (ctx.body = '"ran"'));
      const listener = app.callback();
      return (req, res) => void listener(req, res);
    },
  ],
  [
    'Hono',
    (guard) => {
      const gate = guardFetch(guard, { next: () => Response.json('ran') });
      const webhooks = webhooksFetch(guard, options);
      const app = new Hono();
      app.all('/hooks', (c) => webhooks(c.req.raw)).post('/messages', (c) => gate(c.req.raw));
      const listener = getRequestListener(app.fetch);
      return (req, res) => void listener(req, res);
    },
  ],
];

describe.each(hosts)('on %s', (_name, host) => {
  async function serve() {
    const guard = await createTestGuard({ optedOut: [OUT] });
    open.push(() => guard.close());
    const server = createServer(await host(guard)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { guard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it.each([
    ['a clean one', { to: CLEAN }, 200, 'ran'],
    ['clean ones', { to: [CLEAN, '15551230003'] }, 200, 'ran'],
    ['one who is out', { to: OUT }, 403, 'opted_out'],
    ['one of two who is out', { to: [CLEAN, OUT] }, 403, 'opted_out'],
    ['an unreadable one', { to: [OUT, 'x'] }, 422, 'invalid_number'],
    ['nobody', {}, 400, 'missing_recipient'],
    ['an empty list', { to: [] }, 400, 'missing_recipient'],
    ['many', { to: Array.from({ length: 1001 }, () => CLEAN) }, 413, 'too_many_recipients'],
  ])('%s', async (_case, body, status, word) => {
    const { url } = await serve();
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/messages`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(word)]);
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
  ] as const)('%s', async (_case, spec, status) => {
    const { guard, url } = await serve();
    const { url: target, ...hook } = signedWebhook({ person: CLEAN, path: `${url}/hooks`, ...spec });
    const response = await fetch(target, hook);
    await response.text();
    expect([response.status, guard.canSend(CLEAN)]).toEqual([status, status !== 200]);
  });
});
