/** Processes that measure a set of numbers, each with memory of its own. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SetSize, SetTasks } from './set-tasks.ts';

const program = fileURLToPath(new URL('./set-tasks.js', import.meta.url));

/** Runs a task in a new process. @returns its figures; rejects where it went wrong, which the process has told. */
export function inSetProcess<K extends keyof SetTasks>(name: K, takes: SetSize) {
  type Figures = Awaited<ReturnType<SetTasks[K]>>;
  return new Promise<Figures>((resolve, reject) => {
    const execArgv = ['--expose-gc', '--max-old-space-size=8192'];
    const child = fork(program, [name, JSON.stringify(takes)], { execArgv });
    let figures: Figures | undefined;
    child.once('message', (message) => (figures = message as Figures));
    child.once('exit', (code) => {
      if (figures === undefined) reject(new Error(`the process of ${name} has ended with ${code}`));
      else resolve(figures);
    });
  });
}
