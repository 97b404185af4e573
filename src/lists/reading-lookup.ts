/**
 * The slow path of a check: an input that can be read as several numbers, or whose subscriber has other writings. Such
 * an input is allowed only if no list blocks any of these numbers.
 */

import type { Listing } from '../ledger/ledger.ts';
import { equivalentsOf } from '../msisdn/equivalents.ts';
import { MOST_OTHERS, findOthers } from '../msisdn/national-prefixes.ts';
import type { MsisdnReader, Reading } from '../msisdn/msisdn.ts';
import { isListed, listingOf, type OptOutList } from './opt-out-lists.ts';

/** A number of an input that a list blocks. */
export interface ListedReading {
  readonly listing: Listing;
  /** The reading that is blocked. */
  readonly number: string;
  /** The number that is listed: `number`, or another writing of the same subscriber. */
  readonly listedAs: string;
}

export interface ReadingLookup {
  /** Whether an input can be read, and no list blocks any of its readings under any writing. */
  isUnlisted(asked: readonly OptOutList[], to: unknown): boolean;
  /** Whether no list blocks the other numbers of an input. Its first number was read into `read` at that index. */
  areOthersUnlisted(asked: readonly OptOutList[], read: Float64Array, at: number, to: unknown): boolean;
}

/** Creates the look-up for the inputs of a reader. */
export function createReadingLookup(reader: MsisdnReader): ReadingLookup {
  /** Receives the other numbers of an input. */
  const others = new Float64Array(MOST_OTHERS);

  function isUnlisted(asked: readonly OptOutList[], to: unknown): boolean {
    const reading = reader.read(to);
    return reading !== undefined && findListed(asked, reading) === undefined;
  }

  return {
    isUnlisted,
    areOthersUnlisted(asked, read, at, to) {
      const count = findOthers(read, at, others);
      if (count === undefined) return isUnlisted(asked, to);
      for (let index = 0; index < count; index++) if (isListed(asked, others, index)) return false;
      return true;
    },
  };
}

/** Finds a reading that is listed, or whose subscriber is listed under another writing. */
export function findListed(
  asked: readonly OptOutList[],
  { primary, others }: Reading,
): ListedReading | undefined {
  for (let index = -1; index < others.length; index++) {
    const number = index < 0 ? primary : (others[index] as string);
    const listing = listingOf(asked, number);
    if (listing !== undefined) return { listing, number, listedAs: number };
    for (const listedAs of equivalentsOf(number)) {
      const other = listingOf(asked, listedAs);
      if (other !== undefined) return { listing: other, number, listedAs };
    }
  }
  return undefined;
}
