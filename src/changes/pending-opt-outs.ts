/**
 * Opt-outs that are not stored yet: each blocks from the moment it is known, while any write of it is under way.
 */

import type { Lists } from '../lists/opt-out-lists.ts';
import type { OptOutChange } from '../ledger/evidence.ts';

/** Lets the opt-outs among changes block while they are written. @returns the end of it. */
export function holdPending(lists: Pick<Lists, 'ensure'>, changes: readonly OptOutChange[]): () => void {
  const held = changes.filter(({ evidence }) => evidence.direction === 'out');
  for (const { list, msisdn, evidence } of held) {
    const { pending } = lists.ensure(list);
    const known = pending.get(msisdn);
    if (known) known.writes++;
    else {
      const listing = { list, source: evidence.source, since: evidence.at };
      pending.set(msisdn, { listing, writes: 1 });
    }
  }
  return () => {
    for (const { list, msisdn } of held) {
      const { pending } = lists.ensure(list);
      const known = pending.get(msisdn);
      if (known !== undefined && --known.writes === 0) pending.delete(msisdn);
    }
  };
}
