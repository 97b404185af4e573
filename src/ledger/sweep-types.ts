/** A sweep as the ledger sees it: its pages, its end, and what the two did. Types only. */

import type { LogPosition, OptOutChange } from './evidence.ts';
import type { NumberSet } from '../number-set/number-set.ts';
import type { Listed } from './evidence-rules.ts';
import type { RowColumns, SeenNumbers } from './seen-numbers.ts';

/** What a sweep is begun with. */
export interface SweepStart {
  /** From the store's counter: a later sweep of any process has a larger one. */
  readonly number: number;
  /** ms UTC. For ages and for people. */
  readonly start: number;
  /** By the monotonic clock of this process, ms. */
  readonly began: number;
  /** What this process had applied of the store's log. */
  readonly basis?: LogPosition | undefined;
}

/** What one page did. */
export interface PageEffect {
  /** Numbers that this sweep had not shown before. */
  readonly fresh: number;
  /** Numbers that the part lacked. They block from now on. */
  readonly added: number;
  /** Numbers whose opt-in the provider's list now outweighs. */
  readonly overruled: readonly string[];
}

/** What a complete sweep did. */
export type CommitEffect =
  | { readonly status: 'dropped' }
  | {
      readonly status: 'committed';
      /** Numbers in the part now. */
      readonly size: number;
      /** Numbers that left. */
      readonly removed: number;
      /** Numbers that this sweep lacked and that are still there. */
      readonly missing: number;
      /** Whether removals are held back because the list would shrink by half. */
      readonly isHeld: boolean;
      /** Opt-ins that follow from removals under `trustProviderRemoval`; to be kept and merged by the caller. */
      readonly optIns: readonly OptOutChange[];
    };

/**
 * What a sweep's absences are good for: `apply` by the rules, `accept` where an operator accepts that the list
 * shrinks, `none` where some row could not be read, so that absence proves nothing.
 */
export type Removals = 'apply' | 'accept' | 'none';

/** A sweep that is being read. */
export interface SweepRun {
  /**
   * Takes rows; their opt-outs block at once. `fresh` is how many of their numbers are new, if another thread keeps the
   * numbers that the sweep has shown.
   */
  page(rows: RowColumns, fresh?: number): PageEffect;
  /** How many different numbers the sweep has shown, opted out or in. */
  readonly distinct: number;
  /** Hands over what the sweep has shown so far, to somebody else who goes on with it. */
  lend(): SeenNumbers;
  /** Takes back the numbers of all rows that were opted out. Without them a sweep that lent them is dropped at its end. */
  takeBack(outs: NumberSet): void;
  /** Ends a complete sweep. A generator, so that other work can run between its steps, none of which takes long. */
  commit(removals: Removals): Generator<undefined, CommitEffect>;
  /** Ends an incomplete sweep: what it added stays, nothing is removed. */
  abort(): void;
}

/** What first-hand evidence has to say while the list is read. */
export interface RowJudge {
  /** Whether anything is known first-hand about the number. */
  knows(number: number): boolean;
  /**
   * Takes an opted-out row of such a number, of a sweep that began at `began` (monotonic, ms).
   *
   * @returns whether the list now outweighs an opt-in that held until now.
   */
  outRow(msisdn: string, listed: Listed, began: number): boolean;
  /**
   * A removal.
   *
   * @param sweep the second of the two sweeps that lack the number.
   * @param basis what had been applied when the first of them began.
   * @returns the opt-in that the removal stands for, if the list trusts removals; `'wait'` if it cannot be judged yet.
   */
  removed(
    number: number,
    sweep: Pick<SweepStart, 'number' | 'start'>,
    basis: LogPosition | undefined,
  ): OptOutChange | 'wait' | undefined;
}
