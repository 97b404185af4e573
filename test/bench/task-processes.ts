/** Processes that measure one thing each, with memory of their own. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

type Task = (takes: never) => Promise<unknown>;

/**
 * The tasks of a program beside this file, each run in a new process.
 *
 * @param environment what its environment has besides ours.
 * @returns a function that gives a task's figures, and rejects where it went wrong, which the process has told.
 */
export function tasksOf<Tasks extends Readonly<Record<string, Task>>>(program: string) {
  const path = fileURLToPath(new URL(program, import.meta.url));
  return <K extends keyof Tasks & string>(
    name: K,
    takes: Parameters<Tasks[K]>[0],
    environment: Readonly<Record<string, string>> = {},
  ) =>
    new Promise<Awaited<ReturnType<Tasks[K]>>>((resolve, reject) => {
      const execArgv = ['--expose-gc', '--max-old-space-size=8192'];
      const env = { ...process.env, ...environment };
      const child = fork(path, [name, JSON.stringify(takes)], { execArgv, env });
      let figures: Awaited<ReturnType<Tasks[K]>> | undefined;
      child.once('message', (message) => (figures = message as Awaited<ReturnType<Tasks[K]>>));
      child.once('exit', (code) => {
        if (figures === undefined) reject(new Error(`the process of ${name} has ended with ${code}`));
        else resolve(figures);
      });
    });
}
