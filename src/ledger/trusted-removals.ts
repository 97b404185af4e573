/**
 * For lists with `trustProviderRemoval`: which numbers a sweep has listed since their newest opt-out. Only the removal
 * of such a number can mean that somebody resubscribed the person in the provider's dashboard. Times are of this
 * process's monotonic clock, so that nothing of before a restart counts.
 */

import { createNumberSet } from '../number-set/number-set.ts';

export interface TrustedRemovals {
  /** An opt-out was applied; `appliedAt` is left out for one that was loaded. */
  noteOut(number: number, appliedAt: number | undefined): void;
  /** A sweep that began at `began` listed the number. */
  noteRow(number: number, began: number): void;
  /** Whether a sweep listed the number that began more than `lagGrace` after its newest opt-out was applied. */
  isListedSince(number: number): boolean;
}

/** Creates it; no sweep has listed anything. */
export function createTrustedRemovals(lagGraceMs: number): TrustedRemovals {
  const listedSince = createNumberSet();
  // Opt-outs of late: a row may be older than they are.
  const appliedAts = new Map<number, number>();
  // When the first sweep of this process began: what was loaded had been applied by then.
  let firstBegan: number | undefined;
  return {
    noteOut(number, appliedAt) {
      listedSince.delete(String(number));
      if (appliedAt !== undefined) appliedAts.set(number, appliedAt);
    },
    noteRow(number, began) {
      firstBegan ??= began;
      if (!(began > (appliedAts.get(number) ?? firstBegan) + lagGraceMs)) return;
      appliedAts.delete(number);
      listedSince.addBatch(Float64Array.of(number));
    },
    isListedSince: (number) => listedSince.hasNumber(number),
  };
}
