/** Opt-outs that are not stored yet. Each blocks from the moment it is known, while any write of it is under way. */

import type { Lists } from '../lists/opt-out-lists.ts';
import type { OptOutChange } from '../ledger/evidence.ts';

/** Blocks the opt-outs among changes while they are written. @returns a function that ends this block. */
export function addPending(lists: Pick<Lists, 'ensure'>, changes: readonly OptOutChange[]): () => void {
  const optOuts = changes.filter(({ evidence }) => evidence.direction === 'out');
  for (const { list, msisdn, evidence } of optOuts) {
    const { pending } = lists.ensure(list);
    const known = pending.get(msisdn);
    if (known) known.writes++;
    else {
      const listing = { list, source: evidence.source, since: evidence.at };
      pending.set(msisdn, { listing, writes: 1 });
    }
  }
  return () => {
    for (const { list, msisdn } of optOuts) {
      const { pending } = lists.ensure(list);
      const known = pending.get(msisdn);
      if (known !== undefined && --known.writes === 0) pending.delete(msisdn);
    }
  };
}
