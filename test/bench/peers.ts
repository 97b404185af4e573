/**
 * What else could answer, in this process and beside it. Only where it is asked for, because it needs what the project
 * does not depend on; it goes on without what is not there.
 */

import { figure, line, median, ns, spread, times, withFolder } from './measure.ts';
import type { PeerName } from './peer-sets.ts';
import type { PeerTasks } from './peer-tasks.ts';
import { startRedis } from './redis.ts';
import { tasksOf } from './task-processes.ts';

const inProcess = tasksOf<PeerTasks>('./peer-tasks.js');
const MILLION = 1_000_000;
const PACKAGES = ['roaring-wasm', 'lmdb'] as const;
const NEEDS =
  'peers: needs lmdb and roaring-wasm (npm install --no-save lmdb roaring-wasm) and a redis-server';
const LEGEND = `  Held: what a new process has grown by, garbage collected; of lmdb its file, of Redis what used_memory has grown by.
  Part of the guard's is room that replaced regions have left: it hardly grows with the list, see the part set.
  Redis is on loopback, over a plain socket without pipelining; roaring-wasm is a bitmap of 32 bits for each high part.`;

async function peersOf(count: number, names: readonly PeerName[], folder: string, redisPort?: number) {
  const places = { count, folder, redisPort };
  const figures = await inProcess('asks', { ...places, names });
  const asked = figures['Set<string>.has'] ?? [];
  const guard = figures['canSend'] ?? [];
  console.log(
    `\npeers: ${figure(count)} clustered opt-outs, half of what is asked is listed, new strings each round`,
  );
  line('', 'median', 'spread, ns', 'Set<string>', 'canSend');
  for (const [label, values] of Object.entries(figures)) {
    const ratios = [asked, guard].map((peer) => times(median(values), median(peer)));
    line(label, ns(values), spread(values), ...ratios);
  }
  line('', 'held', 'per number');
  for (const name of names) {
    const { bytes } = await inProcess('holds', { ...places, name });
    line(name, `${figure(bytes / 1e6)} MB`, `${(bytes / count).toFixed(2)} B`);
  }
}

/** Prints it. `isLarge` adds ten million opt-outs, which takes minutes. */
export async function benchPeers({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  console.log(NEEDS);
  await withFolder(async (folder) => {
    const names: PeerName[] = ['Set<string>', 'guard'];
    for (const name of PACKAGES) {
      const { obstacle } = await inProcess('finds', { name });
      if (obstacle === undefined) names.push(name);
      else console.log(`${name}: ${obstacle}`);
    }
    const redis = await startRedis(folder);
    if (redis) names.push('redis');
    else console.log('redis-server: not installed; it comes with the package redis of your system');
    try {
      for (const count of isLarge ? [MILLION, 10 * MILLION] : [MILLION]) {
        await peersOf(count, names, folder, redis?.port);
      }
      console.log(LEGEND);
    } finally {
      await redis?.stop();
    }
  });
}
