/** The worker over a real Redis: what waits in the queue is checked when it leaves it. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { Queue, QueueEvents } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { startWorker, type MessageJob } from '../../examples/bullmq-worker/worker.ts';
import { createGuard, vonage } from '../../src/index.ts';
import { startSimulator } from '../../src/testing/index.ts';
import { builtProgram } from '../built.ts';
import { hasRedis, isRedisRequired, startRedis } from './redis.ts';

const isLeftOut = !hasRedis && !isRedisRequired;
if (isLeftOut) process.stderr.write('LEFT OUT: bullmq-worker, because there is no redis-server here\n');
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const [STOPPER, OTHER] = ['15551230001', '15551230002'] as const;

it.skipIf(isLeftOut)('a message that was queued before the STOP does not go out', async () => {
  await using redis = await startRedis();
  await using simulator = await startSimulator();
  const { apiKey, apiSecret, url, signature } = simulator;
  await using guard = createGuard({ provider: vonage({ apiKey, apiSecret, baseUrl: url }), logger: silent });
  await guard.ready();
  const server = createServer(guard.webhooks({ signature })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const webhooks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const parts = { queue: 'messages', connection: { host: '127.0.0.1', port: redis.port } };
  const queue = new Queue<MessageJob>(parts.queue, parts);
  const events = new QueueEvents(parts.queue, parts);
  await events.waitUntilReady();

  const add = (to: string) =>
    queue.add('sms', { to, from: '73737', text: 'hello' }, { attempts: 5, backoff: 10 });
  const [blocked, allowed] = [await add(STOPPER), await add(OTHER)];
  expect((await simulator.receiveStop(webhooks, { person: STOPPER })).status).toBe(200);

  let faults = 1;
  const worker = startWorker({
    ...parts,
    guard,
    async send({ to, from, text }) {
      if (faults-- > 0) throw new Error('the provider hiccups');
      const body = new URLSearchParams({ api_key: apiKey, api_secret: apiSecret, to, from, text });
      return (await fetch(`${url}/sms/json`, { method: 'POST', body })).json();
    },
  });
  const results = [
    await blocked.waitUntilFinished(events, 10_000),
    await allowed.waitUntilFinished(events, 10_000),
  ];
  expect(results).toMatchObject([{ sent: false, reason: 'opted_out' }, { sent: true }]);
  // Done, so that nobody retries it; the other one was retried once.
  expect(await queue.getJobCounts('completed', 'failed', 'waiting', 'delayed')).toEqual({
    ...{ completed: 2, failed: 0, waiting: 0, delayed: 0 },
  });
  expect(simulator.messages.map(({ to }) => to)).toEqual([OTHER]);

  await worker.close();
  await events.close();
  await queue.close();
  server.closeAllConnections();
  server.close();
});

describe('the program', () => {
  const program = builtProgram('examples/bullmq-worker/main.js');
  const run = (env: NodeJS.ProcessEnv) =>
    promisify(execFile)(process.execPath, [program], { env: { ...process.env, REDIS_URL: '', ...env } });

  it.skipIf(isLeftOut)(
    'comes out as it says, with a Redis of its own and with that of REDIS_URL',
    async () => {
      await using redis = await startRedis();
      for (const env of [{}, { REDIS_URL: `redis://127.0.0.1:${redis.port}` }]) {
        // Rejects where it does not exit with 0.
        const { stdout, stderr } = await run(env);
        expect(stdout.trimEnd().split('\n')).toEqual(Array(6).fill(expect.stringMatching(/^ok /)));
        expect(stderr).toBe('');
      }
    },
  );

  it.each([
    [{ PATH: '/nowhere' }, /redis-server did not start: spawn redis-server ENOENT/],
    [{ REDIS_URL: 'redis://127.0.0.1:9' }, /nobody answers at REDIS_URL: connect ECONNREFUSED/],
  ])('says what it needs where there is no Redis (%j)', async (env, why) => {
    const failed = await run(env).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(why) });
    expect((failed as { stderr: string }).stderr).toContain('install redis-server, or set REDIS_URL');
  });
});
