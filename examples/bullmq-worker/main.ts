/**
 * Somebody texts STOP while a message to them waits in the queue: the worker does not send it. Plays that against the
 * simulator, prints it, and exits 0 only if all of it came out as it says. Needs a Redis: that of REDIS_URL, else a
 * `redis-server` of its own, which keeps nothing.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue, QueueEvents, type ConnectionOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { createGuard, vonage } from 'sms-send-guard';
import { startSimulator } from 'sms-send-guard/testing';
import { startWorker, type MessageJob } from './worker.ts';

const SENDER = '73737';
const [ANN, BEN] = ['15551230001', '15551230002'] as const;
const TIMEOUT_MS = 20_000;

interface FoundRedis extends AsyncDisposable {
  readonly connection: ConnectionOptions;
}

/** The Redis of REDIS_URL. @throws where nobody answers there. */
async function redisAt(url: string): Promise<FoundRedis> {
  const probe = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  let fault: unknown;
  probe.on('error', (error) => (fault = error));
  await probe.connect().catch((error: unknown) => {
    throw fault ?? error;
  });
  probe.disconnect();
  return { connection: { url }, [Symbol.asyncDispose]: async () => undefined };
}

/** A Redis behind a socket in a folder that goes. @throws where there is no `redis-server`. */
async function ownRedis(): Promise<FoundRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'sms-send-guard-'));
  const path = join(folder, 'redis.sock');
  const args = ['--port', '0', '--unixsocket', path, '--dir', folder, '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => server.once('error', () => resolve()).once('close', resolve));
  async function end(): Promise<void> {
    server.kill();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
  try {
    await once(server, 'spawn');
    let said = '';
    server.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    while (!/ready to accept connections/i.test(said)) {
      const isGone = await Promise.race([gone.then(() => true), once(server.stdout, 'data')]);
      if (isGone === true) throw new Error('it ended at once');
    }
    return { connection: { path }, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function findRedis(): Promise<FoundRedis | undefined> {
  const url = process.env['REDIS_URL'] ?? '';
  try {
    return await (url === '' ? ownRedis() : redisAt(url));
  } catch (error) {
    const tried = url === '' ? 'redis-server did not start' : 'nobody answers at REDIS_URL';
    console.error(
      `This example needs a Redis: install redis-server, or set REDIS_URL=redis://host:port (${tried}: ${(error as Error).message}).`,
    );
    return undefined;
  }
}

let isRight = true;

function tell(what: string, isAsExpected: boolean): void {
  isRight &&= isAsExpected;
  console.log(`${isAsExpected ? 'ok   ' : 'WRONG'} ${what}`);
}

async function play(connection: ConnectionOptions): Promise<void> {
  await using simulator = await startSimulator();
  const { apiKey, apiSecret, url, signature } = simulator;
  await using guard = createGuard({
    provider: vonage({ apiKey, apiSecret, baseUrl: url }),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  await guard.ready();
  const server = createServer(guard.webhooks({ signature })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const webhooks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  const name = `sms-send-guard-example-${process.pid}`;
  const queue = new Queue<MessageJob>(name, { connection });
  const events = new QueueEvents(name, { connection });
  await events.waitUntilReady();
  const add = (to: string) =>
    queue.add('sms', { to, from: SENDER, text: 'hello' }, { attempts: 5, backoff: 100 });
  const jobs = [await add(ANN), await add(BEN)];
  tell('a message to Ann and one to Ben wait', guard.canSend(ANN) && guard.canSend(BEN));
  const stop = await simulator.receiveStop(webhooks, { person: ANN });
  tell('Ann texts STOP', stop.status === 200 && !guard.canSend(ANN));

  let faults = 1;
  const worker = startWorker({
    ...{ guard, connection, queue: name },
    async send({ to, from, text }) {
      if (faults-- > 0) throw new Error('the provider hiccups');
      const body = new URLSearchParams({ api_key: apiKey, api_secret: apiSecret, to, from, text });
      return (await fetch(`${url}/sms/json`, { method: 'POST', body })).json();
    },
  });
  const [toAnn, toBen] = await Promise.all(jobs.map((job) => job.waitUntilFinished(events, TIMEOUT_MS)));
  tell('hers is done, and not sent: opted_out', toAnn?.sent === false && toAnn.reason === 'opted_out');
  tell('his is sent, at the second try', toBen?.sent === true && faults === -1);
  tell('the provider saw one message', simulator.messages.map(({ to }) => to).join() === BEN);
  const { completed, failed } = await queue.getJobCounts('completed', 'failed');
  tell('nothing has failed that somebody might send again', completed === 2 && failed === 0);

  await worker.close();
  await events.close();
  await queue.obliterate({ force: true });
  await queue.close();
  server.closeAllConnections();
  server.close();
}

await using redis = await findRedis();
if (redis !== undefined) await play(redis.connection);
process.exitCode = redis !== undefined && isRight ? 0 : 1;
