/**
 * Express apps that differ in one middleware, each on a port of its own in one process. A program: how many opt-outs as
 * argument, the ports by name as a message; asked by any message, it tells the processor time it has used, ms.
 */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import { clusteredSample } from './clustered.ts';
import { savedGuard } from './saved-guard.ts';

const guard = await savedGuard(clusteredSample(Number(process.argv[2])));
const send = (_req: Request, res: Response) => void res.status(202).end();
const limit = rateLimit({ limit: 1e12, windowMs: 3_600_000 });
const variants: Readonly<Record<string, readonly RequestHandler[]>> = {
  bare: [],
  'bare, once more': [],
  'with a middleware that does nothing': [(_req, _res, next) => next()],
  'with the guard': [guard.middleware()],
  'with express-rate-limit': [limit],
};

const ports: Record<string, number> = {};
for (const [name, handlers] of Object.entries(variants)) {
  const app = express().post('/messages', express.json(), ...handlers, send);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports[name] = (server.address() as AddressInfo).port;
}
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ usedMs: (user + system) / 1_000 });
});
process.send?.({ ports });
