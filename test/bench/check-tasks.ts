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
const AT_ONCE = 1_000;
const MEMORY_READ = 'one dependent read of 1 GB';

function timeOf(work: () => void): number {
  const start = performance.now();
  work();
  return ((performance.now() - start) / ASKED) * 1e6;
}

/** Asks about some of what is asked. @returns how many of them may be sent to. */
type Way = (asked: readonly string[], from: number, until: number) => number;

/** A guard and, where one can hold so many, a `Set`, with the same numbers; and what both are asked. */
async function sides(size: number) {
  const sample = clusteredSample(size);
  const guard = await savedGuard(sample);
  const peer = new Set<string>();
  const hasPeer = size <= MOST_IN_SET;
  if (hasPeer) for (const batch of sample.batches()) for (const number of batch) peer.add(String(number));
  const queries = Array.from(sample.queries(ASKED, 7), String);
  const ofPeer: Way = (asked, from, until) => {
    let sum = 0;
    for (let index = from; index < until; index++) if (!peer.has(asked[index] as string)) sum++;
    return sum;
  };
  return { guard, queries, peer: hasPeer ? { 'Set<string>.has': ofPeer } : {} };
}

/**
 * Nanoseconds per number of each way to ask, a value a round.
 *
 * @param atOnce how many are asked about in one call of a way: it then is compiled once, and not again in every round as
 * a loop would be that runs a million times and is left.
 */
function timesOf(
  queries: readonly string[],
  ways: Readonly<Record<string, Way>>,
  atOnce: number,
): Record<string, number[]> {
  const plain = JSON.stringify(queries);
  const marked = JSON.stringify(queries.map((query) => `+${query}`));
  const readMemory = createMemoryRead();
  const names = Object.keys(ways);
  const figures: Record<string, number[]> = Object.fromEntries(
    [...names, MEMORY_READ].map((name) => [name, []]),
  );
  const note = (round: number, name: string, took: number) => {
    if (round >= 0) figures[name]?.push(took);
  };
  for (let round = -1; round < ROUNDS; round++) {
    const counted = new Set<number>();
    const count = names.length;
    for (let turn = 0; turn < count; turn++) {
      // From round to round at another place and after another one, which has filled the processor's cache with its own.
      const step = round % 2 === 0 ? turn : count - turn;
      const name = names[(step + round + 1) % count] as string;
      const way = ways[name] as Way;
      // New strings each time, as they come off the wire: nobody has computed their hashes.
      const asked = JSON.parse(name.includes('plus') ? marked : plain) as string[];
      let allowed = 0;
      const took = timeOf(() => {
        for (let from = 0; from < ASKED; from += atOnce) allowed += way(asked, from, from + atOnce);
      });
      counted.add(allowed);
      note(round, name, took);
    }
    if (counted.size !== 1) throw new Error(`expected the same answers, not ${[...counted].join(', ')}`);
    const took = timeOf(() => readMemory(ASKED));
    note(round, MEMORY_READ, took);
  }
  return figures;
}

/** Half of what is asked is listed. Each way has a loop of its own: it is compiled as it is where it is used. */
async function checks(size: number) {
  const { guard, queries, peer } = await sides(size);
  const ways: Readonly<Record<string, Way>> = {
    ...peer,
    canSend(asked, from, until) {
      let sum = 0;
      for (let index = from; index < until; index++) if (guard.canSend(asked[index])) sum++;
      return sum;
    },
    'canSend, with a plus'(asked, from, until) {
      let sum = 0;
      for (let index = from; index < until; index++) if (guard.canSend(asked[index])) sum++;
      return sum;
    },
    check(asked, from, until) {
      let sum = 0;
      for (let index = from; index < until; index++) if (guard.check(asked[index]).allowed) sum++;
      return sum;
    },
    'filter, 1,000 at a time': (asked, from, until) => guard.filter(asked.slice(from, until)).allowed.length,
  };
  const figures = timesOf(queries, ways, AT_ONCE);
  await guard.close();
  return figures;
}

/** In a process of its own: so many decisions that are kept change how the engine makes room for all later ones. */
async function campaign(size: number) {
  const { guard, queries, peer } = await sides(size);
  const filter: Way = (asked) => guard.filter(asked).allowed.length;
  const figures = timesOf(queries, { ...peer, 'filter, a million at once': filter }, ASKED);
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

const tasks = { checks, campaign, garbage };
export type CheckTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof CheckTasks] as (count: number) => Promise<unknown>;
process.send?.(await run(Number(takes)));
process.disconnect();
