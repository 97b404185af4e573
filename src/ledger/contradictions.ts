/**
 * Rows of one sweep that contradict each other: a number that is opted out in one row and opted in in another. The
 * number is listed, unless the opt-in's date is later. Pages come in any order and dates are not kept for every row, so
 * that a contradiction between two pages may be settled by the next sweep only. Until then the number is listed.
 */

/** Dates of opted-in rows that are kept of one sweep. Beyond it the number is listed. */
const MOST_IN_DATES = 100_000;

/** The contradictions of one sweep. Dates in ms UTC, `NaN` for none. */
export interface SweepContradictions {
  /** Takes the opted-in rows of a page, before its opted-out rows. `wasOut`: whether the sweep showed a number as out. */
  takeIns(numbers: Float64Array, dates: Float64Array, wasOut: (number: number) => boolean): void;
  /** Whether there is anything to look for in opted-out rows. */
  readonly isEmpty: boolean;
  /** Takes an opted-out row. @returns whether the number is listed by it, as far as is known. */
  takeOut(number: number, date: number): boolean;
  /** Ends the complete sweep: which numbers are not listed in spite of their row, and which are after all. */
  settle(): { readonly unlisted: Float64Array; readonly listed: Float64Array };
}

/** Contradictions of one list, from sweep to sweep. */
export interface Contradictions {
  begin(): SweepContradictions;
}

/** Creates it; nothing is known. */
export function createContradictions(): Contradictions {
  // Of the last complete sweep: numbers whose opt-in was later than their opt-out, with its date.
  let answered: ReadonlyMap<number, number> = new Map();
  // Numbers of which both rows were seen, so that the date of the opt-out is kept next time.
  let watched: ReadonlySet<number> = new Set();

  function begin(): SweepContradictions {
    const before = answered;
    const watchedBefore = watched;
    const inDates = new Map<number, number>();
    const outDates = new Map<number, number>();
    const both = new Set<number>();

    function takeIns(numbers: Float64Array, dates: Float64Array, wasOut: (number: number) => boolean): void {
      for (const [index, number] of numbers.entries()) {
        const date = dates[index] as number;
        if (Number.isNaN(date) || (inDates.size >= MOST_IN_DATES && !inDates.has(number))) continue;
        inDates.set(number, Math.max(date, inDates.get(number) ?? date));
        if (wasOut(number)) both.add(number);
      }
    }

    function takeOut(number: number, date: number): boolean {
      const optedInAt = Math.max(inDates.get(number) ?? -Infinity, before.get(number) ?? -Infinity);
      const isContradicted = optedInAt > -Infinity;
      if (isContradicted || watchedBefore.has(number)) {
        both.add(number);
        // An opt-out without a date is as late as can be.
        const known = Number.isNaN(date) ? Infinity : date;
        outDates.set(number, Math.max(known, outDates.get(number) ?? known));
      }
      return !isContradicted || !(optedInAt > (outDates.get(number) as number));
    }

    return {
      takeIns,
      takeOut,
      get isEmpty() {
        return inDates.size === 0 && before.size === 0 && watchedBefore.size === 0;
      },
      settle() {
        const confirmed = new Map<number, number>();
        const listed: number[] = [];
        for (const [number, outDate] of outDates) {
          const optedInAt = inDates.get(number) ?? -Infinity;
          if (optedInAt > outDate) confirmed.set(number, optedInAt);
          else listed.push(number);
        }
        answered = confirmed;
        watched = both;
        return { unlisted: Float64Array.from(confirmed.keys()), listed: Float64Array.from(listed) };
      },
    };
  }

  return { begin };
}
