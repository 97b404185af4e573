/**
 * The name of the log that a store file holds, and its counter of positions. Positions of two logs are never compared:
 * a file that may have lost entries gets a new log.
 */

import { randomBytes } from 'node:crypto';
import type { Database } from './driver.ts';
import { inTransaction } from './transaction.ts';

/** The log of a file. */
export interface LogIdentity {
  readonly id: string;
  /** The log before it in the same file; `null` if there was none. */
  readonly former: string | null;
  /** Entries up to this position have the same position in the former log; 0 if that is not known for any. */
  readonly until: number;
}

const KEY = 'log';
const GENERATION_DIGITS = 8;

/** Prepared statements for the log of a file. */
export interface LogState {
  /** Reads which log the file holds. @throws Error if it has none: it is damaged, or of an earlier version */
  identity(): LogIdentity;
  /**
   * Reads the last position that was given to an entry. Both tables take positions from SQLite's counter of `changes`:
   * a process of an earlier version, which lets SQLite count, then gives larger ones. If the counter is lost, the
   * largest position of a row counts.
   */
  lastPosition(): number;
  /** Sets the last position that was given, unless a larger one is set. Within a transaction. */
  setLastPosition(position: number): void;
}

/** The SQL expression of the last position that was given to an entry. */
export const LAST_POSITION = `max((SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changes'),
  (SELECT coalesce(max(seq), 0) FROM changes), (SELECT coalesce(max(seq), 0) FROM entries))`;

export function prepareLog(database: Database): LogState {
  const selectLog = database.prepare('SELECT value FROM meta WHERE key = ?');
  const selectLast = database.prepare(`SELECT ${LAST_POSITION} AS seq`);
  const update = database.prepare("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'changes'");
  let read = { value: '', log: undefined as LogIdentity | undefined };
  return {
    identity() {
      const value = selectLog.get(KEY)?.['value'];
      if (typeof value !== 'string') throw new Error('the file does not say which log it holds');
      const log = read.log && read.value === value ? read.log : (JSON.parse(value) as LogIdentity);
      read = { value, log };
      return log;
    },
    lastPosition: () => Number(selectLast.get()?.['seq'] ?? 0),
    setLastPosition(position) {
      if (Number(update.run(position).changes) === 1) return;
      database.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('changes', ?)").run(position);
    },
  };
}

/** Reads which log a file holds. @throws Error if it has none */
export const readLogId = (database: Database): LogIdentity => prepareLog(database).identity();

/** As {@link readLogId}; `undefined` if the file has none. */
export function findLogId(database: Database): LogIdentity | undefined {
  const value = database.prepare('SELECT value FROM meta WHERE key = ?').get(KEY)?.['value'];
  return typeof value === 'string' ? (JSON.parse(value) as LogIdentity) : undefined;
}

/**
 * Starts a new log in a file. Within a transaction.
 *
 * @param options.after another log: the name of the new one sorts after it.
 * @param options.sharedUntil the position up to which the entries of the file are known to be the same, at the same
 *   positions, as in the log that the file held. If in doubt 0: then acts of the former log count as not having seen
 *   them.
 */
export function startLog(
  database: Database,
  { after, sharedUntil = 0 }: { readonly after?: string | undefined; readonly sharedUntil?: number } = {},
): LogIdentity {
  const before = findLogId(database);
  const generation = Math.max(generationOf(before?.id), generationOf(after)) + 1;
  const log: LogIdentity = {
    id: `${String(generation).padStart(GENERATION_DIGITS, '0')}-${randomBytes(8).toString('hex')}`,
    former: before?.id ?? null,
    until: before === undefined ? 0 : sharedUntil,
  };
  database
    .prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
    .run(KEY, JSON.stringify(log));
  return log;
}

/**
 * Starts a new log in a file that was rolled back, replaced by an older copy, or filled with evidence of another file.
 * Its entries keep their positions, and other processes that follow the file read all of it again. The options are
 * those of {@link startLog}.
 */
export function renewLog(
  database: Database,
  options: { readonly after?: string | undefined; readonly sharedUntil?: number } = {},
): LogIdentity {
  return inTransaction(database, () => startLog(database, options));
}

function generationOf(name: string | undefined): number {
  const generation = Number(name?.slice(0, GENERATION_DIGITS));
  return Number.isSafeInteger(generation) ? generation : 0;
}

/** Reads the last position that was given to an entry. */
export const lastPosition = (database: Database): number => prepareLog(database).lastPosition();

const MIGRATED = 'migrated up to';

/**
 * Returns the position up to which an earlier version wrote the file; `undefined` if none did. A process of that
 * version may have the file open.
 */
export function migratedUpTo(database: Database): number | undefined {
  const value = database.prepare('SELECT value FROM meta WHERE key = ?').get(MIGRATED)?.['value'];
  return value === undefined ? undefined : Number(value);
}

/** Notes the last position as the end of what an earlier version wrote. Within a transaction. */
export function noteMigration(database: Database): void {
  database.prepare('INSERT INTO meta VALUES (?, ?)').run(MIGRATED, String(lastPosition(database)));
}
