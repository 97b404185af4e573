/** The interface of one sweep of a list: its pages, its end, and their effects. Types only. */

import type { LogPosition, OptOutChange } from './evidence.ts';
import type { Listed } from './evidence-rules.ts';
import type { RowColumns } from './seen-numbers.ts';

/** The beginning of a sweep. */
export interface SweepStart {
  /** From the store's counter: a later sweep of any process has a larger number. */
  readonly number: number;
  /** ms UTC. For ages, and for people to read. */
  readonly start: number;
  /** By the monotonic clock of this process, ms. */
  readonly began: number;
  /** The last position of the store's log that this process had applied. */
  readonly basis?: LogPosition | undefined;
}

/** The effect of one page. */
export interface PageEffect {
  /** How many numbers this sweep had not seen before. */
  readonly fresh: number;
  /** How many numbers were added to the list. They block from now on. */
  readonly added: number;
  /** The numbers whose opt-in the provider's list now outweighs. */
  readonly overruled: readonly string[];
}

/** The effect of a complete sweep. `dropped`: it had none, because a later sweep was begun or taken over. */
export type CommitEffect =
  | { readonly status: 'dropped' }
  | {
      readonly status: 'committed';
      /** How many numbers the list has now. */
      readonly size: number;
      /** How many numbers left. */
      readonly removed: number;
      /** How many numbers this sweep lacked that are still on the list. */
      readonly missing: number;
      /** Whether removals are held back because the list would shrink by half. */
      readonly isHeld: boolean;
      /** Opt-ins that follow from removals under `trustProviderRemoval`. The caller has to store and merge them. */
      readonly optIns: readonly OptOutChange[];
    };

/**
 * The removals that a complete sweep makes. `apply`: those that the rules allow. `accept`: also if the list shrinks by
 * half, because an operator accepts it. `none`: none, because a missing number proves nothing: some row could not be
 * read, or another process may have a sweep of the same number.
 */
export type Removals = 'apply' | 'accept' | 'none';

/** A sweep that is being read. */
export interface SweepRun {
  /** Takes rows of a page. Their opt-outs block at once. */
  page(rows: RowColumns): PageEffect;
  /** How many different numbers the sweep has seen, opted out or in. */
  readonly distinct: number;
  /** Ends a complete sweep, in short steps between which other work can run. */
  commit(removals: Removals): Generator<undefined, CommitEffect>;
  /** Ends an incomplete sweep: the numbers that it added stay, and nothing is removed. */
  abort(): void;
}

/** The first-hand evidence, as far as a sweep has to ask it. */
export interface FirstHandPort {
  /** Returns whether there is evidence about a number. */
  hasNumber(number: number): boolean;
  /**
   * Notes that an opted-out row listed a number with evidence.
   *
   * @param began when the sweep began, ms by the monotonic clock.
   * @returns whether the list now outweighs an opt-in that released the number until now.
   */
  noteListed(msisdn: string, listed: Listed, began: number): boolean;
  /**
   * Returns the opt-in that the removal of a number stands for, if the list trusts removals; `'wait'` if that cannot be
   * decided yet.
   *
   * @param sweep the second of the two sweeps that lack the number.
   * @param basis what had been applied of the log when the first of them began.
   */
  optInOfRemoval(
    number: number,
    sweep: Pick<SweepStart, 'number' | 'start'>,
    basis: LogPosition | undefined,
  ): OptOutChange | 'wait' | undefined;
}
