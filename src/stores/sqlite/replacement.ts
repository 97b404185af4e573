/** Puts a new file in the place of a damaged one, with all evidence that can still be read from wherever it is. */

import { statSync } from 'node:fs';
import type { StoreOpening } from '../store.ts';
import { OtherAccount, checkAccounts } from './accounts.ts';
import { copyEvidence } from './carry-over.ts';
import { NewerFile, carryOver, isNewer, putAside } from './repair.ts';
import type { Database, Driver } from './driver.ts';
import { withLock } from './file-lock.ts';
import { SCHEMA_VERSION, makeDraft, removeDraft } from './schema.ts';

/** The file that is replaced. */
export interface DamagedFile {
  readonly driver: Driver;
  readonly path: string;
  /** The inode that was found damaged: another process may have replaced it meanwhile. */
  readonly inode: number | undefined;
  readonly now: () => number;
}

/**
 * Replaces the file, unless another process has done so.
 *
 * @param connection one that was opened before the damage and may still hold what the file does not.
 * @returns what was done, for people.
 * @throws NewerFile if it is of a later version, which is never renamed; Error of the file system or SQLite. It is in its
 *   place then
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
      // Whose it is stands in it before anybody else can open it.
      checkAccounts(database, accounts);
      if (connection) carried += copyEvidence(connection, database);
      const own = lastPosition(database);
      carried += carryOver(driver, path, database);
      if (damage.cause instanceof OtherAccount) dropProofs(database, own);
    });
    try {
      const aside = putAside(path, draft, now());
      return `the store could not be used: ${damage.message}; it was put aside as ${aside}, and ${carried} pieces of evidence were carried over from it`;
    } finally {
      removeDraft(draft);
    }
  });
}

function lastPosition(database: Database): number {
  return Number(database.prepare('SELECT coalesce(max(seq), 0) AS seq FROM entries').get()?.['seq']);
}

/** What another account's provider said to opt-ins after a position says nothing about the list of ours. */
function dropProofs(database: Database, position: number): void {
  database.prepare('UPDATE entries SET opt_in_date = NULL, sweep = NULL WHERE seq > ?').run(position);
}

/** @throws NewerFile */
function requireKnownVersion({ DatabaseSync }: Driver, path: string): void {
  // SQLite removes the log of an empty file.
  if (statSync(path).size === 0) return;
  const probe = new DatabaseSync(path);
  try {
    if (isNewer(probe)) throw new NewerFile(`it is of a version newer than ${SCHEMA_VERSION}`);
  } finally {
    probe.close();
  }
}
