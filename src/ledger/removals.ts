/**
 * What a complete sweep lacked: numbers that stay for one more sweep, and numbers that leave. Found in steps none of
 * which takes long, however long the list is. It changes no list itself.
 */

import type { OptOutChange } from './evidence.ts';
import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { LOOKED_UP_AT_ONCE, sift, slicesOf } from '../number-set/chunked.ts';

/** The numbers of a list that a sweep lacked. What comes to the list meanwhile is to be taken out of them. */
export interface Absences {
  /** They stay. */
  readonly missing: NumberSet;
  readonly leaving: NumberSet;
  /** Opt-ins that removals stand for. */
  readonly optIns: OptOutChange[];
}

/** What is known when a sweep was complete. */
export interface AbsenceRules {
  readonly seen: NumberSet;
  /** What the sweep before lacked; nothing where no absence is proof. */
  readonly missingOnce: NumberSet;
  /** @returns the opt-in that a number's removal stands for, if any; `'wait'` keeps the number for one more sweep. */
  readonly removed: (number: number) => OptOutChange | 'wait' | undefined;
}

/** Nothing is missing so far. */
export function noAbsences(): Absences {
  return { missing: createNumberSet(), leaving: createNumberSet(), optIns: [] };
}

/** Finds the numbers of a list that a sweep lacked. */
export function* findAbsences(
  numbers: NumberSet,
  { seen, missingOnce, removed }: AbsenceRules,
  { missing, leaving, optIns }: Absences,
): Generator<undefined, void, undefined> {
  for (const slice of slicesOf(numbers, LOOKED_UP_AT_ONCE)) {
    const absent = sift(slice, seen, false);
    missing.addBatch(sift(absent, missingOnce, false));
    const unproven = sift(absent, missingOnce, true).filter((number) => {
      const proof = removed(number);
      if (proof === undefined) return true;
      // It leaves with a later sweep, once the opt-in counts: one that is not kept is proven again.
      if (proof !== 'wait') optIns.push(proof);
      missing.addBatch([number]);
      return false;
    });
    leaving.addBatch(unproven);
    if (slice.length === LOOKED_UP_AT_ONCE) yield;
  }
}
