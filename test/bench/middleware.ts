/** What the middleware costs a route, beside the bare route measured twice and beside another middleware. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { clusteredSample } from './clustered.ts';
import { figure, line, median } from './measure.ts';
import { answered, requestsOf } from './requests.ts';

const OPT_OUTS = 1_000_000;
const ROUNDS = 15;
const ROUND_MS = 600;
const BODIES = 4_096;

interface Measured {
  readonly rates: number[];
  /** Microseconds of the processor's time per request, the kernel's included. */
  readonly costs: number[];
}

const share = (values: readonly number[], peers: readonly number[]): number[] =>
  values.map((value, round) => (value / (peers[round] ?? Number.NaN)) * 100);
const percent = (values: readonly number[]) => `${median(values).toFixed(1)} %`;
const range = (values: readonly number[]) =>
  `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;

function print(measured: ReadonlyMap<string, Measured>): void {
  const bare = measured.get('bare');
  if (bare === undefined) throw new Error('expected a bare app');
  line(
    'each beside the bare app of its round',
    'requests/s',
    'of bare',
    'spread, %',
    'processor',
    'spread, %',
  );
  for (const [name, { rates, costs }] of measured) {
    const [rate, cost] = [share(rates, bare.rates), share(costs, bare.costs)];
    line(name, figure(median(rates)), percent(rate), range(rate), percent(cost), range(cost));
  }
}

/** Prints it. The client is in this process, the server in another one. */
export async function benchMiddleware(): Promise<void> {
  console.log(
    `middleware: an Express route with a JSON body, ${figure(OPT_OUTS)} opt-outs, ${ROUNDS} rounds`,
  );
  const child = fork(fileURLToPath(new URL('./middleware-server.js', import.meta.url)), [String(OPT_OUTS)]);
  const [{ ports }] = (await once(child, 'message')) as [{ ports: Readonly<Record<string, number>> }];
  const sample = clusteredSample(OPT_OUTS);
  const requests = requestsOf(
    Array.from({ length: BODIES }, (_, index) => {
      return { to: String(sample.other(index)), from: '73737', text: 'Your parcel comes today' };
    }),
  );
  async function usedMs(): Promise<number> {
    const answer = once(child, 'message');
    child.send('used');
    return ((await answer) as [{ usedMs: number }])[0].usedMs;
  }
  const variants = Object.entries(ports);
  const measured = new Map(variants.map(([name]): [string, Measured] => [name, { rates: [], costs: [] }]));
  for (let round = -2; round < ROUNDS; round++) {
    for (const turn of variants.keys()) {
      // Each has its turn at each place.
      const [name, port] = variants[(turn + round + variants.length) % variants.length] as [string, number];
      const [before, start] = [await usedMs(), performance.now()];
      const done = await answered(port, requests, ROUND_MS);
      const took = performance.now() - start;
      const cost = (((await usedMs()) - before) / done) * 1_000;
      if (round < 0) continue;
      measured.get(name)?.rates.push((done / took) * 1_000);
      measured.get(name)?.costs.push(cost);
    }
  }
  child.kill();
  print(measured);
}
