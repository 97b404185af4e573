/** Starts guards in processes of their own, and sends them requests. */

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { copyForEverybody } from './open-copy.ts';

const pathOf = (program: string) => fileURLToPath(new URL(`./children/${program}.mjs`, import.meta.url));
const running = new Set<ChildProcess>();

export interface Started {
  readonly state: string;
  readonly port: number;
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

export interface ChildGuard {
  readonly process: ChildProcess;
  readonly started: Started;
  /** Sends a request. Rejects with the error there, or if the process has exited. */
  ask<T>(ask: string, takes?: object): Promise<T>;
  /** Sends a STOP by webhook. @returns the status; 0 if there was no answer */
  stop(number: string): Promise<number>;
  kill(): Promise<void>;
}

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** Starts a process and its guard. */
export async function startChild(
  options: { file: string; uid?: number; listed?: readonly string[]; every?: string; timeout?: string },
  execArgv: readonly string[] = [],
  program = 'guard',
): Promise<ChildGuard> {
  // Another user may not be able to read the files of this repository.
  const path = pathOf(program);
  const readable = options.uid === undefined ? path : copyForEverybody(path);
  const child = fork(readable, { execArgv: [...execArgv], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  running.add(child);
  const pending = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  let nextId = 0;
  child.on('message', ({ id, gives, error }: { id: number; gives?: unknown; error?: string }) => {
    const waiting = pending.get(id);
    pending.delete(id);
    if (error === undefined) waiting?.resolve(gives as never);
    else waiting?.reject(new Error(error));
  });
  child.on('exit', () => {
    running.delete(child);
    for (const { reject } of pending.values()) reject(new Error('the process has gone'));
    pending.clear();
  });

  function ask<T>(name: string, takes: object = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const id = nextId++;
      pending.set(id, { resolve, reject });
      child.send({ id, ask: name, ...takes }, (error) => {
        if (error) reject(error);
      });
    });
  }

  const started = await ask<Started>('start', options);
  return {
    process: child,
    started,
    ask,
    async stop(number) {
      try {
        const query = `msisdn=${number}&to=1&text=STOP&messageId=m${number}`;
        const response = await fetch(`http://127.0.0.1:${started.port}/?${query}`);
        await response.text();
        return response.status;
      } catch {
        return 0;
      }
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
