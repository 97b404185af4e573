/**
 * The opt-ins that this process applied recently. A receipt that arrives shortly after an opt-in may be about a message
 * that was sent before it.
 */

import type { Clock } from '../clock.ts';

export interface RecentOptIns {
  /** Notes that an opt-in was applied now. */
  note(list: string, msisdn: string): void;
  /** Whether an opt-in was applied less than `lagGrace` ago, by the monotonic clock. */
  has(list: string, msisdn: string): boolean;
}

/** The most opt-ins that are remembered. Beyond it the oldest are forgotten; a receipt after them blocks. */
const MAX_OPT_INS = 100_000;

/** Creates an empty collection. */
export function createRecentOptIns(clock: Clock, lagGraceMs: number): RecentOptIns {
  // Oldest first.
  const notedAt = new Map<string, number>();
  const keyOf = (list: string, msisdn: string) => `${msisdn} ${list}`;
  return {
    note(list, msisdn) {
      const now = clock.monotonic();
      for (const [key, at] of notedAt) {
        if (now - at < lagGraceMs && notedAt.size < MAX_OPT_INS) break;
        notedAt.delete(key);
      }
      notedAt.delete(keyOf(list, msisdn));
      notedAt.set(keyOf(list, msisdn), now);
    },
    has(list, msisdn) {
      const at = notedAt.get(keyOf(list, msisdn));
      return at !== undefined && clock.monotonic() - at < lagGraceMs;
    },
  };
}
