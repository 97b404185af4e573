/** How long a process that starts from a saved list has no answer, beside a JSON file that is read into a `Set`. */

import { join } from 'node:path';
import { bytesOf, figure, line, median, megabytes, ms, spread, times, withFolder } from './measure.ts';
import type { StartTasks } from './start-tasks.ts';
import { tasksOf } from './task-processes.ts';
import type { Tasks } from './tasks.ts';

const inProcess = tasksOf<StartTasks>('./start-tasks.js');
const saving = tasksOf<Tasks>('./tasks.js');
const MILLION = 1_000_000;
const ROUNDS = 5;

/** What is lined up of several starts. */
interface Started {
  readonly ms: number;
  readonly stallMs: number;
  readonly grownBytes: number;
  readonly peakBytes: number;
}

function print(guard: readonly Started[], set: readonly Started[]): void {
  const row = (label: string, told: (value: number) => string, key: keyof Started) => {
    const middle = (all: readonly Started[]) => median(all.map((one) => one[key]));
    line(label, told(middle(guard)), told(middle(set)), times(middle(guard), middle(set)));
  };
  line('', 'guard', 'Set<string>', 'ratio');
  row('until the first answer, its thread included', ms, 'ms');
  line('  spread, ms', ...[guard, set].map((all) => spread(all.map((one) => one.ms))));
  row('longest stall', ms, 'stallMs');
  row('memory', megabytes, 'grownBytes');
  row('memory at most', megabytes, 'peakBytes');
}

async function starts(folder: string, count: number): Promise<void> {
  const [file, json] = [join(folder, 'list.db'), join(folder, 'list.json')];
  await saving('saveSweeps', { file, count });
  await saving('saveJson', { file: json, count: MILLION });
  const [guard, set]: [Started[], Started[]] = [[], []];
  const parts: Awaited<ReturnType<StartTasks['startParts']>>[] = [];
  // The files were just written: the first round finds them in memory as the following ones do.
  for (let round = 0; round < ROUNDS; round++) {
    guard.push(await inProcess('startGuard', { file, count }));
    set.push(await inProcess('startSet', { file: json, count: MILLION }));
    parts.push(await inProcess('startParts', { file, count }));
  }
  console.log(
    `start: from ${figure(count)} saved numbers (${megabytes(bytesOf(file))}), the provider down, beside JSON.parse of
  ${figure(MILLION)} (${megabytes(bytesOf(json))}) into a Set; each of ${ROUNDS} times in a new process, whose own start and imports are not in it`,
  );
  print(guard, set);
  line('its parts, as the store sees them', 'median', 'spread, ms');
  for (const [label, key] of [
    ['  opening the file, with its thread', 'openMs'],
    ['  reading the image and taking it in', 'loadMs'],
    ['  the rest', 'restMs'],
  ] as const) {
    const values = parts.map((one) => one[key]);
    line(label, ms(median(values)), spread(values));
  }
}

/** Prints it. `isLarge` starts from a hundred million numbers, which have to be saved before. */
export async function benchStart({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  if (isLarge) console.log('start: saving a hundred million numbers takes minutes');
  await withFolder((folder) => starts(folder, (isLarge ? 100 : 10) * MILLION));
}
