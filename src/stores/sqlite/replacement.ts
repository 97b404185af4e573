/**
 * Replaces a damaged file by a new one, with all evidence that can still be read from the file or a connection to it.
 */

import { statSync } from 'node:fs';
import type { StoreOpening } from '../store.ts';
import { OtherAccount, checkAccounts } from './accounts.ts';
import { copyEvidence } from './carry-over.ts';
import { NewerFile, carryOver, isNewer, putAside } from './repair.ts';
import type { Database, Driver } from './driver.ts';
import { withLock } from './file-lock.ts';
import { SCHEMA_VERSION, makeDraft, removeDraft } from './schema.ts';

/** The file to replace. */
export interface DamagedFile {
  readonly driver: Driver;
  readonly path: string;
  /** The inode of the damaged file: another process may have replaced it in the meantime. */
  readonly inode: number | undefined;
  readonly now: () => number;
}

/**
 * Replaces the file, unless another process has done so.
 *
 * @param connection a connection from before the damage, which may still hold evidence that the file has lost.
 * @returns what was done, for people.
 * @throws NewerFile if it is of a later version, which is never renamed; Error of the file system or SQLite. The file
 *   then keeps its name
 */
export function replaceFile(
  { driver, path, inode, now }: DamagedFile,
  damage: Error,
  accounts: StoreOpening['accounts'],
  connection?: Database,
): string {
  return withLock(driver, path, () => {
    if (statSync(path).ino !== inode) {
      return `the store was damaged (${damage.message}), and another process has put it right`;
    }
    requireKnownVersion(driver, path);
    let carried = 0;
    const draft = makeDraft(driver, path, (database) => {
      // The accounts are in the file before another process can open it.
      checkAccounts(database, accounts);
      if (connection) carried += copyEvidence(connection, database);
      const last = lastEntry(database);
      carried += carryOver(driver, path, database);
      if (damage.cause instanceof OtherAccount) dropProofs(database, last);
    });
    try {
      const aside = putAside(path, draft, now());
      return `the store could not be used: ${damage.message}; it was put aside as ${aside}, and ${carried} pieces of evidence were carried over from it`;
    } finally {
      removeDraft(draft);
    }
  });
}

/** Returns the last position in the table `entries`. */
function lastEntry(database: Database): number {
  return Number(database.prepare('SELECT coalesce(max(seq), 0) AS seq FROM entries').get()?.['seq']);
}

/**
 * Deletes the proofs of opt-ins after a position: they are from the provider of another account, about another list.
 */
function dropProofs(database: Database, position: number): void {
  database.prepare('UPDATE entries SET opt_in_date = NULL, sweep = NULL WHERE seq > ?').run(position);
}

/** @throws NewerFile */
function requireKnownVersion({ DatabaseSync }: Driver, path: string): void {
  // An empty file is not opened here: SQLite would remove its log.
  if (statSync(path).size === 0) return;
  const probe = new DatabaseSync(path);
  try {
    if (isNewer(probe)) throw new NewerFile(`it is of a version newer than ${SCHEMA_VERSION}`);
  } finally {
    probe.close();
  }
}
