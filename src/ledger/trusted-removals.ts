/**
 * Removals by the provider, for lists with `trustProviderRemoval`. Tracks the numbers that a sweep has listed since
 * their newest opt-out: only the removal of such a number can mean that the person was resubscribed in the provider's
 * dashboard. Times are by this process's monotonic clock, so that nothing from before a restart counts.
 */

import type { LogPosition, OptOutChange } from './evidence.ts';
import { createNumberSet } from '../number-set/number-set.ts';
import type { SweepStart } from './sweep-types.ts';

export interface TrustedRemovals {
  /** Notes that an opt-out was applied. `appliedAt` is left out for an opt-out that was loaded from the store. */
  noteOut(number: number, appliedAt: number | undefined): void;
  /** Notes that a sweep which began at `began` listed the number. */
  noteRow(number: number, began: number): void;
  /** Returns whether a sweep listed the number that began more than `lagGrace` after its newest opt-out was applied. */
  isListedSince(number: number): boolean;
}

/** Creates it for a list of which no sweep has been read. */
export function createTrustedRemovals(lagGraceMs: number): TrustedRemovals {
  const listedSince = createNumberSet();
  // When the newest opt-out of a number was applied, until a sweep that began long enough after it lists the number.
  const appliedAts = new Map<number, number>();
  // The begin of the first sweep with a row of interest. Opt-outs that were loaded count as applied then.
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

/**
 * Creates the opt-in that a trusted removal stands for. It is the provider's own statement, and releases the number
 * until a later sweep lists it again.
 *
 * @param sweep the second of the two sweeps that lack the number.
 * @param basis what had been applied of the log when the first of them began.
 */
export function removalOptIn(
  list: string,
  number: number,
  { number: sweep, start }: Pick<SweepStart, 'number' | 'start'>,
  basis: LogPosition,
): OptOutChange {
  const known = { direction: 'in', kind: 'act', source: 'provider', at: start, seenAt: start } as const;
  const id = `removed:${basis.log}:${basis.position}`;
  const proof = { optInDate: null, sweep };
  return { list, msisdn: String(number), evidence: { ...known, id, basis, proof } };
}
