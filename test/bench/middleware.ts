/** What the middleware costs a route, beside the bare route measured twice and beside another middleware. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { clusteredSample } from './clustered.ts';
import { figure } from './measure.ts';
import { printRates, ratesOf } from './rates.ts';
import { answered, requestsOf } from './requests.ts';

const OPT_OUTS = 1_000_000;
const ROUNDS = 15;
/** One of a variant's turns in a round. */
const TURN_MS = 100;
const BODIES = 4_096;

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
  const measured = await ratesOf(Object.keys(ports), ROUNDS, async (name) => {
    const [before, start] = [await usedMs(), performance.now()];
    const done = await answered(ports[name] as number, requests, TURN_MS);
    const ms = performance.now() - start;
    return { done, ms, usedMs: (await usedMs()) - before };
  });
  child.kill();
  printRates('each beside the bare app of its round', measured);
}
