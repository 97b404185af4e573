/**
 * Permits for the one message that may still go to a person who has just opted out: the confirmation of the opt-out. A
 * permit is granted for one opt-out and used once. Only this process knows it, so that no other process can use it, and
 * this one cannot use it after a restart. The checker decides whether anything else blocks the message.
 */

import type { AgeClock } from '../clock.ts';

export interface Permits {
  /** Permits one message to the number on the list. */
  grant(list: string, msisdn: string): void;
  /** Whether there is a permit. Does not use it up. */
  has(list: string, msisdn: string): boolean;
  /** Removes a permit: it was used, or the person opted in. */
  take(list: string, msisdn: string): void;
}

/** How long a permit is valid after the opt-out, ms. */
const VALID_MS = 300_000;
/** The largest number of permits. Beyond it the oldest are removed, and their messages are blocked. */
const MAX_PERMITS = 100_000;

/** Creates an empty collection. */
export function createPermits(ageClock: AgeClock): Permits {
  // Oldest first. The age clock runs on while the machine sleeps, and ignores a wall clock that is set back.
  const grantedAt = new Map<string, number>();
  const keyOf = (list: string, msisdn: string) => `${msisdn} ${list}`;

  return {
    grant(list, msisdn) {
      const now = ageClock.now();
      for (const [key, at] of grantedAt) {
        if (now - at <= VALID_MS && grantedAt.size < MAX_PERMITS) break;
        grantedAt.delete(key);
      }
      grantedAt.delete(keyOf(list, msisdn));
      grantedAt.set(keyOf(list, msisdn), now);
    },
    has(list, msisdn) {
      const at = grantedAt.get(keyOf(list, msisdn));
      return at !== undefined && ageClock.now() - at <= VALID_MS;
    },
    take: (list, msisdn) => void grantedAt.delete(keyOf(list, msisdn)),
  };
}
