/** What else could hold opt-outs and be asked, each of them with the same numbers. */

import { join } from 'node:path';
import type { NumberSample } from './clustered.ts';
import { bytesOf } from './measure.ts';
import { redisClient } from './redis.ts';
import { savedGuard } from './saved-guard.ts';

/** A way to ask. */
export interface Asking {
  readonly label: string;
  /** How many numbers are asked in a round. */
  readonly asked: number;
  /** How many of some numbers are listed. */
  listed(msisdns: readonly string[]): number | Promise<number>;
}

/** Something that holds numbers. */
export interface PeerSet {
  readonly askings: readonly Asking[];
  /** What it holds outside this process. */
  readonly bytesElsewhere?: number;
  close(): Promise<void>;
}

/** Where a peer may put files, and the port of a Redis. */
export interface PeerPlaces {
  readonly folder: string;
  readonly redisPort?: number | undefined;
}

interface Lmdb {
  open(options: { readonly path: string; readonly noSync: boolean }): {
    get(key: string): unknown;
    putSync(key: string, value: boolean): void;
    transactionSync(work: () => void): void;
    close(): Promise<void>;
  };
}

interface Bitmap {
  addMany(values: Uint32Array): void;
  has(value: number): boolean;
  runOptimize(): boolean;
  shrinkToFit(): number;
}

interface Roaring {
  readonly RoaringBitmap32: new () => Bitmap;
  roaringLibraryInitialize(): Promise<void>;
}

const MANY = 1_000_000;
const SOME = 200_000;
const FEW = 20_000;
const BY = 100;
const ADDED_AT_ONCE = 1_000;
const HIGH = 2 ** 32;
const KEY = 'opt-outs';

/** A package that need not be there: the compiler is not to look for it. */
const optional = async <T>(name: string) => (await import(name)) as T;

function listedBy(has: (msisdn: string) => boolean): Asking['listed'] {
  return (msisdns) => {
    let sum = 0;
    for (const msisdn of msisdns) if (has(msisdn)) sum++;
    return sum;
  };
}

async function guardSet(sample: NumberSample): Promise<PeerSet> {
  const guard = await savedGuard(sample);
  const listed = listedBy((msisdn) => !guard.canSend(msisdn));
  return { askings: [{ label: 'canSend', asked: MANY, listed }], close: () => guard.close() };
}

async function stringSet(sample: NumberSample): Promise<PeerSet> {
  const set = new Set<string>();
  for (const batch of sample.batches()) for (const number of batch) set.add(String(number));
  const listed = listedBy((msisdn) => set.has(msisdn));
  return { askings: [{ label: 'Set<string>.has', asked: MANY, listed }], close: async () => set.clear() };
}

/** Keys are digits, as one would write them. Its file is mapped into memory. */
async function lmdbSet(sample: NumberSample, { folder }: PeerPlaces): Promise<PeerSet> {
  const { open } = await optional<Lmdb>('lmdb');
  const path = join(folder, `${sample.count}-${process.pid}.lmdb`);
  const database = open({ path, noSync: true });
  for (const batch of sample.batches(true)) {
    database.transactionSync(() => {
      for (const number of batch) database.putSync(String(number), true);
    });
  }
  const listed = listedBy((msisdn) => database.get(msisdn) === true);
  const askings = [{ label: 'lmdb, get', asked: SOME, listed }];
  return { askings, bytesElsewhere: bytesOf(path), close: () => database.close() };
}

const highOf = (number: number) => Math.floor(number / HIGH);

/** Its bitmaps have room for 32 bits: there is one for each high part. */
async function roaringSet(sample: NumberSample): Promise<PeerSet> {
  const { RoaringBitmap32, roaringLibraryInitialize } = await optional<Roaring>('roaring-wasm');
  await roaringLibraryInitialize();
  const bitmaps = new Map<number, Bitmap>();
  for (const batch of sample.batches(true)) {
    for (let from = 0, to = 0; from < batch.length; from = to) {
      const high = highOf(batch[from] as number);
      while (to < batch.length && highOf(batch[to] as number) === high) to++;
      const bitmap = bitmaps.get(high) ?? new RoaringBitmap32();
      bitmap.addMany(Uint32Array.from(batch.subarray(from, to), (number) => number % HIGH));
      bitmaps.set(high, bitmap);
    }
  }
  for (const bitmap of bitmaps.values()) {
    bitmap.runOptimize();
    bitmap.shrinkToFit();
  }
  const listed = listedBy((msisdn) => {
    const number = Number(msisdn);
    return bitmaps.get(highOf(number))?.has(number % HIGH) === true;
  });
  const askings = [{ label: 'roaring-wasm, has', asked: MANY, listed }];
  return { askings, close: async () => bitmaps.clear() };
}

async function redisSet(sample: NumberSample, { redisPort = 0 }: PeerPlaces): Promise<PeerSet> {
  const client = await redisClient(redisPort);
  const usedBytes = async () =>
    Number(/^used_memory:(\d+)/m.exec(String(await client.ask('INFO', 'memory')))?.[1]);
  const before = await usedBytes();
  for (const batch of sample.batches()) {
    for (let from = 0; from < batch.length; from += ADDED_AT_ONCE) {
      await client.ask('SADD', KEY, ...Array.from(batch.subarray(from, from + ADDED_AT_ONCE), String));
    }
  }
  async function one(msisdns: readonly string[]): Promise<number> {
    let sum = 0;
    for (const msisdn of msisdns) sum += Number((await client.ask('SISMEMBER', KEY, msisdn))[0]);
    return sum;
  }
  async function many(msisdns: readonly string[]): Promise<number> {
    let sum = 0;
    for (let from = 0; from < msisdns.length; from += BY) {
      const reply = await client.ask('SMISMEMBER', KEY, ...msisdns.slice(from, from + BY));
      for (const isListed of reply) sum += Number(isListed);
    }
    return sum;
  }
  return {
    askings: [
      { label: 'Redis, SISMEMBER one at a time', asked: FEW, listed: one },
      { label: `Redis, SMISMEMBER by ${BY}`, asked: SOME, listed: many },
    ],
    bytesElsewhere: (await usedBytes()) - before,
    async close() {
      await client.ask('DEL', KEY);
      client.close();
    },
  };
}

/** Each by its name, in the order in which they are asked. */
export const peerSets = {
  'Set<string>': stringSet,
  guard: guardSet,
  'roaring-wasm': roaringSet,
  lmdb: lmdbSet,
  redis: redisSet,
} satisfies Readonly<Record<string, (sample: NumberSample, places: PeerPlaces) => Promise<PeerSet>>>;
export type PeerName = keyof typeof peerSets;
