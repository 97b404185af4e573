/**
 * Decides which rows of a campaign are allowed, in batches, and counts the results. It stores no row. It stores the
 * allowed numbers only if each person is to get one message.
 */

import type { BatchChecker, BlockReason, CheckOptions, Decision } from '../../decision.ts';
import { equivalentsOf } from '../../msisdn/equivalents.ts';
import { createNumberSet, type NumberSet } from '../../number-set/number-set.ts';

/** The results of all rows. Each row is in exactly one of the counts below `rows`. */
export interface FilterReport {
  /** Rows that were read, without the header and empty lines. */
  readonly rows: number;
  readonly allowed: number;
  /** Rows that were left out, since an earlier row of the same person was allowed. */
  readonly folded: number;
  /** Blocked rows by reason. */
  readonly blocked: Readonly<Record<Exclude<BlockReason, 'invalid_number'>, number>>;
  /** Rows whose number cannot be read: their count, and the row numbers of the first 1000, from 1 on. */
  readonly invalid: { readonly count: number; readonly rows: readonly number[]; readonly hasMore: boolean };
  /** Whether blocked and invalid rows were allowed, since the gate only observes. */
  readonly isObserved: boolean;
}

export interface RowFilterOptions extends Pick<CheckOptions, 'from'> {
  readonly gate: string;
  readonly isObserved: boolean;
  /** Whether only the first allowed row of a person passes. */
  readonly isFolding: boolean;
}

export interface RowFilter {
  /**
   * Checks the numbers of at most {@link BATCH_SIZE} rows.
   *
   * @param rowNumbers the numbers of the rows, for the report.
   * @param onRefused called for each row that is blocked or invalid, with its index.
   * @returns an array with 1 for each row that passes, else 0. The next call overwrites it.
   */
  check(
    numbers: readonly unknown[],
    rowNumbers: readonly number[],
    onRefused?: (index: number, decision: Extract<Decision, { allowed: false }>) => void,
  ): Uint8Array;
  /**
   * Whether one of the fields is the number of a person who opted out. For fields that other programs could read as
   * rows. Such a number is reported. If the gate only observes, the result is `false`.
   */
  hasOptedOut(fields: readonly string[]): boolean;
  /** Returns the counts up to now. */
  report(): FilterReport;
}

/** The number of rows that are checked together. */
export const BATCH_SIZE = 64;
/** The most row numbers of invalid rows in a report. */
const MAX_INVALID_ROWS = 1000;

/** Creates a filter for one campaign. */
export function createRowFilter(
  checker: BatchChecker,
  { gate, from, isObserved, isFolding }: RowFilterOptions,
): RowFilter {
  const passing = new Uint8Array(BATCH_SIZE);
  const decisions: (Decision | undefined)[] = [];
  const allowedNumbers = isFolding ? createNumberSet() : undefined;
  const counts = { rows: 0, allowed: 0, folded: 0, invalid: 0 };
  const blocked = { opted_out: 0, not_ready: 0, stale: 0, expired: 0, closed: 0 };
  const invalidRows: number[] = [];

  /** Reports and counts a row that is blocked or invalid. */
  function countRefused(decision: Extract<Decision, { allowed: false }>, rowNumber: number): void {
    checker.report(decision, { gate, isObserved });
    if (decision.reason !== 'invalid_number') {
      blocked[decision.reason]++;
      return;
    }
    counts.invalid++;
    if (invalidRows.length < MAX_INVALID_ROWS) invalidRows.push(rowNumber);
  }

  return {
    check(numbers, rowNumbers, onRefused) {
      if (isObserved) checker.remindObserving(gate);
      checker.permitsEach(numbers, passing, decisions, { from });
      let allowed = 0;
      for (let index = 0; index < numbers.length; index++) {
        counts.rows++;
        if (passing[index] === 1 && allowedNumbers === undefined) {
          allowed++;
          continue;
        }
        // Without a decision, a new check gives the reason, or the number to fold by. It may also have another result
        // by now.
        const decision = decisions[index] ?? checker.decide(numbers[index], { from });
        if (!decision.allowed) {
          passing[index] = Number(isObserved);
          countRefused(decision, rowNumbers[index] as number);
          onRefused?.(index, decision);
        } else if (allowedNumbers !== undefined && !addNew(decision.to, allowedNumbers)) {
          passing[index] = 0;
          counts.folded++;
        } else {
          passing[index] = 1;
          allowed++;
        }
      }
      counts.allowed += allowed;
      checker.reportPermitted(allowed);
      return passing;
    },
    hasOptedOut(fields) {
      const optedOut = fields
        .map((field) => checker.decide(field, { from }))
        .filter((decision) => !decision.allowed && decision.reason === 'opted_out');
      for (const decision of optedOut) checker.report(decision, { gate, isObserved });
      return optedOut.length > 0 && !isObserved;
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

/** Adds a number. @returns whether the set had no number of the same subscriber, in any of its writings. */
function addNew(msisdn: string, numbers: NumberSet): boolean {
  const hasOther = equivalentsOf(msisdn).some((other) => numbers.has(other));
  return numbers.add(msisdn) && !hasOther;
}

/** Returns the number of a row by the caller's function. If that throws, the row has no readable number. */
export function numberOf<T>(row: T, to: (row: T) => unknown): unknown {
  try {
    return to(row);
  } catch {
    return undefined;
  }
}
