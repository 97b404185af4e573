/**
 * Who opted in a short while ago, as applied in this process. A receipt that arrives now may be about a message that was
 * sent before the opt-in.
 */

import type { Clock } from '../clock.ts';

export interface RecentOptIns {
  /** An opt-in was applied now. */
  note(list: string, msisdn: string): void;
  /** Whether one was applied less than `lagGrace` ago, by the monotonic clock. */
  has(list: string, msisdn: string): boolean;
}

/** Opt-ins that are remembered at once; beyond it the oldest are forgotten, and a receipt then blocks. */
const MOST = 100_000;

/** Creates an empty collection. */
export function createRecentOptIns(clock: Clock, lagGraceMs: number): RecentOptIns {
  // Oldest first.
  const notedAt = new Map<string, number>();
  const keyOf = (list: string, msisdn: string) => `${msisdn} ${list}`;
  return {
    note(list, msisdn) {
      const now = clock.monotonic();
      for (const [key, at] of notedAt) {
        if (now - at < lagGraceMs && notedAt.size < MOST) break;
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
