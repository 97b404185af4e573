/** Koa: the webhook handler stands before the body parser, the gate behind it. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { bodyParser } from '@koa/bodyparser';
import Koa from 'koa';
import { startStory } from '../story.ts';

await using story = await startStory();
const { guard, simulator } = story;
const webhooks = guard.webhooks({ signature: simulator.signature });
const gate = guard.middleware();

const app = new Koa();
app.use(async (ctx, next) => {
  if (ctx.path !== '/webhooks/sms') return next();
  ctx.respond = false; // the guard answers
  webhooks(ctx.req, ctx.res);
});
app.use(bodyParser());
app.use((ctx, next) => {
  return new Promise((resolve, reject) => {
    ctx.res.once('close', resolve); // the request was refused
    gate(ctx.request, ctx.res, (error) => (error ? reject(error) : resolve(next())));
  });
});
app.use((ctx) => {
  ctx.status = 202;
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

await story.checkService(url);

server.close();
server.closeAllConnections();
