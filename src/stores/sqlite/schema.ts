/**
 * The tables of a store file. Makes new files: a file appears under its name only when it is complete and durable. Two
 * processes that make the same file at the same time end with one file.
 */

import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database, Driver } from './driver.ts';
import { withLock } from './file-lock.ts';
import { startLog } from './log-id.ts';
import { inTransaction } from './transaction.ts';

/** `SMSG`: distinguishes files of this package from those of other programs. */
export const APPLICATION_ID = 0x534d5347;
/** Version of the tables. A file of a later version is not touched. */
export const SCHEMA_VERSION = 3;

/** The table of snapshots, since version 2. */
export const SNAPSHOT_TABLE = `
  -- A snapshot of a list as of the sweep \`seq\`: the rows of \`images\` of kind 'base' with its token.
  CREATE TABLE bases (list TEXT PRIMARY KEY, token TEXT NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/**
 * The changes of version 3. A process of version 2 that still has the file open goes on reading and writing the tables
 * of its version. They only get columns with defaults, and none at all if that process inserts without naming columns.
 */
export const SECOND_EDITION = `
  -- New columns of evidence. With the defaults, rows of a process of version 2 are acts without a basis.
  ALTER TABLE changes ADD COLUMN kind TEXT NOT NULL DEFAULT 'act';
  -- The real times, if they are set: \`at\` and \`seen_at\` are then the times that a process of version 2 reads.
  ALTER TABLE changes ADD COLUMN moment REAL;
  ALTER TABLE changes ADD COLUMN received REAL;
  -- The basis: a position and its log, NULL for the log of the file.
  ALTER TABLE changes ADD COLUMN basis INTEGER;
  ALTER TABLE changes ADD COLUMN basis_log TEXT;
  -- The position of the entry in the log that it was carried over from.
  ALTER TABLE changes ADD COLUMN former_log TEXT;
  ALTER TABLE changes ADD COLUMN former_position INTEGER;

  -- Entries of the log that are not opt-outs, or prove nothing. \`seq\` is taken from the counter of \`changes\`.
  -- \`type\` is 'out', 'in' or a kind of a later version. \`sweep\` is set for a START and for an opt-in that manage has
  -- proven: the last sweep of the list that had begun.
  CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    msisdn INTEGER NOT NULL, list TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    at REAL NOT NULL, kind TEXT NOT NULL, seen_at REAL NOT NULL, source TEXT NOT NULL,
    words TEXT, writer TEXT NOT NULL, proves INTEGER NOT NULL DEFAULT 1,
    basis INTEGER, basis_log TEXT, former_log TEXT, former_position INTEGER,
    opt_in_date REAL, sweep INTEGER, data TEXT,
    UNIQUE (msisdn, list, type, id)
  ) STRICT;

  -- Sweeps are ordered by their numbers. One that a process of version 2 saves has none until this version reads it.
  ALTER TABLE sweeps ADD COLUMN number INTEGER;
  ALTER TABLE sweeps ADD COLUMN previous_number INTEGER;
  ALTER TABLE sweeps ADD COLUMN age_ms REAL;
  ALTER TABLE sweeps ADD COLUMN held_ms REAL;

  -- What sweeps said about numbers with first-hand evidence; \`listed_rows\` is for processes of version 2.
  CREATE TABLE listed (
    list TEXT NOT NULL, msisdn INTEGER NOT NULL, sweep INTEGER NOT NULL, date REAL,
    PRIMARY KEY (list, msisdn)
  ) STRICT, WITHOUT ROWID;

  INSERT INTO sqlite_sequence (name, seq)
    SELECT 'changes', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'changes');
`;

const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- The log of evidence. A number is an integer: 15 digits fit.
  CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    msisdn INTEGER NOT NULL, list TEXT NOT NULL, direction TEXT NOT NULL, id TEXT NOT NULL,
    at REAL NOT NULL, clock TEXT NOT NULL, seen_at REAL NOT NULL, source TEXT NOT NULL,
    words TEXT, writer TEXT NOT NULL,
    UNIQUE (msisdn, list, direction, id)
  ) STRICT;

  -- Erased numbers: other processes erase them from memory too.
  CREATE TABLE erasures (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, msisdn INTEGER NOT NULL, at REAL NOT NULL, writer TEXT NOT NULL
  ) STRICT;

  -- One row per saved sweep that changed something, in order. The row is the commit: images without one do not count.
  CREATE TABLE sweeps (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, list TEXT NOT NULL,
    start REAL, previous_start REAL, before_previous REAL, held_since REAL,
    is_complete INTEGER NOT NULL, size INTEGER NOT NULL, saved_at REAL NOT NULL, writer TEXT NOT NULL
  ) STRICT;
  CREATE INDEX sweeps_of_list ON sweeps (list, seq);

  -- Blobs: encoded numbers of one kind ('added', 'removed', 'missing'), and the chunks of snapshots ('base').
  CREATE TABLE images (
    token TEXT NOT NULL, ordinal INTEGER NOT NULL, kind TEXT NOT NULL,
    low INTEGER NOT NULL, high INTEGER NOT NULL, bytes BLOB NOT NULL, made_at REAL NOT NULL,
    PRIMARY KEY (token, ordinal)
  ) STRICT;

  ${SNAPSHOT_TABLE}

  -- What sweeps said about numbers with first-hand evidence.
  CREATE TABLE listed_rows (
    list TEXT NOT NULL, msisdn INTEGER NOT NULL, start REAL NOT NULL, date REAL NOT NULL,
    PRIMARY KEY (list, msisdn)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL) STRICT, WITHOUT ROWID;

  ${SECOND_EDITION}

  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Makes the tables of an empty database, and starts its log. */
export function makeTables(database: Database): void {
  inTransaction(database, () => {
    database.exec(SCHEMA);
    startLog(database);
  });
}

/** Returns the names of the tables that a sound file of a version has. */
export function tablesOf(version: number): readonly string[] {
  const first = ['meta', 'changes', 'erasures', 'sweeps', 'images', 'listed_rows', 'leases'];
  if (version < 2) return first;
  return version < 3 ? [...first, 'bases'] : [...first, 'bases', 'entries', 'listed'];
}

/**
 * Makes a complete new file under a temporary name, and calls `use` with it before it is closed.
 *
 * @returns the temporary name; the caller renames or removes the file.
 * @throws Error of the file system or SQLite; no file is left behind
 */
export function makeDraft(
  driver: Driver,
  file: string,
  use: (database: Database) => void = () => undefined,
): string {
  const draft = `${file}.new-${randomUUID()}`;
  try {
    // SQLite gives the log the mode of the database file.
    closeSync(openSync(draft, 'wx', 0o600));
    const database = new driver.DatabaseSync(draft);
    try {
      database.exec('PRAGMA synchronous = EXTRA');
      makeTables(database);
      use(database);
      // The mode cannot be changed later while another connection has the file open.
      database.exec('PRAGMA journal_mode = WAL');
    } finally {
      database.close();
    }
    return draft;
  } catch (error) {
    removeDraft(draft);
    throw error;
  }
}

/** Removes a draft, and the files that SQLite has put beside it. */
export function removeDraft(draft: string): void {
  for (const ending of ['', '-journal', '-wal', '-shm']) rmSync(draft + ending, { force: true });
}

/** Makes the file if there is none. @throws Error of the file system or SQLite */
export function makeFile(driver: Driver, file: string): void {
  makeFolder(file);
  withLock(driver, file, () => {
    // Another process has made it first.
    if (existsSync(file)) return;
    const draft = makeDraft(driver, file);
    try {
      putLogAside(file);
      renameSync(draft, file);
      syncFolder(dirname(file));
    } finally {
      removeDraft(draft);
    }
  });
}

/** Renames a log whose file was moved or removed: SQLite would read it into the new file. */
function putLogAside(file: string): void {
  rmSync(`${file}-shm`, { force: true });
  if (existsSync(`${file}-wal`)) renameSync(`${file}-wal`, `${file}.damaged-${randomUUID()}-wal`);
}

function makeFolder(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
}

/** Makes new and renamed files of a folder durable, if the system can. */
export function syncFolder(folder: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(folder, 'r');
    fsyncSync(descriptor);
  } catch {
    // Some systems do not sync folders.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** How long a connection waits for locks of others. */
export const BUSY_TIMEOUT = 'PRAGMA busy_timeout = 10000';

/** Configures a connection: with a write-ahead log that is synced before a commit returns. */
export function configure(database: Database): void {
  database.exec(BUSY_TIMEOUT);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  // Deleted content is overwritten with zeros.
  database.exec('PRAGMA secure_delete = ON');
}
