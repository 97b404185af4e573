/**
 * Which rows of a campaign may go on, some at a time, and what became of all of them in figures. It holds the numbers
 * that were let pass where a person is to get one message only, and no row.
 */

import type { BatchChecker, BlockReason, CheckOptions, Decision } from '../../decision.ts';
import { equivalentsOf } from '../../msisdn/equivalents.ts';
import { createNumberSet, type NumberSet } from '../../number-set/number-set.ts';

/** What became of the rows: each is in exactly one of the figures below `rows`. */
export interface FilterReport {
  /** Rows that were read. A header and empty lines are none. */
  readonly rows: number;
  readonly allowed: number;
  /** Allowed rows of somebody who had one already. */
  readonly folded: number;
  /** Refused rows by reason. */
  readonly blocked: Readonly<Record<Exclude<BlockReason, 'invalid_number'>, number>>;
  /** Rows whose number cannot be read: how many, and the first thousand of them by their number, from 1 on. */
  readonly invalid: { readonly count: number; readonly rows: readonly number[]; readonly hasMore: boolean };
  /** Whether blocked and invalid rows were let pass all the same. */
  readonly isObserved: boolean;
}

export interface RowFilterOptions extends Pick<CheckOptions, 'from'> {
  readonly gate: string;
  readonly isObserved: boolean;
  readonly isFolding: boolean;
}

export interface RowFilter {
  /**
   * Judges rows by their numbers, at most {@link AT_ONCE}.
   *
   * @param onRefused is told of each row that is blocked or invalid, by its place.
   * @returns 1 at the places of those that go on; good until the next call.
   */
  sift(
    numbers: readonly unknown[],
    rowNumbers: readonly number[],
    onRefused?: (place: number, decision: Extract<Decision, { allowed: false }>) => void,
  ): Uint8Array;
  /**
   * Whether a number of somebody who opted out is among fields that are no rows of their own to us. Such a find is
   * reported; where the gate only observes, the answer is no.
   */
  holdsListed(fields: readonly string[]): boolean;
  /** Up to now. */
  report(): FilterReport;
}

/** Rows that are judged together. */
export const AT_ONCE = 64;
/** How many rows are named as invalid. */
const NAMED_ROWS = 1000;

/** Creates a sieve for one campaign. */
export function createRowFilter(
  checker: BatchChecker,
  { gate, from, isObserved, isFolding }: RowFilterOptions,
): RowFilter {
  const passes = new Uint8Array(AT_ONCE);
  const decisions: (Decision | undefined)[] = [];
  const passed = isFolding ? createNumberSet() : undefined;
  const counts = { rows: 0, allowed: 0, folded: 0, invalid: 0 };
  const blocked = { opted_out: 0, not_ready: 0, stale: 0, expired: 0, closed: 0 };
  const invalidRows: number[] = [];

  function refuse(decision: Extract<Decision, { allowed: false }>, rowNumber: number): void {
    checker.report(decision, { gate, isObserved });
    if (decision.reason !== 'invalid_number') {
      blocked[decision.reason]++;
      return;
    }
    counts.invalid++;
    if (invalidRows.length < NAMED_ROWS) invalidRows.push(rowNumber);
  }

  return {
    sift(numbers, rowNumbers, onRefused) {
      if (isObserved) checker.remindObserving(gate);
      checker.permitsEach(numbers, passes, decisions, { from });
      let allowed = 0;
      for (let place = 0; place < numbers.length; place++) {
        counts.rows++;
        if (passes[place] === 1 && passed === undefined) {
          allowed++;
          continue;
        }
        // Where it is not known it is asked why, or for the number as it is read. By now the answer may be another one.
        const decision = decisions[place] ?? checker.decide(numbers[place], { from });
        if (!decision.allowed) {
          passes[place] = Number(isObserved);
          refuse(decision, rowNumbers[place] as number);
          onRefused?.(place, decision);
        } else if (passed !== undefined && !isFirst(decision.to, passed)) {
          passes[place] = 0;
          counts.folded++;
        } else {
          passes[place] = 1;
          allowed++;
        }
      }
      counts.allowed += allowed;
      checker.reportPermitted(allowed);
      return passes;
    },
    holdsListed(fields) {
      const found = fields
        .map((field) => checker.decide(field, { from }))
        .filter((decision) => !decision.allowed && decision.reason === 'opted_out');
      for (const decision of found) checker.report(decision, { gate, isObserved });
      return found.length > 0 && !isObserved;
    },
    report: () => ({
      rows: counts.rows,
      allowed: counts.allowed,
      folded: counts.folded,
      blocked: { ...blocked },
      invalid: {
        count: counts.invalid,
        rows: [...invalidRows],
        hasMore: counts.invalid > invalidRows.length,
      },
      isObserved,
    }),
  };
}

/** Adds a number. @returns whether its subscriber had none in there, under no writing. */
function isFirst(msisdn: string, passed: NumberSet): boolean {
  const hasOther = equivalentsOf(msisdn).some((other) => passed.has(other));
  return passed.add(msisdn) && !hasOther;
}

/** The number of a row, by a function of the caller's; what that cannot read has no readable number. */
export function numberOf<T>(row: T, to: (row: T) => unknown): unknown {
  try {
    return to(row);
  } catch {
    return undefined;
  }
}
