/**
 * The name of the log that a store file holds, and its counter of positions. Positions of two logs are never compared,
 * so a file whose content may have lost entries gets a new log.
 */

import { randomBytes } from 'node:crypto';
import type { Database } from './driver.ts';
import { inTransaction } from './transaction.ts';

/** The log of a file. */
export interface LogIdentity {
  readonly id: string;
  /** The log before it in the same file; `null` if there was none. */
  readonly former: string | null;
  /** Entries up to this position have the same position in the former log; 0 if that is not known of any. */
  readonly until: number;
}

const KEY = 'log';
const GENERATION_DIGITS = 8;

/** What is asked often of a log, prepared. */
export interface LogState {
  /** @throws Error if the file does not say which log it holds: it is damaged, or of an earlier version */
  identity(): LogIdentity;
  /**
   * The last position that was given to an entry. Both tables of entries take positions from the counter of `changes`,
   * so that a process of an earlier version, which lets SQLite count, goes on above. Should it be lost, the rows tell.
   */
  lastPosition(): number;
  /** Notes the last position that was given. Within a transaction. */
  setLastPosition(position: number): void;
}

/** The last position that was given to an entry, as an expression. */
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

/** The log of a file. @throws Error if the file does not say */
export const readLogId = (database: Database): LogIdentity => prepareLog(database).identity();

/** As {@link readLogId}; `undefined` if the file does not say. */
export function findLogId(database: Database): LogIdentity | undefined {
  const value = database.prepare('SELECT value FROM meta WHERE key = ?').get(KEY)?.['value'];
  return typeof value === 'string' ? (JSON.parse(value) as LogIdentity) : undefined;
}

/**
 * Starts a new log in a file. Within a transaction.
 *
 * @param options.after the name of another log that the new one is newer than.
 * @param options.sharedUntil up to which position the file's entries are known to be the same, at the same positions,
 *   as in the log that the file held. If in doubt 0: then acts of the former log count as not having seen them.
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
 * Starts a new log in a file that was rolled back, replaced by an older copy or carried over. Its entries keep their
 * positions, and other processes that follow the file are told all of it again. Options as {@link startLog} has them.
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

/** The last position that was given to an entry. */
export const lastPosition = (database: Database): number => prepareLog(database).lastPosition();

const MIGRATED = 'migrated up to';

/** Up to which position an earlier version wrote the file; `undefined` if none did. A process of it may have it open. */
export function migratedUpTo(database: Database): number | undefined {
  const value = database.prepare('SELECT value FROM meta WHERE key = ?').get(MIGRATED)?.['value'];
  return value === undefined ? undefined : Number(value);
}

/** Notes that an earlier version wrote the file up to now. Within a transaction. */
export function noteMigration(database: Database): void {
  database.prepare('INSERT INTO meta VALUES (?, ?)').run(MIGRATED, String(lastPosition(database)));
}
