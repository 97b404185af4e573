/** Moves the content of the write-ahead log into the database, and erased words out of the log. */

import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { isTrue, type Database, type Driver } from './driver.ts';
import type { FileWatch } from './file-watch.ts';
import { withLock } from './file-lock.ts';
import { BUSY_TIMEOUT } from './schema.ts';

/**
 * Writes the log into the database.
 *
 * @returns whether all of it was written; readers of older states may prevent that
 */
export function writeLog(database: Database): boolean {
  return writtenFrames(database) !== undefined;
}

/** As {@link writeLog}. @returns how many frames the log has, as SQLite sees it; `undefined` if not all were written */
function writtenFrames(database: Database): number | undefined {
  try {
    const { log, checkpointed } = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() ?? {};
    return log === checkpointed ? Number(log) : undefined;
  } catch {
    return undefined;
  }
}

/** Empties the log, unless another connection reads it. Does not wait for others. @returns whether it is empty */
export function emptyLog(database: Database): boolean {
  return withoutWaiting(
    database,
    () => database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0,
  );
}

/**
 * Writes the log into the database and removes it, if no other connection has the file open.
 *
 * @returns whether it did
 */
export function leaveLog(database: Database): boolean {
  return withoutWaiting(database, () => {
    database.exec('PRAGMA journal_mode = DELETE');
    return isTrue(database, "(SELECT journal_mode FROM pragma_journal_mode) = 'delete'");
  });
}

/** Returns `false` also if `work` throws: then another connection is in the way. */
function withoutWaiting(database: Database, work: () => boolean): boolean {
  database.exec('PRAGMA busy_timeout = 0');
  try {
    return work();
  } catch {
    return false;
  } finally {
    database.exec(BUSY_TIMEOUT);
  }
}

/**
 * Writes everything into the database and leaves a log that lost its name. Does so only if no other connection uses
 * that log, and no other process can have written in the meantime: to the database, or to a log under the old name.
 *
 * @returns whether it did.
 */
export function leaveOldLog(database: Database, watch: FileWatch): boolean {
  if (!watch.isDatabaseKnown()) return false;
  const frames = writtenFrames(database);
  return frames !== undefined && watch.isLogAsLongAs(frames) && leaveLog(database);
}

/** Renames the log of a file that was replaced: SQLite would read it into the file that has the name now. */
export function putOldLogAside(driver: Driver, path: string, replaced: FileWatch): void {
  if (!existsSync(path)) return;
  withLock(driver, path, () => {
    if (replaced.isOwn(path)) return;
    if (replaced.isOwn(`${path}-shm`)) rmSync(`${path}-shm`, { force: true });
    if (replaced.isOwn(`${path}-wal`)) renameSync(`${path}-wal`, `${path}.damaged-${randomUUID()}-wal`);
  });
}
