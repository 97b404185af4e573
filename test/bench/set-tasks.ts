/**
 * What is measured of a set of numbers in a process of its own. A program: a task's name and the size of the set as
 * arguments, its figures as a message.
 */

import type * as Msisdns from '../../src/msisdn-digits.ts';
import type * as Sets from '../../src/optouts/number-set.ts';
import { builtModule } from './built.ts';
import { clusteredSample, uniformSample, type NumberSample } from './clustered.ts';
import { ownResidentBytes } from './measure.ts';
import { createMemoryRead } from './memory-read.ts';
import { requireThat } from './saved-guard.ts';

const { createImageReader, createNumberSet, createNumberSetFromTransfer } =
  await builtModule<typeof Sets>('optouts/number-set.js');
const { toNumber } = await builtModule<typeof Msisdns>('msisdn-digits.js');

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

function longest(work: (index: number) => unknown, rounds: number): number {
  let most = 0;
  for (let index = 0; index < rounds; index++)
    most = Math.max(
      most,
      timeOf(() => void work(index)),
    );
  return most;
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
  const others = sample.queries(PAUSES, 99);
  const msisdns = Array.from(others, String);
  const batches = set.batches();
  const own = [
    longest((index) => set.add(msisdns[index] as string), PAUSES),
    longest((index) => set.delete(msisdns[index] as string), PAUSES),
    longest(() => batches.next(), 1_000),
  ];
  const idle = longest(() => 0, PAUSES);
  const { set: ofSet = [], each = [], peer: ofPeer = [], chase = [], digits = [] } = figures;
  return { set: ofSet, each, peer: ofPeer, chase, digits, pauseMs: { own, idle } };
}

async function images(size: SetSize) {
  const set = loaded(sampleOf(size));
  const figures = { writeMs: Infinity, readMs: Infinity, longestMs: Infinity, transferMs: 0, bytes: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const chunks: Uint8Array[] = [];
    const writeMs = timeOf(() => chunks.push(...set.image()));
    const reader = createImageReader();
    let longestMs = 0;
    for (const chunk of chunks.map((one) => one.slice()))
      longestMs = Math.max(
        longestMs,
        timeOf(() => reader.take(chunk)),
      );
    const copied = createImageReader();
    const readMs = timeOf(() => {
      for (const chunk of chunks) copied.take(chunk);
      requireThat(copied.done().size === size.count, 'an image has all numbers');
    });
    figures.writeMs = Math.min(figures.writeMs, writeMs);
    figures.readMs = Math.min(figures.readMs, readMs);
    figures.longestMs = Math.min(figures.longestMs, longestMs);
    figures.bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  figures.transferMs = timeOf(() => {
    const { state, buffers } = set.transfer();
    const other = createNumberSetFromTransfer(structuredClone(state, { transfer: buffers }));
    requireThat(other.size === size.count, 'all numbers are handed over');
  });
  return figures;
}

const tasks = { memory, lookups, images };
export type SetTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof SetTasks] as (size: SetSize) => Promise<unknown>;
process.send?.(await run(JSON.parse(takes) as SetSize));
process.disconnect();
