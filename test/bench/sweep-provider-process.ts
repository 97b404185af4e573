/** Starts and drives the provider that runs in a process of its own. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Leaving, RowForm } from './sweep-provider.ts';

export interface ProviderProcess {
  readonly baseUrl: string;
  /** From now on the list is without some of its numbers. */
  leave(leaving: Leaving): Promise<void>;
  close(): Promise<void>;
}

/** The lowest there is: a provider runs on other processors than ours. */
const PRIORITY = 19;

/**
 * @param count how many numbers its list has.
 * @param rows what its rows look like.
 */
export async function startProvider(count: number, rows: RowForm = 'dated'): Promise<ProviderProcess> {
  const child = fork(fileURLToPath(new URL('./sweep-provider.js', import.meta.url)), [String(count), rows]);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  if (child.pid !== undefined) setPriority(child.pid, PRIORITY);
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    async leave(leaving) {
      const answer = once(child, 'message');
      child.send(leaving);
      await answer;
    },
    async close() {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}
