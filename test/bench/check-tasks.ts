/**
 * What is measured of checks in a process of its own. A program: a task's name and how many opt-outs as arguments, its
 * figures as a message.
 */

import { clusteredSample } from './clustered.ts';
import { createMemoryRead } from './memory-read.ts';
import { median } from './measure.ts';
import { savedGuard } from './saved-guard.ts';

const ROUNDS = 7;
/** A `Set` throws above 2^24. */
const MOST_IN_SET = 16_000_000;
const ASKED = 1_000_000;

function timeOf(work: () => void): number {
  const start = performance.now();
  work();
  return ((performance.now() - start) / ASKED) * 1e6;
}

/** Nanoseconds per number of each way to ask, a value a round. Half of what is asked is listed. */
async function checks(count: number) {
  const sample = clusteredSample(count);
  const guard = await savedGuard(sample);
  const peer = count <= MOST_IN_SET ? new Set<string>() : undefined;
  if (peer) for (const batch of sample.batches()) for (const number of batch) peer.add(String(number));
  const queries = Array.from(sample.queries(ASKED, 7), String);
  const plain = JSON.stringify(queries);
  const marked = JSON.stringify(queries.map((query) => `+${query}`));
  const readMemory = createMemoryRead();
  const figures: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    const counted: number[] = [];
    const measure = (name: string, text: string, work: (asked: readonly string[]) => number) => {
      // New strings each time, as they come off the wire: nobody has computed their hashes.
      const asked = JSON.parse(text) as string[];
      // Otherwise what is measured would share its time with the collection of what was made for it.
      globalThis.gc?.({ type: 'minor' });
      const took = timeOf(() => counted.push(work(asked)));
      if (round > 0) (figures[name] ??= []).push(took);
    };
    // Each has a loop of its own: in one for all of them none would be compiled as it is where it is used.
    if (peer) {
      measure('Set<string>.has', plain, (asked) => {
        let sum = 0;
        for (const msisdn of asked) if (!peer.has(msisdn)) sum++;
        return sum;
      });
    }
    measure('canSend', plain, (asked) => {
      let sum = 0;
      for (const msisdn of asked) if (guard.canSend(msisdn)) sum++;
      return sum;
    });
    measure('canSend, with a plus', marked, (asked) => {
      let sum = 0;
      for (const msisdn of asked) if (guard.canSend(msisdn)) sum++;
      return sum;
    });
    measure('check', plain, (asked) => {
      let sum = 0;
      for (const msisdn of asked) if (guard.check(msisdn).allowed) sum++;
      return sum;
    });
    measure('filter, 1,000 at a time', plain, (asked) => {
      let sum = 0;
      for (let from = 0; from < asked.length; from += 1_000) {
        sum += guard.filter(asked.slice(from, from + 1_000)).allowed.length;
      }
      return sum;
    });
    measure('filter, a million at once', plain, (asked) => guard.filter(asked).allowed.length);
    if (new Set(counted).size !== 1) throw new Error(`expected the same answers, not ${counted.join(', ')}`);
    const took = timeOf(() => readMemory(ASKED));
    if (round > 0) (figures['one dependent read of 1 GB'] ??= []).push(took);
  }
  await guard.close();
  return figures;
}

/** Bytes that a call leaves for the garbage collector. */
async function garbage(count: number) {
  const sample = clusteredSample(count);
  const guard = await savedGuard(sample);
  const asked = JSON.parse(JSON.stringify(Array.from(sample.queries(5_000, 7), String))) as string[];
  const each = (ask: (msisdn: string) => unknown) => {
    const rounds = (times: number) => {
      for (let round = 0; round < times; round++) for (const msisdn of asked) ask(msisdn);
    };
    rounds(200);
    const left = Array.from({ length: 99 }, () => {
      const before = process.memoryUsage().heapUsed;
      rounds(1);
      return (process.memoryUsage().heapUsed - before) / asked.length;
    });
    // Where memory was collected in between, less seems to be left.
    return median(left.filter((bytes) => bytes >= 0));
  };
  const figures = {
    canSend: each((msisdn) => guard.canSend(msisdn)),
    check: each((msisdn) => guard.check(msisdn)),
  };
  await guard.close();
  return figures;
}

const tasks = { checks, garbage };
export type CheckTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof CheckTasks] as (count: number) => Promise<unknown>;
process.send?.(await run(Number(takes)));
process.disconnect();
