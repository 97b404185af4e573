/**
 * A set of numbers without an upper limit. It is exact: no false positives, no false negatives, no eviction. A
 * JavaScript `Set` throws at 16 777 216 entries (8 388 608 in some newer engines), stops the event loop while it grows,
 * and takes 40 to 70 bytes a number. Here numbers are compressed in small regions, and each region grows alone.
 */

import { toNumber } from '../msisdn/digits.ts';
import { isNumber, NUMBERS_END, SMALLEST_NUMBER } from './double-bits.ts';
import { holdsEach } from './batch-lookup.ts';
import { MOST_NUMBERS, readLeaf } from './leaves.ts';
import { lowerBound } from './regions.ts';
import { createTreeReader, writeSnapshot } from './snapshot.ts';
import { createCursor, createTree, holds, seek, type NumberTree } from './tree.ts';
import { addAscending, addNumber, deleteNumber } from './update.ts';

/** A set of msisdns: 5 to 15 digits that do not start with 0. Iterates in ascending order. */
export interface NumberSet extends Iterable<string> {
  /** The tree, for hot look-ups that spare the call of the set (`holdsAt`). Not for any other use, never for writes. */
  readonly tree: NumberTree;
  readonly size: number;
  /** The memory that the numbers take. */
  readonly bytes: number;
  has(msisdn: string): boolean;
  hasNumber(number: number): boolean;
  /**
   * Looks up many numbers at once. This is faster than one by one if the set is larger than the processor's cache.
   *
   * @param numbers whole numbers of 5 to 15 digits; 0 stands for an input that is no msisdn.
   * @param found gets 1 at the index of each number that is in the set, and 0 at the others.
   * @param count how many of the numbers are looked up; default all.
   */
  hasEach(numbers: Float64Array, found: Uint8Array, count?: number): void;
  /**
   * @returns whether the set lacked the number.
   * @throws RangeError if `msisdn` is no msisdn.
   */
  add(msisdn: string): boolean;
  /** @returns whether the set had the number. */
  delete(msisdn: string): boolean;
  /**
   * Adds every number of a batch; fastest in ascending order.
   *
   * @throws RangeError if one is no whole number of 5 to 15 digits. Numbers before it may have been added.
   */
  addBatch(numbers: Iterable<number>): void;
  /** Deletes every number of a batch. Values that are no numbers of 5 to 15 digits are skipped. */
  deleteBatch(numbers: Iterable<number>): void;
  /** Adds the numbers of another set, some of them a step. Both sets may change between the steps. */
  addAll(other: NumberSet): Generator<undefined, void, undefined>;
  /** Yields all numbers in ascending order, some thousand at a time. The set may change between the batches. */
  batches(): Generator<Float64Array, void, undefined>;
  /**
   * Yields all numbers as bytes for a file, a chunk at a time. Numbers that are added or deleted meanwhile may be in it
   * or not. The caller has to run it to its end or call `return`: until then the set gives little memory back.
   */
  snapshot(): Generator<Uint8Array, void, undefined>;
}

/** Reads a snapshot, a chunk at a time, in the order in which it was written. */
export interface NumberSetReader {
  /**
   * Takes a chunk. Its memory becomes the set's, unless the chunk is a part of a larger buffer.
   *
   * @throws SnapshotError if the bytes are cut off, altered, out of order, of another version, or no snapshot.
   */
  take(chunk: Uint8Array): void;
  /** @throws SnapshotError if chunks are missing. */
  done(): NumberSet;
}

const NO_NUMBER = 'a number set holds numbers of 5 to 15 digits only';
/** The most numbers of a batch that are sorted at once. */
const MOST_SORTED = 16_384;
/** A batch that is read has at least so many numbers, except the last one. */
const LEAST_IN_BATCH = 8_192;
/** The most numbers that are taken at once from an iterable that is no `Float64Array`. */
const MOST_ITERATED = 256;

/** Scratch memory for numbers to be sorted. */
const sorted = new Float64Array(MOST_SORTED);
/** Scratch memory for a batch that is read. */
const batchNumbers = new Float64Array(LEAST_IN_BATCH + MOST_NUMBERS);
const cursor = createCursor();

/** Adds at most MOST_SORTED numbers in any order. */
function addUnordered(tree: NumberTree, numbers: Float64Array): void {
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

/** Reads the numbers from `from` on into `batchNumbers`. @returns how many, and the number from which to go on. */
function readBatch(tree: NumberTree, from: number): { readonly count: number; readonly next: number } {
  let count = 0;
  let next = from;
  while (next < NUMBERS_END && count < LEAST_IN_BATCH) {
    seek(tree, next, cursor);
    const { words, leaf, start, bits } = cursor;
    if (leaf !== 0) {
      const to = readLeaf(words, leaf, start, bits, batchNumbers, count);
      // Since the last batch the leaf can have become part of a larger one, which begins before `next`.
      const first = lowerBound(batchNumbers, count, to, next);
      batchNumbers.copyWithin(count, first, to);
      count += to - first;
    }
    next = start + 2 ** bits;
  }
  return { count, next };
}

function numberSetOf(tree: NumberTree): NumberSet {
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
        for (let from = 0; from < batch.length; from += MOST_SORTED) {
          addUnordered(tree, batch.subarray(from, from + MOST_SORTED));
        }
        return;
      }
      const numbers = new Float64Array(MOST_ITERATED);
      let count = 0;
      for (const number of batch) {
        numbers[count++] = number;
        if (count < numbers.length) continue;
        addUnordered(tree, numbers);
        count = 0;
      }
      addUnordered(tree, numbers.subarray(0, count));
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
        const { count, next } = readBatch(tree, from);
        from = next;
        if (count > 0) yield batchNumbers.slice(0, count);
      }
    },
    *[Symbol.iterator]() {
      for (const batch of set.batches()) for (const number of batch) yield String(number);
    },
    snapshot: () => writeSnapshot(tree),
  };
  return set;
}

/**
 * Creates a set.
 *
 * @throws RangeError if one of `numbers` is no msisdn.
 */
export function createNumberSet(numbers: Iterable<string> = []): NumberSet {
  const set = numberSetOf(createTree());
  for (const msisdn of numbers) set.add(msisdn);
  return set;
}

/** Creates a reader of one snapshot. */
export function createSnapshotReader(): NumberSetReader {
  const reader = createTreeReader();
  return { take: reader.take, done: () => numberSetOf(reader.done()) };
}

/**
 * Reads a whole snapshot. The chunks are copied and stay unchanged.
 *
 * @throws SnapshotError if the bytes are cut off, altered, out of order, of another version, or no snapshot.
 */
export function createNumberSetFromSnapshot(chunks: Iterable<Uint8Array>): NumberSet {
  const reader = createSnapshotReader();
  for (const chunk of chunks) reader.take(new Uint8Array(chunk));
  return reader.done();
}
