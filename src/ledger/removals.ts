/**
 * Finds the numbers of a list that a complete sweep lacked, and divides them: some stay for one more sweep, the others
 * leave. Works in short steps, however long the list is. It does not change the list.
 */

import type { OptOutChange } from './evidence.ts';
import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { LOOKED_UP_AT_ONCE, selectNumbers, slicesOf } from '../number-set/chunked.ts';

/**
 * The numbers that a sweep lacked. A number that is added to the list between two steps has to be taken out of them.
 */
export interface MissingNumbers {
  /** Missing, but kept for one more sweep. */
  readonly missing: NumberSet;
  /** Missing, and to be removed. */
  readonly leaving: NumberSet;
  /** The opt-ins that removals stand for. */
  readonly optIns: OptOutChange[];
}

/** The data that decides about a missing number. */
export interface RemovalRules {
  /** The numbers that the sweep has seen. */
  readonly seen: NumberSet;
  /** The numbers that the sweep before lacked. Empty if nothing may be removed. */
  readonly missingOnce: NumberSet;
  /** @returns the opt-in that a number's removal stands for, if any; `'wait'` keeps the number for one more sweep. */
  readonly optInOf: (number: number) => OptOutChange | 'wait' | undefined;
}

/** Creates the result of a sweep that lacked nothing. */
export function noMissingNumbers(): MissingNumbers {
  return { missing: createNumberSet(), leaving: createNumberSet(), optIns: [] };
}

/** Finds the numbers of a list that a sweep lacked, and adds them to `missing` or `leaving`. */
export function* findMissing(
  numbers: NumberSet,
  { seen, missingOnce, optInOf }: RemovalRules,
  { missing, leaving, optIns }: MissingNumbers,
): Generator<undefined, void, undefined> {
  for (const slice of slicesOf(numbers, LOOKED_UP_AT_ONCE)) {
    const absent = selectNumbers(slice, seen, false);
    missing.addBatch(selectNumbers(absent, missingOnce, false));
    const withoutOptIn = selectNumbers(absent, missingOnce, true).filter((number) => {
      const optIn = optInOf(number);
      if (optIn === undefined) return true;
      // The number leaves with a later sweep, when its opt-in counts. If the opt-in is lost, that sweep makes another.
      if (optIn !== 'wait') optIns.push(optIn);
      missing.addBatch([number]);
      return false;
    });
    leaving.addBatch(withoutOptIn);
    if (slice.length === LOOKED_UP_AT_ONCE) yield;
  }
}
