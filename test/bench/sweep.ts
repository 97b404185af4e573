/** What sweeps cost everybody else of the process, beside the same event loop with nothing to do. */

import { figure, line, median, spread, times } from './measure.ts';
import type { SweepTasks, Swept } from './sweep-tasks.ts';
import { tasksOf } from './task-processes.ts';
import type { ThreadTasks } from './thread-tasks.ts';

const inProcess = tasksOf<SweepTasks>('./sweep-tasks.js');
const inThreadProcess = tasksOf<ThreadTasks>('./thread-tasks.js');
const SIZES = [2_500, 10_000, 25_000, 50_000, 100_000, 250_000];
const MILLION = 1_000_000;

const ms = (value: number) => `${value.toFixed(2)} ms`;

async function sweeps(given: Swept): Promise<void> {
  const parts = await inProcess('sweeps', given);
  const idle = parts[0]?.most ?? Number.NaN;
  console.log(
    `sweep: ${figure(given.count)} rows over HTTP from another process, ${figure(given.pageSize)} a page`,
  );
  line('how long a request waits for its turn', 'p50', 'p99.9', 'beside idle', 'longest', 'rows/s');
  for (const { label, half, most, longest, rows, ms: took } of parts) {
    const rate = rows > 0 ? figure((rows / took) * 1_000) : '';
    line(label, ms(half), ms(most), times(most, idle), ms(longest), rate);
  }
}

/** From how many rows on a thread of its own spares the main thread more than it costs. */
async function threads(): Promise<void> {
  console.log(
    'sweep: how long a sweep keeps the main thread busy, its own thread started and ended, 1,000 a page',
  );
  line('', 'without', 'own thread', 'ratio', 'both take');
  for (const count of SIZES) {
    const { without, own } = await inThreadProcess('threads', count);
    const [before, after] = [median(without.busyMs), median(own.busyMs)];
    const took = `${figure(median(without.tookMs))} ${figure(median(own.tookMs))} ms`;
    line(`${figure(count)} rows`, ms(before), ms(after), times(after, before), took);
    line('  spread, ms', spread(without.busyMs), spread(own.busyMs));
  }
}

/** Prints all of it. `isLarge` sweeps ten million rows, which takes minutes. */
export async function benchSweep({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  await threads();
  console.log();
  await sweeps({ count: MILLION, pageSize: 10_000 });
  console.log();
  await sweeps({ count: isLarge ? 10 * MILLION : MILLION, pageSize: 1_000 });
}
