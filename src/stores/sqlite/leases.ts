/** Leases, as rows of the file: rights that one process has at a time. */

import type { Database } from './driver.ts';
import { nextSweepNumber } from './sweep-numbers.ts';
import { inTransaction } from './transaction.ts';

export interface Leases {
  /** Acquires a lease, if no other process has it or `isForced` is set. @returns whether it did */
  lease(name: string, ttlMs: number, isForced: boolean): boolean;
  /** @returns whether this process still has the lease */
  renew(name: string, ttlMs: number): boolean;
  release(name: string): void;
  /** Takes the number of the next sweep, of any list, from the counter of the file. */
  nextSweep(): number;
}

/** @param databaseOf returns the database that is open; it throws if none is. */
export function createLeases(databaseOf: () => Database, writer: string, now: () => number): Leases {
  return {
    lease(name, ttlMs, isForced) {
      const database = databaseOf();
      return inTransaction(database, () => {
        const lease = database.prepare('SELECT expires FROM leases WHERE name = ?').get(name);
        const leftMs = Number(lease?.['expires'] ?? 0) - now();
        // A lease that expires later than one taken now was taken before the clock was set back: it does not count.
        const isTaken = lease !== undefined && leftMs > 0 && leftMs <= ttlMs;
        if (isTaken && !isForced) return false;
        database
          .prepare(
            `INSERT INTO leases VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET owner = excluded.owner, expires = excluded.expires`,
          )
          .run(name, writer, now() + ttlMs);
        return true;
      });
    },
    renew(name, ttlMs) {
      const update = 'UPDATE leases SET expires = ? WHERE name = ? AND owner = ?';
      const { changes } = databaseOf()
        .prepare(update)
        .run(now() + ttlMs, name, writer);
      return Number(changes) === 1;
    },
    release(name) {
      databaseOf().prepare('DELETE FROM leases WHERE name = ? AND owner = ?').run(name, writer);
    },
    nextSweep() {
      const database = databaseOf();
      return inTransaction(database, () => nextSweepNumber(database));
    },
  };
}
