/** Hono, and every other host of `Request` and `Response`: `guardFetch` in front of the handler that sends. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { guardFetch, webhooksFetch } from 'sms-send-guard/fetch';
import { ALLOWED, LEAVING, OPTED_OUT, startStory } from '../story.ts';

await using story = await startStory();
const { guard, simulator } = story;
const webhooks = webhooksFetch(guard, { signature: simulator.signature });
const gate = guardFetch(guard, {
  next: async (_request, { allowed }) => Response.json({ sending: allowed }, { status: 202 }),
});

const app = new Hono()
  .all('/webhooks/sms', (c) => webhooks(c.req.raw))
  .post('/messages', (c) => gate(c.req.raw));
const listener = getRequestListener(app.fetch);
const server = createServer((request, response) => void listener(request, response)).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

story.check('a person who has not opted out', await story.post(`${url}/messages`, { to: ALLOWED }), 202);
story.check('a person who has opted out', await story.post(`${url}/messages`, { to: OPTED_OUT }), 403);
story.check('a person before their STOP', await story.post(`${url}/messages`, { to: LEAVING }), 202);
story.check('the STOP is stored', await story.stop(`${url}/webhooks/sms`, LEAVING), 200);
story.check('the same person after it', await story.post(`${url}/messages`, { to: LEAVING }), 403);

server.close();
server.closeAllConnections();
