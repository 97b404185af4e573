/** What a check and a sweep cost, beside `Set.has`, an Express app without the guard, an idle event loop. */

import { once } from 'node:events';
import { Agent, createServer, request, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import express from 'express';
import { createGuard, vonage, type Guard } from 'sms-send-guard';
import { startSimulator } from 'sms-send-guard/testing';
import type { CheckTasks } from './check-tasks.ts';
import { figure, line, median, times } from './measure.ts';
import { clusteredNumbers } from './numbers.ts';
import { tasksOf } from './task-processes.ts';

const inProcess = tasksOf<CheckTasks>('./check-tasks.js');
const ROUNDS = 5;
const COUNTS = [10_000, 100_000, 1_000_000, 10_000_000];

async function guardOf(numbers: readonly string[]): Promise<Guard> {
  const guard = createGuard({
    provider: {
      page: async ({ index, size }) => ({
        rows: numbers.slice(index * size, (index + 1) * size),
        total: numbers.length,
      }),
    },
    refresh: { every: '1h', pageSize: 10_000 },
  });
  await guard.ready({ timeout: '10m' });
  return guard;
}

const ns = (values: readonly number[]) => `${figure(median(values))} ns`;
const spread = (values: readonly number[]) =>
  `${figure(Math.min(...values))} to ${figure(Math.max(...values))}`;

/** A number at a time, beside a `Set` of the same numbers and a dependent read of memory. */
async function checkTimes(count: number): Promise<void> {
  const figures = await inProcess('checks', count);
  const peer = figures['Set<string>.has'];
  const read = figures['one dependent read of 1 GB'] ?? [];
  console.log(
    `\nchecks: ${figure(count)} clustered opt-outs, half of what is asked is listed, new strings each round`,
  );
  line('', 'median', 'spread, ns', 'Set<string>', 'memory read');
  for (const [label, values] of Object.entries(figures)) {
    const ofPeer = peer ? times(median(values), median(peer)) : '';
    line(label, ns(values), spread(values), ofPeer, times(median(values), median(read)));
  }
}

async function garbageOfChecks(): Promise<void> {
  console.log('\nchecks: bytes that a call leaves for the garbage collector');
  for (const [label, bytes] of Object.entries(await inProcess('garbage', 1_000_000))) {
    line(label, `${bytes.toFixed(1)} bytes`);
  }
}

/** Requests per second over kept-alive connections. */
async function requestRate(listener: RequestListener, ms: number): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const body = JSON.stringify({ to: '15559990000', from: '73737', text: 'hello' });
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const req = request(
        { port, host: '127.0.0.1', agent, method: 'POST', path: '/messages', headers },
        (res) => {
          res.resume().on('end', resolve);
          if (res.statusCode !== 202) reject(new Error(`status ${res.statusCode}`));
        },
      );
      req.on('error', reject).end(body);
    });
  let done = 0;
  const start = performance.now();
  const loops = Array.from({ length: 16 }, async () => {
    while (performance.now() - start < ms) {
      await one();
      done++;
    }
  });
  await Promise.all(loops);
  const rate = (done / (performance.now() - start)) * 1000;
  agent.destroy();
  server.close();
  return rate;
}

async function middlewareRates(): Promise<void> {
  console.log('\nmiddleware: requests per second of one Express app, client on the same machine');
  const guard = await guardOf(clusteredNumbers(100_000));
  const send = (_req: express.Request, res: express.Response) => void res.status(202).end();
  const bare = express().post('/messages', express.json(), send);
  const guarded = express().post('/messages', express.json(), guard.middleware(), send);
  const without: number[] = [];
  const withGuard: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = [await requestRate(bare, 800), await requestRate(guarded, 800)] as const;
    if (round === 0) continue;
    without.push(pair[0]);
    withGuard.push(pair[1]);
  }
  console.log(`  without ${figure(median(without))}/s, with ${figure(median(withGuard))}/s`);
  console.log(`  ${(median(withGuard) / median(without)).toFixed(2)} × the app without it`);
  await guard.close();
}

async function sweepStalls(): Promise<void> {
  console.log('\nsweep: a list from the simulator, in the same process, while canSend is called');
  for (const count of [100_000, 1_000_000]) {
    const simulator = await startSimulator({ optOuts: count });
    const { apiKey, apiSecret, url } = simulator;
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const idle = monitorEventLoopDelay({ resolution: 1 });
    idle.enable();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    idle.disable();
    const sweeping = createGuard({
      provider: vonage({ apiKey, apiSecret, baseUrl: url }),
      refresh: { every: '1h', pageSize: 1_000 },
    });
    let checks = 0;
    const asking = setInterval(() => {
      for (let index = 0; index < 100; index++) sweeping.canSend('15559990000');
      checks += 100;
    }, 5);
    delay.enable();
    const start = performance.now();
    await sweeping.ready({ timeout: '10m' });
    const took = performance.now() - start;
    delay.disable();
    clearInterval(asking);
    const [worst, still] = [delay.max / 1e6, idle.max / 1e6];
    console.log(
      `  ${figure(count)} rows: ${figure((count / took) * 1000)} rows/s, ${figure(checks)} checks meanwhile`,
    );
    console.log(
      `  longest stall ${worst.toFixed(1)} ms, idle ${still.toFixed(1)} ms: ${(worst / still).toFixed(1)} ×`,
    );
    await sweeping.close();
    await simulator.close();
  }
}

/** Prints all of it. `isLarge` adds a hundred million opt-outs, which takes minutes. */
export async function benchChecks({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  for (const count of COUNTS) await checkTimes(count);
  if (isLarge) await checkTimes(100_000_000);
  await garbageOfChecks();
  await middlewareRates();
  await sweepStalls();
}
