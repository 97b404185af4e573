/** Fastify: the webhook handler runs before any body parser, the gate as a `preHandler`. */

import Fastify, { type onRequestAsyncHookHandler } from 'fastify';
import { startStory } from '../story.ts';

await using story = await startStory();
const { guard, simulator } = story;
const webhooks = guard.webhooks({ signature: simulator.signature });
const gate = guard.middleware();

const app = Fastify();
const onRequest: onRequestAsyncHookHandler = async (request, reply) => {
  reply.hijack(); // the guard answers
  webhooks(request.raw, reply.raw);
};
app.all('/webhooks/sms', { onRequest }, () => undefined);
app.post(
  '/messages',
  { preHandler: (request, reply, done) => gate(request, reply.raw, (error) => done(error as Error)) },
  (_request, reply) => reply.code(202).send('sent'),
);
const url = await app.listen({ port: 0, host: '127.0.0.1' });

await story.checkService(url);

await app.close();
