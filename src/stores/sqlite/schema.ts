/**
 * The tables of a store file, and how one is made: whole and durable, or not at all. Two processes that make the same
 * file at the same time end with one file.
 */

import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database, Driver } from './driver.ts';
import { withLock } from './file-lock.ts';
import { startLog } from './log-id.ts';
import { inTransaction } from './transaction.ts';

/** `SMSG`: tells our files from those of other programs. */
export const APPLICATION_ID = 0x534d5347;
/** Version of the tables. A file of a later one is not touched. */
export const SCHEMA_VERSION = 3;

/** Since version 2. */
export const BASES = `
  -- A whole list in the number set's own form, as of the sweep \`seq\`: images of kind 'base' under its token.
  CREATE TABLE bases (list TEXT PRIMARY KEY, token TEXT NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/**
 * Since version 3. A process of version 2 that still has the file open goes on reading and writing the tables of its
 * version: they get columns with defaults only, and none if that process names no columns when it inserts.
 */
export const SECOND_EDITION = `
  -- What a row says beyond its first columns. Rows of a process of version 2 are acts that nobody knows the basis of.
  ALTER TABLE changes ADD COLUMN kind TEXT NOT NULL DEFAULT 'act';
  -- The real times, if they are set: \`at\` and \`seen_at\` then are what a process of version 2 is to read.
  ALTER TABLE changes ADD COLUMN moment REAL;
  ALTER TABLE changes ADD COLUMN received REAL;
  -- A position, and the log that it belongs to; without one, the log of the file.
  ALTER TABLE changes ADD COLUMN basis INTEGER;
  ALTER TABLE changes ADD COLUMN basis_log TEXT;
  -- Where the entry stood in another log, before it was carried over.
  ALTER TABLE changes ADD COLUMN former_log TEXT;
  ALTER TABLE changes ADD COLUMN former_position INTEGER;

  -- Entries of the log that are no opt-outs, or prove nothing. \`seq\` is taken from the counter of \`changes\`.
  -- \`type\` is 'out', 'in' or a kind of entry to come; \`sweep\` is set if manage has proven an opt-in.
  CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    msisdn INTEGER NOT NULL, list TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    at REAL NOT NULL, kind TEXT NOT NULL, seen_at REAL NOT NULL, source TEXT NOT NULL,
    words TEXT, writer TEXT NOT NULL, proves INTEGER NOT NULL DEFAULT 1,
    basis INTEGER, basis_log TEXT, former_log TEXT, former_position INTEGER,
    opt_in_date REAL, sweep INTEGER, data TEXT,
    UNIQUE (msisdn, list, type, id)
  ) STRICT;

  -- Sweeps are ordered by their numbers. One that a process of version 2 saves has none until it is read.
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

  -- Who was erased: other processes forget too.
  CREATE TABLE erasures (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, msisdn INTEGER NOT NULL, at REAL NOT NULL, writer TEXT NOT NULL
  ) STRICT;

  -- One row per saved sweep that changed something, in order. It is the commit: images without one do not count.
  CREATE TABLE sweeps (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, list TEXT NOT NULL,
    start REAL, previous_start REAL, before_previous REAL, held_since REAL,
    is_complete INTEGER NOT NULL, size INTEGER NOT NULL, saved_at REAL NOT NULL, writer TEXT NOT NULL
  ) STRICT;
  CREATE INDEX sweeps_of_list ON sweeps (list, seq);

  -- Numbers in compact form: added, removed, missing once.
  CREATE TABLE images (
    token TEXT NOT NULL, ordinal INTEGER NOT NULL, kind TEXT NOT NULL,
    low INTEGER NOT NULL, high INTEGER NOT NULL, bytes BLOB NOT NULL, made_at REAL NOT NULL,
    PRIMARY KEY (token, ordinal)
  ) STRICT;

  ${BASES}

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

/** Makes the tables of an empty database, with a log of their own. */
export function makeTables(database: Database): void {
  inTransaction(database, () => {
    database.exec(SCHEMA);
    startLog(database);
  });
}

/** The tables of a sound file of a version. */
export function tablesOf(version: number): readonly string[] {
  const first = ['meta', 'changes', 'erasures', 'sweeps', 'images', 'listed_rows', 'leases'];
  if (version < 2) return first;
  return version < 3 ? [...first, 'bases'] : [...first, 'bases', 'entries', 'listed'];
}

/**
 * Makes a whole new file under a name of its own, and hands it to `use` before it is closed.
 *
 * @returns the name; the caller renames or removes it.
 * @throws Error of the file system or SQLite, with nothing left behind
 */
export function makeDraft(
  driver: Driver,
  file: string,
  use: (database: Database) => void = () => undefined,
): string {
  const draft = `${file}.new-${randomUUID()}`;
  try {
    // The mode of a database file is also that of its log.
    closeSync(openSync(draft, 'wx', 0o600));
    const database = new driver.DatabaseSync(draft);
    try {
      database.exec('PRAGMA synchronous = EXTRA');
      makeTables(database);
      use(database);
      // As it will be used: to change it later takes a file that nobody else has open.
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

/** Removes a draft that is not needed, with what SQLite put beside it. */
export function removeDraft(draft: string): void {
  for (const ending of ['', '-journal', '-wal', '-shm']) rmSync(draft + ending, { force: true });
}

/** Makes the file if there is none. @throws Error of the file system or SQLite. */
export function makeFile(driver: Driver, file: string): void {
  makeFolder(file);
  withLock(driver, file, () => {
    // Another process was first: its file is as good.
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

/** A log whose file was moved or removed would be read into the new file: it is kept under another name. */
function putLogAside(file: string): void {
  rmSync(`${file}-shm`, { force: true });
  if (existsSync(`${file}-wal`)) renameSync(`${file}-wal`, `${file}.damaged-${randomUUID()}-wal`);
}

function makeFolder(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
}

/** Makes new and renamed files of a folder durable, where the system can. */
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

/** How long a connection waits for others. */
export const BUSY_TIMEOUT = 'PRAGMA busy_timeout = 10000';

/** How every connection works: a write-ahead log that is synced before a commit returns. */
export function configure(database: Database): void {
  database.exec(BUSY_TIMEOUT);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  // What is erased is overwritten.
  database.exec('PRAGMA secure_delete = ON');
}
