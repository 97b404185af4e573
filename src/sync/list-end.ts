/**
 * Judges where a list ends, and whether a reading of it was complete. Pure: it is told of each page in its order.
 *
 * A list may hold a number in two rows (two campaigns, two opt-outs), so that its announced count can exceed the
 * different numbers for ever. A reading is complete where the different numbers or the rows reach the largest count
 * that was announced. Rows that may have been read twice do not count: those of a page that only repeats an earlier
 * page, and those that a list which grew has moved from the page before to this one.
 */

import { ProviderError } from '../errors.ts';

/** How a page counts. */
export interface CountedPage {
  /** How many rows the provider announced with it. */
  readonly total: number | undefined;
  /** Its rows, those without a readable number included. */
  readonly rows: number;
  /** Its rows without a readable number. */
  readonly unreadable: number;
  /** Its numbers that no page before had. */
  readonly fresh: number;
  /** Its fingerprint. */
  readonly print: number;
  /** The numbers of its readable rows. */
  readonly numbers: readonly Float64Array[];
}

export interface ListEnd {
  /** The largest count that was announced so far; 0 before the first. */
  readonly largest: number;
  /** Rows that name a number which another row named before, as far as they were not read twice. */
  readonly duplicates: number;
  /** Takes the count of a page that has just come, before its rows are read. */
  announce(page: { readonly total: number | undefined; readonly length: number }): void;
  /** Takes a page with rows. @returns whether the list ends with it: pages in a row brought nothing new. */
  take(page: CountedPage): boolean;
  /**
   * Judges the reading at its end, an empty page or a page for which `take` said so.
   *
   * @throws ProviderError `provider_incomplete` where rows are missing or may be, `provider_bad_reply` where too many
   * rows have no readable number.
   */
  check(end: 'empty page' | 'nothing new'): void;
}

/** Above this share of unreadable rows a sweep has failed. */
const UNREADABLE_LIMIT = 0.01;
/** A page of more rows is not compared with the next one: its repeated numbers all count as read twice. */
const MOST_COMPARED = 20_000;

/** Creates it for one reading. */
export function createListEnd(): ListEnd {
  let largest = 0;
  // `total` is the number of all rows or of the rows on its page: sources disagree. So the largest one counts only
  // where it differs from the rows of its own page.
  let isOwnPage = true;
  let lastTotal: number | undefined;
  let previous: CountedPage | undefined;
  const prints = new Set<number>();
  // Pages in a row that brought nothing new, and that only repeated an earlier page.
  let withoutNews = 0;
  let repetitions = 0;
  let rows = 0;
  let readTwice = 0;
  // How many of the next rows may have been read before.
  let moving = 0;
  let unreadable = 0;
  // Different numbers, and rows without a readable number: each may be a number.
  let numbers = 0;

  /**
   * How many rows of a page may be rows of pages before, which the list has moved on because it grew. A list that grew
   * by some rows moves those that were read last on to the next so many places, and no further.
   */
  function movedRows(page: CountedPage): number {
    const grown = Math.max(0, (page.total ?? 0) - (lastTotal ?? Infinity));
    const before = moving > 0 || previous === undefined || grown > previous.rows ? undefined : previous;
    moving = Math.max(0, moving) + grown;
    if (moving === 0) return 0;
    const isOnThisPage = moving <= page.rows;
    moving -= page.rows;
    // Few rows can only be rows of the page before; where that is long, and otherwise, all repeated numbers count.
    const isCompared = before !== undefined && isOnThisPage && before.rows <= MOST_COMPARED;
    return isCompared ? rowsOf(page, new Set(numbersOf(before))) : page.rows - page.unreadable - page.fresh;
  }

  const areNumbersReached = () => isOwnPage || numbers >= largest;

  return {
    get largest() {
      return largest;
    },
    get duplicates() {
      return rows - readTwice - numbers;
    },
    announce({ total, length }) {
      if (total === undefined || !Number.isInteger(total) || total < largest) return;
      isOwnPage = total === length || (total === largest && isOwnPage);
      largest = total;
    },
    take(page) {
      const isRepetition = prints.has(page.print);
      prints.add(page.print);
      // Rows that could not be read may be numbers that are new, unless the page is an earlier one once more.
      const isNews = page.fresh > 0 || (page.unreadable > 0 && !isRepetition);
      withoutNews = isNews ? 0 : withoutNews + 1;
      repetitions = isRepetition ? repetitions + 1 : 0;
      numbers += page.fresh;
      const moved = movedRows(page);
      if (!isRepetition) {
        rows += page.rows;
        unreadable += page.unreadable;
        numbers += page.unreadable;
        readTwice += moved;
      }
      lastTotal = page.total ?? lastTotal;
      previous = page;
      if (withoutNews < 2) return false;
      // Pages of second rows alone are no end while the numbers do not reach the count: an empty page will tell. A
      // server that shows earlier pages again and again has nothing else to show, and one that shows twice as many
      // rows as it announced has no end.
      return areNumbersReached() || repetitions >= 2 || rows - readTwice > 2 * largest;
    },
    check(end) {
      if (unreadable > rows * UNREADABLE_LIMIT) {
        throw new ProviderError(
          'provider_bad_reply',
          `${unreadable} of ${rows} rows hold no readable number`,
        );
      }
      // Rows count at a certain end alone: a server that mixes up its pages does not come to an empty one.
      if (areNumbersReached() || (end === 'empty page' && rows - readTwice >= largest)) return;
      throw incomplete(
        `${rows - readTwice} rows with ${numbers} different numbers were read, ${largest} were announced`,
      );
    },
  };
}

function* numbersOf({ numbers }: CountedPage): Generator<number> {
  for (const some of numbers) yield* some;
}

/** How many rows of a page have one of these numbers. */
function rowsOf(page: CountedPage, numbers: ReadonlySet<number>): number {
  let count = 0;
  for (const number of numbersOf(page)) if (numbers.has(number)) count++;
  return count;
}

/** The error of a list that was not read to a certain end. */
export function incomplete(reason: string): ProviderError {
  return new ProviderError('provider_incomplete', `the list was not read completely: ${reason}`);
}
