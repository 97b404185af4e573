/**
 * Lets one process at a time make a store file or replace a damaged one. The lock is SQLite's own, on an empty file
 * beside the store: the system releases it when its holder dies. The lock file is never removed, because two processes
 * could then hold locks on two files of that name.
 */

import { chmodSync } from 'node:fs';
import type { Driver } from './driver.ts';

/** How long to wait for another process, ms: it may be reading what is left of a large damaged file. */
const WAIT_MS = 30_000;

/** Runs `work` while no other process holds the lock of the file. @throws Error of SQLite if the lock stays taken */
export function withLock<T>({ DatabaseSync }: Driver, file: string, work: () => T): T {
  const path = `${file}.lock`;
  const lock = new DatabaseSync(path);
  try {
    // `chmod` by path: closing a descriptor of the file would release every lock that this process has on it.
    chmodSync(path, 0o600);
    lock.exec(`PRAGMA busy_timeout = ${WAIT_MS}; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE`);
    return work();
  } finally {
    lock.close();
  }
}
