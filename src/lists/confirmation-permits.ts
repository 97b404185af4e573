/**
 * The one message that may still go to somebody who has just opted out: the confirmation that they did. A permit is
 * given for one opt-out and used once. It is kept in this process only, so that no other process and no restart can use
 * it again. The checker decides whether anything else blocks the message.
 */

import type { AgeClock } from '../clock.ts';

export interface Permits {
  /** Permits one message to the number on the list. */
  grant(list: string, msisdn: string): void;
  /** Whether there is a permit, which stays. */
  has(list: string, msisdn: string): boolean;
  /** Takes a permit away: it was used, or the person opted in. */
  take(list: string, msisdn: string): void;
}

/** How long after the opt-out, ms. */
const LASTING_MS = 300_000;
/** Permits that wait at once. Where more are given the oldest are taken away: their messages do not go out. */
const MOST = 100_000;

/** Creates an empty collection. */
export function createPermits(ageClock: AgeClock): Permits {
  // Oldest first. The age clock counts the sleep of the machine, and no clock that is set back.
  const grantedAt = new Map<string, number>();
  const keyOf = (list: string, msisdn: string) => `${msisdn} ${list}`;

  return {
    grant(list, msisdn) {
      const now = ageClock.now();
      for (const [key, at] of grantedAt) {
        if (now - at <= LASTING_MS && grantedAt.size < MOST) break;
        grantedAt.delete(key);
      }
      grantedAt.delete(keyOf(list, msisdn));
      grantedAt.set(keyOf(list, msisdn), now);
    },
    has(list, msisdn) {
      const at = grantedAt.get(keyOf(list, msisdn));
      return at !== undefined && ageClock.now() - at <= LASTING_MS;
    },
    take: (list, msisdn) => void grantedAt.delete(keyOf(list, msisdn)),
  };
}
