/**
 * Counts rows that may have been read twice because the list grew while it was read. A row that is inserted before the
 * current page shifts all later rows by one, so that the last row of a page comes again at the start of the next page.
 * Pure.
 */

/** The counts and numbers of one page. */
export interface CountedRows {
  /** The number of rows that the provider announced with the page. */
  readonly total: number | undefined;
  /** Its rows, those without a readable number included. */
  readonly rows: number;
  /** Its rows without a readable number. */
  readonly unreadable: number;
  /** Its numbers that no earlier page had. */
  readonly fresh: number;
  /** The numbers of its readable rows. */
  readonly numbers: readonly Float64Array[];
}

export interface ShiftedRows {
  /** Takes the next page with rows. @returns how many of its rows may be rows of earlier pages. */
  count(page: CountedRows): number;
}

/** A longer page is not compared with the next page: all repeated numbers of the next page count as read twice. */
const MOST_COMPARED = 20_000;

/** Creates the count for one sweep. */
export function createShiftedRows(): ShiftedRows {
  let previous: CountedRows | undefined;
  let lastTotal: number | undefined;
  // A list that grew by n rows can repeat the n rows that were read last, as the next n rows, and no others. This is
  // how many of the next rows are still concerned.
  let shifted = 0;

  return {
    count(page) {
      const before = previous;
      const wereShifted = shifted > 0;
      const grown = Math.max(0, (page.total ?? 0) - (lastTotal ?? Infinity));
      previous = page;
      lastTotal = page.total ?? lastTotal;
      shifted += grown;
      if (shifted === 0) return 0;
      const areOnThisPage = shifted <= page.rows;
      shifted = Math.max(0, shifted - page.rows);
      // All shifted rows are on this page and were on the page before it: only numbers of that page can come again.
      const isCompared =
        before !== undefined &&
        !wereShifted &&
        areOnThisPage &&
        grown <= before.rows &&
        before.rows <= MOST_COMPARED;
      return isCompared
        ? countRowsWith(new Set(numbersOf(before)), page)
        : page.rows - page.unreadable - page.fresh;
    },
  };
}

function* numbersOf({ numbers }: CountedRows): Generator<number> {
  for (const some of numbers) yield* some;
}

/** Counts the rows of a page that have one of these numbers. */
function countRowsWith(numbers: ReadonlySet<number>, page: CountedRows): number {
  let count = 0;
  for (const number of numbersOf(page)) if (numbers.has(number)) count++;
  return count;
}
