/** What sweeps cost everybody else of the process, beside the same event loop with nothing to do. */

import { figure, line, times } from './measure.ts';
import type { SweepTasks, Swept } from './sweep-tasks.ts';
import { tasksOf } from './task-processes.ts';

const inProcess = tasksOf<SweepTasks>('./sweep-tasks.js');
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

/** Prints all of it. `isLarge` sweeps ten million rows, which takes minutes. */
export async function benchSweep({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  await sweeps({ count: MILLION, pageSize: 10_000 });
  console.log();
  await sweeps({ count: isLarge ? 10 * MILLION : MILLION, pageSize: 1_000 });
}
