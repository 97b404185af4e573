/** What a check costs, beside `Set.has` and a dependent read of memory of the same run. */

import type { CheckTasks } from './check-tasks.ts';
import { figure, line, median, ns, spread, times } from './measure.ts';
import { tasksOf } from './task-processes.ts';

const inProcess = tasksOf<CheckTasks>('./check-tasks.js');
const COUNTS = [10_000, 100_000, 1_000_000, 10_000_000];

/** A number at a time, and many, beside a `Set` of the same numbers and a dependent read of memory. */
async function checkTimes(count: number): Promise<void> {
  console.log(
    `checks: ${figure(count)} clustered opt-outs, half of what is asked is listed, new strings each round`,
  );
  line('', 'median', 'spread, ns', 'Set<string>', 'memory read');
  for (const task of ['checks', 'campaign'] as const) {
    const figures = await inProcess(task, count);
    const peer = figures['Set<string>.has'];
    const read = figures['one dependent read of 1 GB'] ?? [];
    for (const [label, values] of Object.entries(figures)) {
      const ofPeer = peer ? times(median(values), median(peer)) : '';
      line(label, ns(values), spread(values), ofPeer, times(median(values), median(read)));
    }
  }
}

async function garbageOfChecks(): Promise<void> {
  console.log('checks: bytes that a call leaves for the garbage collector');
  for (const [label, bytes] of Object.entries(await inProcess('garbage', 1_000_000))) {
    line(label, `${bytes.toFixed(1)} bytes`);
  }
}

/** Prints all of it. `isLarge` adds a hundred million opt-outs, which takes minutes. */
export async function benchChecks({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  for (const count of isLarge ? [...COUNTS, 100_000_000] : COUNTS) {
    await checkTimes(count);
    console.log();
  }
  await garbageOfChecks();
}
