/** The longest time in which the main thread serves nobody else, for what comes in large, beside an idle loop. */

import { line, median, times } from './measure.ts';
import type { StallTasks } from './stalls-tasks.ts';
import { tasksOf } from './task-processes.ts';

const inProcess = tasksOf<StallTasks>('./stalls-tasks.js');

/** What is measured, and its name in the print. */
const PARTS: Readonly<Record<keyof StallTasks, string>> = {
  longPage: 'first sweep, one page of 180,000 rows',
  longestPage: 'first sweep, one page of 1 M bare numbers',
  bareNumbers: 'own provider, 1.15 M numbers in one page',
  manyParameters: 'webhook, 12,000 parameters, signed',
  ligatures: 'webhook, a text of 6,500 U+FDFA',
};

const ms = (value: number) => `${value.toFixed(1)} ms`;

/** Prints all of it, in half a minute: the median and the largest of three rounds. */
export async function benchStalls(): Promise<void> {
  console.log('stalls: the longest wait of the main thread; at most 30 ms is the aim');
  line('', 'idle', 'median', 'beside idle', 'largest');
  for (const [name, label] of Object.entries(PARTS) as [keyof StallTasks, string][]) {
    const { idle, waits } = await inProcess(name, null);
    const [before, during] = [median(idle), median(waits)];
    line(label, ms(before), ms(during), times(during, before), ms(Math.max(...waits)));
  }
}
