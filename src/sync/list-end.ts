/**
 * Detects where a provider's list ends, and whether a sweep has read all of it. Pure: the caller adds each page in
 * order.
 *
 * A list may hold a number in two rows (two campaigns, two opt-outs), so that the announced count can exceed the number
 * of different numbers for ever. A sweep is complete if the different numbers or the rows reach the largest announced
 * count. Rows that may have been read twice do not count: the rows of a page that only repeats an earlier page, and
 * rows that a growing list has shifted to the next page.
 */

import { ProviderError } from '../errors.ts';
import { createShiftedRows, type CountedRows } from './shifted-rows.ts';

/** A page with rows, as it counts for the end of the list. */
export interface CountedPage extends CountedRows {
  readonly fingerprint: number;
}

/** How a list ended: with an empty page, or with two pages in a row that had no new number. */
export type ListEnd = 'empty page' | 'nothing new';

export interface ListEndDetector {
  /** Rows whose number another row has too, without rows that may have been read twice. */
  readonly duplicates: number;
  /** Takes the announced count of a page, before the rows of the page are read. */
  announce(page: { readonly total: number | undefined; readonly length: number }): void;
  /** Adds a page with rows. @returns whether the list ends with it (`nothing new`). */
  add(page: CountedPage): boolean;
  /**
   * Checks at the end of the list that all of it was read.
   *
   * @throws ProviderError `provider_incomplete` if rows are missing or may be missing, `provider_bad_reply` if too many
   * rows have no readable number.
   */
  check(end: ListEnd): void;
}

/**
 * An announced count. Sources disagree whether it means the rows of the whole list or of its page. So a count that
 * equals the rows of its own page (`page`) does not prove that rows are missing.
 */
interface AnnouncedCount {
  readonly of: 'page' | 'list';
  readonly rows: number;
}

/** A sweep with a larger share of unreadable rows has failed. */
const UNREADABLE_LIMIT = 0.01;

/** Creates the detector for one sweep. */
export function createListEndDetector(): ListEndDetector {
  let largest: AnnouncedCount = { of: 'page', rows: 0 };
  const shiftedRows = createShiftedRows();
  const fingerprints = new Set<number>();
  // Pages in a row without a new number, and pages in a row that only repeat an earlier page.
  let withoutNew = 0;
  let repetitions = 0;
  // Of all pages that are no repetitions.
  let rows = 0;
  let unreadable = 0;
  let readTwice = 0;
  // Different numbers, and rows without a readable number: each of those may be one more number.
  let numbers = 0;

  const areNumbersComplete = () => largest.of === 'page' || numbers >= largest.rows;

  return {
    get duplicates() {
      return rows - readTwice - numbers;
    },
    announce({ total, length }) {
      if (total === undefined || !Number.isInteger(total) || total < largest.rows) return;
      const isOfPage = total === length || (total === largest.rows && largest.of === 'page');
      largest = { of: isOfPage ? 'page' : 'list', rows: total };
    },
    add(page) {
      const isRepetition = fingerprints.has(page.fingerprint);
      fingerprints.add(page.fingerprint);
      // Unreadable rows may be new numbers, except on a page that repeats an earlier one.
      const hasNew = page.fresh > 0 || (page.unreadable > 0 && !isRepetition);
      withoutNew = hasNew ? 0 : withoutNew + 1;
      repetitions = isRepetition ? repetitions + 1 : 0;
      numbers += page.fresh;
      const shifted = shiftedRows.count(page);
      if (!isRepetition) {
        rows += page.rows;
        unreadable += page.unreadable;
        numbers += page.unreadable;
        readTwice += shifted;
      }
      if (withoutNew < 2) return false;
      // Pages that only hold second rows of known numbers do not end the list while the announced count is not reached:
      // an empty page will. Two exceptions end the list here: a server that repeats earlier pages has nothing else to
      // send, and a server that sends twice as many rows as it announced would never end.
      return areNumbersComplete() || repetitions >= 2 || rows - readTwice > 2 * largest.rows;
    },
    check(end) {
      if (unreadable > rows * UNREADABLE_LIMIT) {
        throw new ProviderError(
          'provider_bad_reply',
          `${unreadable} of ${rows} rows hold no readable number`,
        );
      }
      // Rows count only after an empty page: two pages without a new number can come from a server that mixes up its
      // pages.
      if (areNumbersComplete() || (end === 'empty page' && rows - readTwice >= largest.rows)) return;
      throw incompleteError(
        `${rows - readTwice} rows with ${numbers} different numbers were read, ${largest.rows} were announced`,
      );
    },
  };
}

/** Creates the error of a list that was not read to a certain end. */
export function incompleteError(reason: string): ProviderError {
  return new ProviderError('provider_incomplete', `the list was not read completely: ${reason}`);
}
