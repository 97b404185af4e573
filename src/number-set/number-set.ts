/**
 * A set of numbers without an upper limit: exact, no false answer in either direction, nothing is ever evicted. A
 * JavaScript `Set` throws at 16 777 216 entries (8 388 608 in some newer engines), stops the event loop while it grows
 * and takes 40 to 70 bytes a number; here numbers lie compressed in small regions, each of which grows alone.
 */

import { toNumber } from '../msisdn/digits.ts';
import { isNumber, NUMBERS_END, SMALLEST_NUMBER } from './double-bits.ts';
import { holdsEach } from './batch-lookup.ts';
import { MOST_NUMBERS, readLeaf } from './leaves.ts';
import { lowerBound } from './regions.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';
import {
  createPlace,
  createTree,
  holds,
  NO_NODES,
  NO_NUMBERS,
  seek,
  takeTree,
  type NumberTree,
} from './tree.ts';
import { addAscending, addNumber, deleteNumber } from './update.ts';

/** A set of msisdns: 5 to 15 digits that do not start with 0. Iterates in ascending order. */
export interface NumberSet extends Iterable<string> {
  /** Its inside, for who looks up so often that a call is a cost (`holdsAt`). Nobody else reads it, and nobody writes. */
  readonly tree: NumberTree;
  readonly size: number;
  /** The memory that its numbers take. */
  readonly bytes: number;
  has(msisdn: string): boolean;
  hasNumber(number: number): boolean;
  /**
   * Looks up many at once, which is faster than one by one in a set that is larger than the processor's cache.
   *
   * @param numbers as doubles; 0 stands for what is no msisdn.
   * @param found gets 1 at the places of those that are in the set, and 0 at others.
   * @param count how many of them; all where it is left out.
   */
  hasEach(numbers: Float64Array, found: Uint8Array, count?: number): void;
  /**
   * @returns whether it was not in the set before.
   * @throws RangeError for what is no msisdn.
   */
  add(msisdn: string): boolean;
  /** @returns whether it was in the set. */
  delete(msisdn: string): boolean;
  /**
   * Adds every number of a batch; fastest in ascending order.
   *
   * @throws RangeError for what is no number of 5 to 15 digits.
   */
  addBatch(numbers: Iterable<number>): void;
  deleteBatch(numbers: Iterable<number>): void;
  /** Adds what another set has, a step at a time; both may change meanwhile. */
  addAll(other: NumberSet): Generator<undefined, void, undefined>;
  /** Everything, as numbers in ascending order, some thousand at a time; the set may change meanwhile. */
  batches(): Generator<Float64Array, void, undefined>;
  /**
   * Everything as bytes for a file, a chunk at a time. Numbers that are added or deleted meanwhile may be in it or not;
   * whoever begins it also ends it (`return`), for until then the set gives little memory back.
   */
  snapshot(): Generator<Uint8Array, void, undefined>;
  /** Hands all numbers over to another thread: `postMessage(state, buffers)`. The set is empty afterwards. */
  transfer(): { readonly state: NumberSetState; readonly buffers: ArrayBuffer[] };
}

/** A set on its way to another thread. */
export interface NumberSetState {
  readonly tree: Readonly<Omit<NumberTree, 'nodes' | 'regions'>>;
  /** `null`: nothing of its own. */
  readonly nodes: Int32Array | null;
  readonly regions: readonly (Int32Array | null)[];
}

/** Reads an image a chunk at a time, in the order in which it was written. */
export interface NumberSetReader {
  /**
   * Takes a chunk, whose memory is the set's from then on, unless it is a part of a larger piece.
   *
   * @throws SnapshotError for bytes that are cut, bent, out of order, of another version or no image at all.
   */
  take(chunk: Uint8Array): void;
  /** @throws SnapshotError where chunks are missing. */
  done(): NumberSet;
}

const NO_NUMBER = 'a number set holds numbers of 5 to 15 digits only';
/** Numbers of a batch that are sorted at once. */
const SORTED_AT_ONCE = 16_384;
const LEAST_IN_BATCH = 8_192;

/** Of one that is no array. */
const GATHERED_AT_ONCE = 256;

const sorted = new Float64Array(SORTED_AT_ONCE);
const gathered = new Float64Array(LEAST_IN_BATCH + MOST_NUMBERS);
const place = createPlace();

/** Adds numbers in any order, at most as many as are sorted at once. */
function addSome(tree: NumberTree, numbers: Float64Array): void {
  let isAscending = true;
  let last = 0;
  for (const number of numbers) {
    if (!isNumber(number)) throw new RangeError(NO_NUMBER);
    if (number < last) isAscending = false;
    last = number;
  }
  if (isAscending) return addAscending(tree, numbers);
  const batch = sorted.subarray(0, numbers.length);
  batch.set(numbers);
  batch.sort();
  addAscending(tree, batch);
}

/** Puts numbers into `gathered`, from one on. @returns how many, and the number from which to go on. */
function gather(tree: NumberTree, start: number): { readonly count: number; readonly next: number } {
  let count = 0;
  let next = start;
  while (next < NUMBERS_END && count < LEAST_IN_BATCH) {
    seek(tree, next, place);
    const { words, leaf, base, bits } = place;
    if (leaf !== 0) {
      const to = readLeaf(words, leaf, base, bits, gathered, count);
      // A leaf can have become part of a larger one that begins before.
      const first = lowerBound(gathered, count, to, next);
      gathered.copyWithin(count, first, to);
      count += to - first;
    }
    next = base + 2 ** bits;
  }
  return { count, next };
}

function setOf(tree: NumberTree): NumberSet {
  const set: NumberSet = {
    tree,
    get size() {
      return tree.size;
    },
    get bytes() {
      return tree.bytes;
    },
    has(msisdn) {
      const number = toNumber(msisdn);
      return number !== 0 && holds(tree, number);
    },
    hasNumber: (number) => isNumber(number) && holds(tree, number),
    hasEach(numbers, found, count = numbers.length) {
      holdsEach(tree, numbers, found, count);
    },
    add(msisdn) {
      const number = toNumber(msisdn);
      if (number === 0) throw new RangeError(NO_NUMBER);
      return addNumber(tree, number);
    },
    delete(msisdn) {
      const number = toNumber(msisdn);
      return number !== 0 && deleteNumber(tree, number);
    },
    addBatch(batch) {
      if (batch instanceof Float64Array) {
        for (let from = 0; from < batch.length; from += SORTED_AT_ONCE) {
          addSome(tree, batch.subarray(from, from + SORTED_AT_ONCE));
        }
        return;
      }
      const numbers = new Float64Array(GATHERED_AT_ONCE);
      let count = 0;
      for (const number of batch) {
        numbers[count++] = number;
        if (count < numbers.length) continue;
        addSome(tree, numbers);
        count = 0;
      }
      addSome(tree, numbers.subarray(0, count));
    },
    deleteBatch(batch) {
      for (const number of batch) if (isNumber(number)) deleteNumber(tree, number);
    },
    *addAll(other) {
      for (const batch of other.batches()) {
        addAscending(tree, batch);
        yield;
      }
    },
    *batches() {
      let from = SMALLEST_NUMBER;
      while (from < NUMBERS_END) {
        const { count, next } = gather(tree, from);
        from = next;
        if (count > 0) yield gathered.slice(0, count);
      }
    },
    *[Symbol.iterator]() {
      for (const batch of set.batches()) for (const number of batch) yield String(number);
    },
    snapshot: () => writeSnapshot(tree),
    transfer() {
      const { nodes, regions, ...rest } = takeTree(tree);
      const state: NumberSetState = {
        tree: rest,
        nodes: nodes === NO_NODES ? null : nodes,
        regions: regions.map((words) => (words === NO_NUMBERS ? null : words)),
      };
      const arrays = [state.nodes, ...state.regions].filter((words) => words !== null);
      return { state, buffers: arrays.map((words) => words.buffer as ArrayBuffer) };
    },
  };
  return set;
}

/** Builds a set. */
export function createNumberSet(numbers: Iterable<string> = []): NumberSet {
  const set = setOf(createTree());
  for (const msisdn of numbers) set.add(msisdn);
  return set;
}

/** The set that another thread has handed over. */
export function createNumberSetFromTransfer({ tree, nodes, regions }: NumberSetState): NumberSet {
  return setOf({ ...tree, nodes: nodes ?? NO_NODES, regions: regions.map((words) => words ?? NO_NUMBERS) });
}

/** Begins to read an image. */
export function createSnapshotReader(): NumberSetReader {
  const reader = readSnapshot();
  return { take: reader.take, done: () => setOf(reader.done()) };
}

/**
 * Reads an image back; its chunks stay as they are.
 *
 * @throws SnapshotError for bytes that are cut, bent, out of order, of another version or no image at all.
 */
export function createNumberSetFromSnapshot(chunks: Iterable<Uint8Array>): NumberSet {
  const reader = createSnapshotReader();
  for (const chunk of chunks) reader.take(new Uint8Array(chunk));
  return reader.done();
}
