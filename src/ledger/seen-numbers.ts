/**
 * What one sweep has shown so far, kept beside the list or in a thread of its own. It counts what is new and nothing
 * else: it never decides what blocks.
 */

import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { sift } from '../number-set/chunked.ts';

/**
 * Rows whose number could be read, by column: those that are opted out and those that are opted in, which count after
 * the others. Numbers as doubles; dates in ms UTC, NaN where there is none.
 */
export interface RowColumns {
  readonly outs: Float64Array;
  readonly outDates: Float64Array;
  readonly ins: Float64Array;
  readonly inDates: Float64Array;
}

export interface SeenNumbers {
  /** The numbers of rows that are opted out, and of those that are opted in. A number may be in both. */
  readonly outs: NumberSet;
  readonly ins: NumberSet;
  /** Takes rows. @returns how many numbers had not been shown before, opted out or in. */
  take(rows: RowColumns): number;
}

/** Creates one that has shown these numbers. */
export function createSeenNumbers(
  outs: NumberSet = createNumberSet(),
  ins: NumberSet = createNumberSet(),
): SeenNumbers {
  function add(numbers: Float64Array, own: NumberSet, other: NumberSet): number {
    if (numbers.length === 0) return 0;
    const before = own.size;
    own.addBatch(sift(numbers, other, false));
    const fresh = own.size - before;
    own.addBatch(sift(numbers, other, true));
    return fresh;
  }

  return {
    outs,
    ins,
    take: (rows) => add(rows.outs, outs, ins) + add(rows.ins, ins, outs),
  };
}
