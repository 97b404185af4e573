/** What a store hands over, as a set, without stopping other work while it is built. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { SnapshotError } from '../number-set/varint-codec.ts';
import { createNumberSet, createSnapshotReader, type NumberSet } from '../number-set/number-set.ts';
import type { NumberSource, SavedImage } from './store.ts';

/** Numbers taken before other work gets its turn. */
const NUMBERS_PER_TURN = 2_000;
/** The same of an image. */
const BYTES_PER_TURN = 131_072;

/** Builds the set of all numbers of a source. Rejects with what the source throws. */
export async function numberSetOf(source: NumberSource): Promise<NumberSet> {
  const set = createNumberSet();
  let taken = 0;
  for await (const one of source) {
    if (typeof one === 'string') {
      set.add(one);
      taken++;
    } else {
      for (let from = 0; from < one.length; from += NUMBERS_PER_TURN) {
        if (taken > 0) await nextTurn();
        const batch = one.subarray(from, from + NUMBERS_PER_TURN);
        set.addBatch(batch);
        taken += batch.length;
      }
    }
    if (taken >= NUMBERS_PER_TURN) {
      taken = 0;
      await nextTurn();
    }
  }
  return set;
}

/**
 * Builds the set that an image and what came after it make. Rejects with what its sources throw.
 *
 * @returns `undefined` where the image is damaged.
 */
export async function numberSetOfSnapshot({ chunks, since }: SavedImage): Promise<NumberSet | undefined> {
  const set = await imageOf(chunks);
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

async function imageOf(chunks: SavedImage['chunks']): Promise<NumberSet | undefined> {
  const reader = createSnapshotReader();
  let taken = 0;
  try {
    for await (const chunk of chunks) {
      taken += chunk.length;
      reader.take(chunk);
      if (taken < BYTES_PER_TURN) continue;
      taken = 0;
      await nextTurn();
    }
    return reader.done();
  } catch (error) {
    if (error instanceof SnapshotError) return undefined;
    throw error;
  }
}
