/**
 * What is measured of peers in a process of its own. A program: a task's name and what it takes as arguments, its
 * figures as a message.
 */

import { clusteredSample } from './clustered.ts';
import { ownResidentBytes } from './measure.ts';
import { peerSets, type PeerName, type PeerPlaces, type PeerSet } from './peer-sets.ts';

interface Asked extends PeerPlaces {
  readonly names: readonly PeerName[];
  readonly count: number;
}

interface Held extends PeerPlaces {
  readonly name: PeerName;
  readonly count: number;
}

const ROUNDS = 5;
/** Of the set by which code is compiled and tables are made before anything is measured. */
const WARMUP = 20_000;

/** Nanoseconds per number of each way to ask, a value a round. Half of what is asked is listed. */
async function asks({ names, count, ...places }: Asked) {
  const sample = clusteredSample(count);
  const sets: PeerSet[] = [];
  for (const name of names) sets.push(await peerSets[name](sample, places));
  const askings = sets.flatMap((set) => set.askings);
  const most = Math.max(...askings.map(({ asked }) => asked));
  const queries = Array.from(sample.queries(most, 7), String);
  const texts = askings.map(({ asked }) => JSON.stringify(queries.slice(0, asked)));
  const figures: Record<string, number[]> = {};
  const counted = new Map<number, number>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [place, { label, asked, listed }] of askings.entries()) {
      // New strings each time, as they come off the wire: nobody has computed their hashes.
      const msisdns = JSON.parse(texts[place] as string) as string[];
      const start = performance.now();
      const sum = await listed(msisdns);
      const took = ((performance.now() - start) / asked) * 1e6;
      if ((counted.get(asked) ?? sum) !== sum) throw new Error(`expected the same answers of ${label}`);
      counted.set(asked, sum);
      if (round > 0) (figures[label] ??= []).push(took);
    }
  }
  for (const set of sets) await set.close();
  return figures;
}

/** Bytes that this process grows by, or that are held elsewhere. */
async function holds({ name, count, ...places }: Held) {
  await (await peerSets[name](clusteredSample(WARMUP), places)).close();
  const sample = clusteredSample(count);
  const before = await ownResidentBytes();
  const set = await peerSets[name](sample, places);
  const grownBytes = (await ownResidentBytes()) - before;
  const bytes = set.bytesElsewhere ?? grownBytes;
  await set.close();
  return { bytes };
}

/** Loads a package. @returns what is in its way, where something is. */
async function finds({ name }: { readonly name: string }): Promise<{ readonly obstacle?: string }> {
  try {
    await import(name);
    return {};
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = code === 'ERR_MODULE_NOT_FOUND';
    return {
      obstacle: isMissing ? `not installed; npm install --no-save ${name}` : `cannot be loaded: ${message}`,
    };
  }
}

const tasks = { asks, holds, finds };
export type PeerTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof PeerTasks] as (given: unknown) => Promise<unknown>;
process.send?.(await run(JSON.parse(takes)));
process.disconnect();
