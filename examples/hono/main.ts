/** Hono, and every other host of `Request` and `Response`: `guardFetch` in front of the handler that sends. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { guardFetch, webhooksFetch } from 'sms-send-guard/fetch';
import { startStory } from '../story.ts';

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

await story.checkService(url);

server.close();
server.closeAllConnections();
