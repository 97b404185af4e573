/**
 * The numbers that one sweep has seen so far. It counts the new ones; it does not decide what blocks.
 */

import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { selectNumbers } from '../number-set/chunked.ts';

/**
 * The rows with a readable number, by column: opted-out rows, and opted-in rows, which are counted after the others.
 * Numbers are doubles. Dates are ms UTC, NaN for a row without a date.
 */
export interface RowColumns {
  readonly outs: Float64Array;
  readonly outDates: Float64Array;
  readonly ins: Float64Array;
  readonly inDates: Float64Array;
}

export interface SeenNumbers {
  /** The numbers of opted-out rows. */
  readonly outs: NumberSet;
  /** The numbers of opted-in rows. A number may be in both sets. */
  readonly ins: NumberSet;
  /** Adds rows. @returns how many of their numbers were in neither set before. */
  take(rows: RowColumns): number;
}

/** Creates the seen numbers of a sweep that has read nothing yet. */
export function createSeenNumbers(): SeenNumbers {
  const outs = createNumberSet();
  const ins = createNumberSet();

  /** Adds numbers to their own set. @returns how many were new to both sets. */
  function add(numbers: Float64Array, own: NumberSet, other: NumberSet): number {
    if (numbers.length === 0) return 0;
    const sizeBefore = own.size;
    own.addBatch(selectNumbers(numbers, other, false));
    const fresh = own.size - sizeBefore;
    own.addBatch(selectNumbers(numbers, other, true));
    return fresh;
  }

  return {
    outs,
    ins,
    take: (rows) => add(rows.outs, outs, ins) + add(rows.ins, ins, outs),
  };
}
