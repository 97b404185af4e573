/**
 * What is measured of a set of numbers in a process of its own. A program: a task's name and the size of the set as
 * arguments, its figures as a message.
 */

import type * as Msisdns from '../../src/msisdn/digits.ts';
import type * as Sets from '../../src/number-set/number-set.ts';
import { builtModule } from './built.ts';
import { clusteredSample, uniformSample, type NumberSample } from './clustered.ts';
import { ownResidentBytes } from './measure.ts';
import { createMemoryRead } from './memory-read.ts';
import { requireThat } from './saved-guard.ts';

const { createSnapshotReader, createNumberSet } = await builtModule<typeof Sets>('number-set/number-set.js');
const { toNumber } = await builtModule<typeof Msisdns>('msisdn/digits.js');

export interface SetSize {
  readonly count: number;
  readonly isClustered: boolean;
}

const ROUNDS = 7;
/** Of the set by which code is compiled before anything is measured: what it leaves free is little, or given back. */
const WARMUP = { kept: 20_000, givenBack: 1_000_000 };
/** Numbers after which making them needs no more memory. */
const MADE = 3_000_000;
const MOST_IN_SET = 16_000_000;
const PAUSES = 200_000;
const PAUSE_ROUNDS = 5;
/** At least as many numbers as a batch can have. */
const LARGEST_BATCH = 16_384;

const sampleOf = ({ count, isClustered }: SetSize): NumberSample =>
  isClustered ? clusteredSample(count) : uniformSample(count);

function timeOf(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function loaded(sample: NumberSample) {
  const set = createNumberSet();
  for (const batch of sample.batches()) set.addBatch(batch);
  requireThat(set.size === sample.count, 'all numbers are in the set');
  return set;
}

/**
 * What holding a set takes. The process is to be a new one: room that others have left would be used first, and the set
 * would seem to need none. Every page of the set is written to.
 */
async function memory(size: SetSize) {
  const isGivenBack = process.env['MALLOC_MMAP_THRESHOLD_'] !== undefined;
  loaded(sampleOf({ ...size, count: isGivenBack ? WARMUP.givenBack : WARMUP.kept }));
  const sample = sampleOf(size);
  let made = 0;
  for (const batch of sample.batches()) if ((made += batch.length) > MADE) break;
  const before = await ownResidentBytes();
  const set = createNumberSet();
  let took = 0;
  for (const batch of sample.batches()) took += timeOf(() => set.addBatch(batch));
  requireThat(set.size === sample.count, 'all numbers are in the set');
  const after = await ownResidentBytes();
  const loadNs = (took / size.count) * 1e6;
  return { residentBytes: after - before, ownBytes: set.bytes, leastBytes: sample.leastBytes, loadNs };
}

/**
 * The longest that any of many steps takes, ms: each is done several times over, and the least of its times counts. What
 * is the step's own work takes as long every time; what the machine or the garbage collector puts in between does not.
 */
async function pauses(size: SetSize) {
  const sample = sampleOf(size);
  const msisdns = Array.from(sample.queries(PAUSES, 99), String);
  const kinds = ['has', 'add', 'delete', 'batch'] as const;
  const least = Object.fromEntries(kinds.map((kind) => [kind, new Float64Array(PAUSES).fill(Infinity)]));
  const once = (kind: (typeof kinds)[number], steps: number, step: (index: number) => unknown) => {
    const times = least[kind] as Float64Array;
    for (let index = 0; index < steps; index++) {
      times[index] = Math.min(
        times[index] as number,
        timeOf(() => void step(index)),
      );
    }
  };
  let steps = 0;
  for (let round = 0; round < PAUSE_ROUNDS; round++) {
    const set = loaded(sample);
    once('has', PAUSES, (index) => set.has(msisdns[index] as string));
    once('add', PAUSES, (index) => set.add(msisdns[index] as string));
    once('delete', PAUSES, (index) => set.delete(msisdns[index] as string));
    const batches = set.batches();
    steps = Math.min(PAUSES, Math.floor(set.size / LARGEST_BATCH));
    once('batch', steps, () => batches.next());
  }
  const longest = (kind: (typeof kinds)[number], count: number) =>
    (least[kind] as Float64Array).subarray(0, count).reduce((most, time) => Math.max(most, time), 0);
  return {
    has: longest('has', PAUSES),
    add: longest('add', PAUSES),
    delete: longest('delete', PAUSES),
    batch: longest('batch', steps),
  };
}

async function lookups(size: SetSize) {
  const sample = sampleOf(size);
  const set = loaded(sample);
  const peer = size.count <= MOST_IN_SET ? new Set<string>() : undefined;
  if (peer) for (const batch of sample.batches()) for (const number of batch) peer.add(String(number));
  const count = 1_000_000;
  const json = JSON.stringify(Array.from(sample.queries(count, 7), String));
  const readMemory = createMemoryRead();
  const found = new Uint8Array(count);
  const numbers = new Float64Array(count);
  const figures = { set: [], each: [], peer: [], chase: [], digits: [] } as Record<string, number[]>;
  for (let round = 0; round <= ROUNDS; round++) {
    let [hits, hitsOfEach, hitsOfPeer, sum] = [0, 0, 0, 0];
    const measured = (name: string, work: (asked: readonly string[]) => void) => {
      // New strings each time, whose hashes nobody has computed.
      const asked = JSON.parse(json) as string[];
      const took = timeOf(() => work(asked));
      if (round > 0) figures[name]?.push((took / count) * 1e6);
    };
    measured('set', (asked) => {
      for (const msisdn of asked) if (set.has(msisdn)) hits++;
    });
    measured('each', (asked) => {
      for (let index = 0; index < count; index++) numbers[index] = toNumber(asked[index] as string);
      set.hasEach(numbers, found);
    });
    for (const one of found) hitsOfEach += one;
    if (peer) {
      measured('peer', (asked) => {
        for (const msisdn of asked) if (peer.has(msisdn)) hitsOfPeer++;
      });
    }
    measured('digits', (asked) => {
      for (const msisdn of asked) sum += toNumber(msisdn);
    });
    measured('chase', () => readMemory(count));
    requireThat(hits === hitsOfEach && (!peer || hits === hitsOfPeer) && sum > 0, 'all find the same');
  }
  const { set: ofSet = [], each = [], peer: ofPeer = [], chase = [], digits = [] } = figures;
  return { set: ofSet, each, peer: ofPeer, chase, digits };
}

async function images(size: SetSize) {
  const set = loaded(sampleOf(size));
  const figures = { writeMs: Infinity, readMs: Infinity, longestMs: 0, bytes: 0 };
  // Of each chunk, how long it took to make and to take at least.
  const least: number[] = [];
  const noteStep = (step: number, took: number) => (least[step] = Math.min(least[step] ?? Infinity, took));
  for (let round = 0; round < ROUNDS; round++) {
    const chunks: Uint8Array[] = [];
    const writing = set.snapshot();
    const reader = createSnapshotReader();
    let [writeMs, readMs] = [0, 0];
    for (let isOver = false; !isOver;) {
      const took = timeOf(() => {
        const { value, done = false } = writing.next();
        if (value) chunks.push(value);
        isOver = done;
      });
      noteStep(2 * chunks.length, took);
      writeMs += took;
    }
    figures.bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    for (const [index, chunk] of chunks.entries()) {
      const took = timeOf(() => reader.take(chunk));
      noteStep(2 * index + 1, took);
      readMs += took;
    }
    requireThat(reader.done().size === size.count, 'an image has all numbers');
    figures.writeMs = Math.min(figures.writeMs, writeMs);
    figures.readMs = Math.min(figures.readMs, readMs);
  }
  figures.longestMs = least.reduce((most, took) => Math.max(most, took), 0);
  return figures;
}

const tasks = { memory, lookups, images, pauses };
export type SetTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof SetTasks] as (size: SetSize) => Promise<unknown>;
process.send?.(await run(JSON.parse(takes) as SetSize));
process.disconnect();
