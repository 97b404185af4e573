/** What a store hands over, as a set, without stopping other work while it is built. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { createNumberSet, type NumberSet } from '../optouts/number-set.ts';
import type { NumberSource } from './store.ts';

/** Numbers taken before other work gets its turn. */
const NUMBERS_PER_TURN = 5_000;

/** Builds the set of all numbers of a source. Rejects with what the source throws. */
export async function numberSetOf(source: NumberSource): Promise<NumberSet> {
  const set = createNumberSet();
  let taken = 0;
  for await (const one of source) {
    if (typeof one === 'string') {
      set.add(one);
      taken++;
    } else {
      for (let from = 0; from < one.length; from += NUMBERS_PER_TURN) {
        if (taken > 0) await nextTurn();
        const batch = one.subarray(from, from + NUMBERS_PER_TURN);
        set.addBatch(batch);
        taken += batch.length;
      }
    }
    if (taken >= NUMBERS_PER_TURN) {
      taken = 0;
      await nextTurn();
    }
  }
  return set;
}
