/**
 * One process at a time makes a store file or exchanges a damaged one. The lock is SQLite's own, on an empty file
 * beside the store: the system lets go of it when its holder dies. It stays there, since a lock file that somebody
 * removes is two locks.
 */

import { chmodSync } from 'node:fs';
import type { Driver } from './driver.ts';

/** How long another process may take, ms: it may be reading what is left of a large damaged file. */
const WAIT_MS = 30_000;

/** Runs `work` while no other process does so for the same file. @throws Error of SQLite where its turn does not come */
export function withLock<T>({ DatabaseSync }: Driver, file: string, work: () => T): T {
  const path = `${file}.lock`;
  const lock = new DatabaseSync(path);
  try {
    // Not by opening it: to close a file lets go of every lock that this process has on it.
    chmodSync(path, 0o600);
    lock.exec(`PRAGMA busy_timeout = ${WAIT_MS}; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE`);
    return work();
  } finally {
    lock.close();
  }
}
