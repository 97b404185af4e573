/** What the gates cost `fetch` and `undici.request`, beside the same requests without them, measured twice. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { GateTasks } from './gate-tasks.ts';
import { figure } from './measure.ts';
import { printRates } from './rates.ts';
import { tasksOf } from './task-processes.ts';

const inProcess = tasksOf<GateTasks>('./gate-tasks.js');
const OPT_OUTS = 1_000_000;
const ROUNDS = 15;

/** Prints it. The server is in a process of its own; the processor's time is that of the client's process. */
export async function benchGates(): Promise<void> {
  console.log(
    `gates: POST of JSON to a server on loopback that accepts it, ${figure(OPT_OUTS)} opt-outs, ${ROUNDS} rounds`,
  );
  const child = fork(fileURLToPath(new URL('./gates-server.js', import.meta.url)));
  try {
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    const figures = await inProcess('requests', { port, count: OPT_OUTS, rounds: ROUNDS });
    for (const [heading, measured] of Object.entries(figures)) printRates(heading, measured);
  } finally {
    child.kill();
  }
}
