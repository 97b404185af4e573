/** What a check and a sweep cost, beside `Set.has`, an Express app without the guard, an idle event loop. */

import { once } from 'node:events';
import { Agent, createServer, request, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import express from 'express';
import { Bench, type Task } from 'tinybench';
import { createGuard, vonage, type Guard } from 'sms-send-guard';
import { startSimulator } from 'sms-send-guard/testing';
import { figure, median } from './measure.ts';
import { clusteredNumbers } from './numbers.ts';

const ROUNDS = 5;

/** Calls per batch, so that the time of a call is not the time of the clock. */
const BATCH = 8_192;

/** Calls per second of several functions of an index below {@link BATCH}. */
async function rates(
  functions: Readonly<Record<string, (index: number) => unknown>>,
): Promise<Record<string, number>> {
  const bench = new Bench({ time: 1_500, warmupTime: 300 });
  for (const [name, run] of Object.entries(functions)) {
    bench.add(name, () => {
      let allowed = 0;
      for (let index = 0; index < BATCH; index++) if (run(index) === true) allowed++;
      return allowed;
    });
  }
  await bench.run();
  return Object.fromEntries(bench.tasks.map((task) => [task.name, BATCH * rateOf(task)]));
}

/** Runs per second by the mean run. */
function rateOf({ result }: Task): number {
  if (result?.error) throw result.error;
  return 1000 / (result?.mean ?? Number.NaN);
}

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

async function checkRates(): Promise<void> {
  console.log('canSend: calls per second, half of the numbers listed');
  for (const count of [10_000, 100_000, 1_000_000]) {
    const numbers = clusteredNumbers(count);
    const guard = await guardOf(numbers);
    const set = new Set(numbers);
    const mixed = [...numbers.slice(0, 5_000), ...clusteredNumbers(5_000, 3)];
    const asked = Array.from({ length: 8_192 }, (_, index) => mixed[(index * 4_973) % mixed.length] ?? '');
    const formatted = asked.map((number) => `+${number}`);
    const integers = asked.map(Number);
    const result = await rates({
      'Set<string>.has': (index) => set.has(asked[index] ?? ''),
      canonical: (index) => guard.canSend(asked[index]),
      formatted: (index) => guard.canSend(formatted[index]),
      numbers: (index) => guard.canSend(integers[index]),
    });
    const peer = result['Set<string>.has'] ?? Number.NaN;
    for (const [name, rate] of Object.entries(result)) {
      const label = `${figure(count)} opt-outs, ${name}`;
      console.log(
        `  ${label.padEnd(40)} ${figure(rate).padStart(13)}/s   ${(rate / peer).toFixed(2)} × Set.has`,
      );
    }
    await guard.close();
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

/** Prints all of it. */
export async function benchChecks(): Promise<void> {
  await checkRates();
  await middlewareRates();
  await sweepStalls();
}
