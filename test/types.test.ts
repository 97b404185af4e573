/** The types of the handlers fit Express 5, Express 4 and node:http. A mistake does not compile. */

import { createServer } from 'node:http';
import express, { type Request, type RequestHandler } from 'express';
import express4 from 'express4';
import { expect, it } from 'vitest';
import { createGuard, type Decision } from '../src/index.ts';

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
