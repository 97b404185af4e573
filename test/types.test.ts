/** The types of the handlers fit Express 5, Express 4 and node:http, and gates take guards. A mistake does not compile. */

import { createServer } from 'node:http';
import express, { type Request, type RequestHandler } from 'express';
import express4 from 'express4';
import { describe, expect, it } from 'vitest';
import { guardFetch, webhooksFetch } from '../src/gates/fetch/fetch.ts';
import { guardDispatcher, installGlobalGuard, verifyGlobalGuard } from '../src/gates/undici/interceptor.ts';
import { guardVonage } from '../src/gates/vonage-sdk/client.ts';
import { ConfigError, createGuard, type Decision, type Guard } from '../src/index.ts';
import { createTestGuard } from '../src/testing/index.ts';

it('accepts the handlers as those of every host', async () => {
  const guard = createGuard();
  const webhooks = guard.webhooks({ unsigned: 'block_only' });
  const untyped: RequestHandler = guard.middleware();
  const typed: RequestHandler = guard.middleware<Request>({ to: (req) => req.get('x-to') });
  express()
    .use('/webhooks', webhooks)
    .post('/messages', express.json(), untyped, typed, (req, res) => {
      const decisions: readonly Decision[] | undefined = req.sendGuard;
      res.json(decisions);
    });
  express4()
    .use('/webhooks', webhooks)
    .post('/messages', express4.json(), guard.middleware(), (req, res) => {
      res.json(req.sendGuard);
    });
  createServer(webhooks).close();
  // @ts-expect-error -- a misspelt option
  expect(() => guard.middleware({ onblocked: 'strip' })).toThrow(/onBlocked/);
  await guard.close();
});

describe('the gates that are entry points of their own', () => {
  const next = async () => new Response();
  const client = { sms: { send: async () => undefined } };

  it('take a guard and a test guard', async () => {
    await using plain: Guard = createGuard();
    await using forTests = await createTestGuard();
    for (const guard of [plain, forTests]) {
      expect(guardFetch(guard, { next })).toBeTypeOf('function');
      expect(webhooksFetch(guard, { unsigned: 'block_only' })).toBeTypeOf('function');
      expect(guardDispatcher(guard)).toBeTypeOf('function');
      expect(guardVonage(guard, client)).not.toBe(client);
    }
  });

  it('take no promise of a guard, and no object that only looks like one', async () => {
    await using guard = createGuard();
    const promise = Promise.resolve(guard);
    // @ts-expect-error -- not awaited
    expect(() => guardFetch(promise, { next })).toThrow(ConfigError);
    // @ts-expect-error -- not awaited
    expect(() => webhooksFetch(promise, { unsigned: 'block_only' })).toThrow(ConfigError);
    // @ts-expect-error -- not awaited
    expect(() => guardDispatcher(promise)).toThrow(ConfigError);
    // @ts-expect-error -- not awaited
    expect(() => installGlobalGuard(promise)).toThrow(ConfigError);
    // @ts-expect-error -- not awaited
    await expect(verifyGlobalGuard(promise)).rejects.toThrow(ConfigError);
    // @ts-expect-error -- not awaited
    expect(() => guardVonage(promise, client)).toThrow(ConfigError);
    expect(() => guardDispatcher({ ...guard })).toThrow(ConfigError);
  });
});
