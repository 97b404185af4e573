/**
 * Rows of one sweep that contradict each other: one row says that a number is opted out, another that it is opted in.
 * The number is listed, unless the date of the opt-in is later. Pages come in any order, and the dates of most rows are
 * not kept. So the next sweep may have to settle a contradiction between two pages; until then the number is listed.
 */

import type { RowColumns } from './seen-numbers.ts';

/** How many dates of opted-in rows are kept of one sweep. Contradictions beyond that leave the number listed. */
const MOST_IN_DATES = 100_000;

/** The contradictions of one sweep. */
export interface SweepContradictions {
  /**
   * Returns the rows of a page without the opted-out ones that an opted-in row of the same number beats, as far as is
   * known by now.
   *
   * @param wasOut whether the sweep has seen a number as opted out.
   */
  withoutBeaten(rows: RowColumns, wasOut: (number: number) => boolean): RowColumns;
  /**
   * Ends the complete sweep.
   *
   * @returns the numbers that are not listed although they have an opted-out row, and the numbers of contradictions
   *   that are listed after all.
   */
  settle(): { readonly unlisted: Float64Array; readonly listed: Float64Array };
}

/** The contradictions of one list. Each sweep starts with what the last complete one found. */
export interface Contradictions {
  begin(): SweepContradictions;
}

/** The findings of a complete sweep. */
interface Findings {
  /** The numbers whose opt-in was later than their opt-out, with the date of the opt-in. */
  readonly optedIn: ReadonlyMap<number, number>;
  /** The numbers that had rows of both kinds. The next sweep keeps the dates of their opt-outs. */
  readonly withBoth: ReadonlySet<number>;
}

/** Creates the contradictions of a list that was never read. */
export function createContradictions(): Contradictions {
  let last: Findings = { optedIn: new Map(), withBoth: new Set() };

  function begin(): SweepContradictions {
    const before = last;
    // Dates in ms UTC.
    const inDates = new Map<number, number>();
    const outDates = new Map<number, number>();
    const withBoth = new Set<number>();

    function noteIns({ ins, inDates: dates }: RowColumns, wasOut: (number: number) => boolean): void {
      for (const [index, number] of ins.entries()) {
        const date = dates[index] as number;
        if (Number.isNaN(date) || (inDates.size >= MOST_IN_DATES && !inDates.has(number))) continue;
        inDates.set(number, Math.max(date, inDates.get(number) ?? date));
        if (wasOut(number)) withBoth.add(number);
      }
    }

    /** Notes an opted-out row. @returns whether it lists its number, as far as is known. */
    function noteOut(number: number, date: number): boolean {
      const optedInAt = Math.max(inDates.get(number) ?? -Infinity, before.optedIn.get(number) ?? -Infinity);
      const isContradicted = optedInAt > -Infinity;
      if (isContradicted || before.withBoth.has(number)) {
        withBoth.add(number);
        // An opt-out without a date counts as the latest possible one.
        const outDate = Number.isNaN(date) ? Infinity : date;
        outDates.set(number, Math.max(outDate, outDates.get(number) ?? outDate));
      }
      return !isContradicted || !(optedInAt > (outDates.get(number) as number));
    }

    return {
      withoutBeaten(rows, wasOut) {
        if (rows.ins.length > 0) noteIns(rows, wasOut);
        if (inDates.size === 0 && before.optedIn.size === 0 && before.withBoth.size === 0) return rows;
        const { outs, outDates: dates } = rows;
        const kept = [...outs.keys()].filter((index) =>
          noteOut(outs[index] as number, dates[index] as number),
        );
        if (kept.length === outs.length) return rows;
        const pick = (column: Float64Array) => Float64Array.from(kept, (index) => column[index] as number);
        return { ...rows, outs: pick(outs), outDates: pick(dates) };
      },
      settle() {
        const optedIn = new Map<number, number>();
        const listed: number[] = [];
        for (const [number, outDate] of outDates) {
          const optedInAt = inDates.get(number) ?? -Infinity;
          if (optedInAt > outDate) optedIn.set(number, optedInAt);
          else listed.push(number);
        }
        last = { optedIn, withBoth };
        return { unlisted: Float64Array.from(optedIn.keys()), listed: Float64Array.from(listed) };
      },
    };
  }

  return { begin };
}
