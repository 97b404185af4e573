/** A sweep as the ledger sees it: its pages, its end, and what the two did. Types only. */

import type { OptOutChange } from './change.ts';
import type { NumberSet } from './number-set.ts';
import type { RowColumns, Shown } from './shown.ts';

/** What one page did. */
export interface PageEffect {
  /** Numbers that this sweep had not shown before. */
  readonly fresh: number;
  /** Numbers that the part lacked. They block from now on. */
  readonly added: number;
  /** Opt-ins that rows prove. They count once they were kept and merged by the caller. */
  readonly optIns: readonly OptOutChange[];
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
   * Takes rows; their opt-outs block at once. `seenAt` is the local time of their arrival, ms UTC. `fresh` is how many
   * of their numbers are new, where somebody else keeps what the sweep has shown.
   */
  page(rows: RowColumns, seenAt: number, fresh?: number): PageEffect;
  /** How many different numbers the sweep has shown, opted out or in. */
  readonly distinct: number;
  /** Hands over what the sweep has shown so far, to somebody else who goes on with it. */
  lend(): Shown;
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
  /** An opted-out row of such a number. @returns whether the list now outweighs an opt-in that held until now. */
  outRow(msisdn: string, start: number, date: number | undefined): boolean;
  /** An opted-in row. @returns the opt-in that it proves, where that is news. */
  inRow(number: number, date: number, seenAt: number): OptOutChange | undefined;
  /** A removal. @returns the opt-in that it stands for, where the list trusts removals. */
  removed(number: number, start: number): OptOutChange | undefined;
}
