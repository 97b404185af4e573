/** Builds number sets from what a store returns, in slices, so that other work has its turn in between. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { SnapshotError } from '../number-set/varint-codec.ts';
import { createNumberSet, createSnapshotReader, type NumberSet } from '../number-set/number-set.ts';
import type { NumberSource, SavedImage } from './store.ts';

/** Numbers that are added before other work gets its turn. */
const NUMBERS_PER_TURN = 2_000;
/** Bytes of a snapshot that are read before other work gets its turn. */
const BYTES_PER_TURN = 131_072;

/** Builds the set of all numbers of a source. Rejects with what the source throws. */
export async function numberSetOf(source: NumberSource): Promise<NumberSet> {
  const set = createNumberSet();
  let added = 0;
  for await (const one of source) {
    if (typeof one === 'string') {
      set.add(one);
      added++;
    } else {
      for (let from = 0; from < one.length; from += NUMBERS_PER_TURN) {
        if (added > 0) await nextTurn();
        const batch = one.subarray(from, from + NUMBERS_PER_TURN);
        set.addBatch(batch);
        added += batch.length;
      }
    }
    if (added >= NUMBERS_PER_TURN) {
      added = 0;
      await nextTurn();
    }
  }
  return set;
}

/**
 * Builds the set of a snapshot and the numbers that were added and removed after it. Rejects with what its sources
 * throw.
 *
 * @returns `undefined` if the snapshot is damaged.
 */
export async function numberSetOfSnapshot({ chunks, since }: SavedImage): Promise<NumberSet | undefined> {
  const set = await readSnapshot(chunks);
  if (set === undefined) return undefined;
  for await (const { kind, numbers } of since) {
    for (let from = 0; from < numbers.length; from += NUMBERS_PER_TURN) {
      await nextTurn();
      const batch = numbers.subarray(from, from + NUMBERS_PER_TURN);
      if (kind === 'added') set.addBatch(batch);
      else set.deleteBatch(batch);
    }
  }
  return set;
}

async function readSnapshot(chunks: SavedImage['chunks']): Promise<NumberSet | undefined> {
  const reader = createSnapshotReader();
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      reader.take(chunk);
      if (bytes < BYTES_PER_TURN) continue;
      bytes = 0;
      await nextTurn();
    }
    return reader.done();
  } catch (error) {
    if (error instanceof SnapshotError) return undefined;
    throw error;
  }
}
