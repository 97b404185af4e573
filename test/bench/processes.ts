/** Processes with a guard that are driven by messages. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const guardProgram = fileURLToPath(
  new URL('test/stores/children/guard.mjs', import.meta.resolve('sms-send-guard/package.json')),
);

export interface GuardProcess {
  /** Sends a STOP by webhook. @returns the milliseconds until its 2xx, and when that came, ms UTC. */
  stop(number: string): Promise<{ readonly ms: number; readonly at: number }>;
  /** Resolves when it blocks a number. @returns the milliseconds since `since`, ms UTC. */
  blocked(number: string, since: number): Promise<number>;
  kill(): Promise<void>;
}

/** Starts a process with a guard over a store file. */
export async function startGuardProcess(file: string): Promise<GuardProcess> {
  const child = fork(guardProgram, { execArgv: [] });
  let id = 0;
  /** One question at a time. */
  async function ask<T>(name: string, takes: object = {}): Promise<T> {
    const answer = once(child, 'message');
    child.send({ id: id++, ask: name, ...takes });
    const [{ gives, error }] = (await answer) as [{ gives: T; error?: string }];
    if (error !== undefined) throw new Error(error);
    return gives;
  }
  const { port } = await ask<{ port: number }>('start', { file });
  return {
    async stop(number) {
      const start = performance.now();
      const query = `msisdn=${number}&to=1&text=STOP&messageId=m${number}`;
      const response = await fetch(`http://127.0.0.1:${port}/?${query}`);
      const [ms, at] = [performance.now() - start, Date.now()];
      await response.text();
      if (!response.ok) throw new Error(`status ${response.status}`);
      return { ms, at };
    },
    blocked: (number, since) => ask<number>('blocked', { number, since }),
    async kill() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
