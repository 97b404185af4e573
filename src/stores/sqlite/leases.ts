/** Rights that one process holds at a time, as rows of the file. */

import type { Database } from './driver.ts';
import { nextSweepNumber } from './sweep-numbers.ts';
import { inTransaction } from './transaction.ts';

export interface Leases {
  lease(name: string, ttlMs: number, isForced: boolean): boolean;
  renew(name: string, ttlMs: number): boolean;
  release(name: string): void;
  /** The number of the next sweep of any list. */
  nextSweep(): number;
}

/** @param open gives the database that is open. */
export function createLeases(open: () => Database, writer: string, now: () => number): Leases {
  return {
    lease(name, ttlMs, isForced) {
      const database = open();
      return inTransaction(database, () => {
        const held = database.prepare('SELECT expires FROM leases WHERE name = ?').get(name);
        const left = Number(held?.['expires'] ?? 0) - now();
        // One that lies further ahead than any could was taken before the clock was set back.
        const isTaken = held !== undefined && left > 0 && left <= ttlMs;
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
      return (
        Number(
          open()
            .prepare(update)
            .run(now() + ttlMs, name, writer).changes,
        ) === 1
      );
    },
    release(name) {
      open().prepare('DELETE FROM leases WHERE name = ? AND owner = ?').run(name, writer);
    },
    nextSweep() {
      const database = open();
      return inTransaction(database, () => nextSweepNumber(database));
    },
  };
}
