/** Looks up many recipients at once, which is faster than one by one: the look-ups of a block overlap. */

import type { Ledger } from '../ledger/ledger.ts';
import { NOT_READ, type MsisdnReader } from '../msisdn/msisdn.ts';
import { mayHaveOthers } from '../msisdn/national-prefixes.ts';
import type { OptOutList } from './opt-out-lists.ts';
import type { ReadingLookup } from './reading-lookup.ts';

/** Recipients that are looked up together. */
export const BLOCK_SIZE = 64;

/** The look-up of one block of recipients. Its arrays hold the results of the last block, by the index in the block. */
export interface BatchLookup {
  /** The first number of each recipient; 0 if it could not be read as one. */
  readonly numbers: Float64Array;
  /** The ledger that blocks each recipient; `undefined` if none does, or if that is not known. */
  readonly ledgers: readonly (Ledger | undefined)[];
  /**
   * Looks up `count` recipients from index `from` on. In `unlisted`, which has the indexes of `recipients`, it writes 1
   * for those that can be read and that no list blocks under any reading, and 0 for all others.
   */
  findUnlisted(
    asked: readonly OptOutList[],
    recipients: readonly unknown[],
    from: number,
    count: number,
    unlisted: Uint8Array,
  ): void;
}

/** Creates the look-up for the recipients of a reader. */
export function createBatchLookup(
  reader: MsisdnReader,
  { isUnlisted, areOthersUnlisted }: ReadingLookup,
): BatchLookup {
  const numbers = new Float64Array(BLOCK_SIZE);
  const found = new Uint8Array(BLOCK_SIZE);
  /** The first digits of `numbers`; 0 if a recipient was not read as one number. */
  const heads = new Int32Array(BLOCK_SIZE);
  const ledgers: (Ledger | undefined)[] = Array.from({ length: BLOCK_SIZE }, () => undefined);

  /** Writes 0 for recipients of the block that a list blocks under another reading or writing. */
  const recheckOthers: BatchLookup['findUnlisted'] = (asked, recipients, from, count, unlisted) => {
    for (let index = 0; index < count; index++) {
      // Few numbers have others. This condition comes first because the processor predicts it well.
      if (!mayHaveOthers(heads[index] as number) || unlisted[from + index] === 0) continue;
      unlisted[from + index] = Number(areOthersUnlisted(asked, numbers, index, recipients[from + index]));
    }
  };

  const findUnlisted: BatchLookup['findUnlisted'] = (asked, recipients, from, count, unlisted) => {
    for (let index = 0; index < count; index++) {
      const recipient = recipients[from + index];
      const head = reader.readNumber(recipient, numbers, index);
      heads[index] = head;
      unlisted[from + index] = head === NOT_READ ? Number(isUnlisted(asked, recipient)) : 1;
      ledgers[index] = undefined;
    }
    for (const { ledger, pending } of asked) {
      if (ledger.isEmpty && pending.size === 0) continue;
      ledger.blocksEach(numbers, found, count);
      for (let index = 0; index < count; index++) {
        const isPending = pending.size > 0 && pending.has(String(numbers[index]));
        // Of several lists, the first gives the reason.
        if (found[index] === 1 && unlisted[from + index] === 1) ledgers[index] = ledger;
        if (found[index] === 1 || isPending) unlisted[from + index] = 0;
      }
    }
    recheckOthers(asked, recipients, from, count, unlisted);
  };

  return { numbers, ledgers, findUnlisted };
}
