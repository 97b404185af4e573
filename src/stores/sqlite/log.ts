/** The log of evidence as rows: append, read, erase, prune. Synchronous; it runs where the file is open. */

import type { Evidence, OptOutChange } from '../../optouts/change.ts';
import { SELECT_COLUMNS, columnsOf, type ChangeColumns } from './columns.ts';
import type { Database, SqlValue } from './driver.ts';

/** A place in the logs of changes, erasures and sweeps. */
export interface LogCursor {
  readonly changes: number;
  readonly erasures: number;
  readonly sweeps: number;
}

/** A part of the log. */
export interface LoadedChanges {
  readonly columns: ChangeColumns;
  /** What does not fit into columns. */
  readonly others: readonly OptOutChange[];
  /** The place behind them. */
  readonly seq: number;
}

export interface ChangeLog {
  /** Inserts in one transaction. @returns for each whether it was new. */
  append(changes: readonly OptOutChange[]): boolean[];
  /** All evidence behind a place, at most `limit`, without words; none at the end. */
  load(seq: number, limit: number): LoadedChanges;
  /** What other writers added behind a place, at most `limit`, with the place behind it. */
  after(seq: number, limit: number): { readonly changes: OptOutChange[]; readonly seq: number };
  /** Who was erased by other writers behind a place. */
  erasedAfter(seq: number): { readonly msisdns: string[]; readonly seq: number };
  history(msisdn: string, list: string | undefined, limit: number | undefined): OptOutChange[];
  /** Leaves `keep`, and what other writers put behind `told`, without words. */
  erase(msisdn: string, keep: readonly OptOutChange[], told: number): void;
  /** Forgets who was erased so long ago that every process has heard of it. */
  forgetErasures(): void;
  /** Looks at some rows behind a place. @returns how many went, and the place; `undefined` at the end. */
  prune(olderThan: number, after: number): { readonly removed: number; readonly after: number | undefined };
}

const COLUMNS = 'seq, msisdn, list, direction, id, at, clock, seen_at, source, words';
/** Rows that one step of `prune` looks at: other writers have their turn in between. */
const PRUNED_AT_A_TIME = 5_000;
/** How long other processes have to hear of an erasure, ms. */
const ERASURES_KEPT_MS = 86_400_000;

/** Reads and writes the log of an open file; `writer` tells the rows of this process. */
export function createChangeLog(database: Database, writer: string, now: () => number): ChangeLog {
  const insert = database.prepare(
    `INSERT INTO changes (msisdn, list, direction, id, at, clock, seen_at, source, words, writer)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const selectAfter = database.prepare(
    `SELECT ${COLUMNS} FROM changes WHERE seq > ? AND writer <> ? ORDER BY seq LIMIT ?`,
  );
  const lastSeq = database.prepare('SELECT coalesce(max(seq), 0) AS seq FROM changes');
  const selectErased = database.prepare(
    'SELECT seq, msisdn, writer FROM erasures WHERE seq > ? ORDER BY seq',
  );

  function insertAll(changes: readonly OptOutChange[]): boolean[] {
    return changes.map(({ list, msisdn, evidence }) => {
      const { direction, id, at, clock, seenAt, source, messageId, sender, text, reason } = evidence;
      const words = { messageId, sender, text, reason };
      const hasWords = Object.values(words).some((word) => word !== undefined);
      const written = hasWords ? JSON.stringify(words) : null;
      const row = [Number(msisdn), list, direction, id, at, clock, seenAt, source, written, writer];
      return Number(insert.run(...row).changes) === 1;
    });
  }

  // What is older than another act decides nothing, but to look for that takes longer than to read it.
  const selectColumns = database.prepare(SELECT_COLUMNS);
  const selectOne = database.prepare(
    'SELECT msisdn, list, direction, id, at, clock, seen_at, source FROM changes WHERE seq = ?',
  );

  return {
    load(seq, limit) {
      const row = selectColumns.get(seq, limit) ?? {};
      const { columns, unfit } = columnsOf(row);
      const others = unfit.flatMap((one) => selectOne.all(one)).map(changeOf);
      return { columns, others, seq: Number(row['seq'] ?? seq) };
    },
    append: (changes) => inTransaction(database, () => insertAll(changes)),
    after(seq, limit) {
      // First the end, then the rows: what comes between is read next time.
      const end = Number(lastSeq.get()?.['seq']);
      const rows = selectAfter.all(seq, writer, limit);
      const isAll = rows.length < limit;
      const last = Number(rows.at(-1)?.['seq'] ?? seq);
      return { changes: rows.map(changeOf), seq: isAll ? Math.max(end, last) : last };
    },
    erasedAfter(seq) {
      const rows = selectErased.all(seq);
      const msisdns = rows.filter((row) => row['writer'] !== writer).map((row) => String(row['msisdn']));
      return { msisdns, seq: Number(rows.at(-1)?.['seq'] ?? seq) };
    },
    history(msisdn, list, limit) {
      const ofList = list === undefined ? '' : 'AND list = ?';
      const values: SqlValue[] = list === undefined ? [Number(msisdn)] : [Number(msisdn), list];
      return database
        .prepare(
          `SELECT ${COLUMNS} FROM changes WHERE msisdn = ? ${ofList} ORDER BY at DESC, seen_at DESC LIMIT ?`,
        )
        .all(...values, limit ?? -1)
        .map(changeOf);
    },
    erase(msisdn, keep, told) {
      inTransaction(database, () => {
        const number = Number(msisdn);
        const isUntold = 'msisdn = ? AND seq > ? AND writer <> ?';
        database
          .prepare(`DELETE FROM changes WHERE msisdn = ? AND NOT (${isUntold})`)
          .run(number, number, told, writer);
        database.prepare(`UPDATE changes SET words = NULL WHERE ${isUntold}`).run(number, told, writer);
        insertAll(keep);
        database
          .prepare('INSERT INTO erasures (msisdn, at, writer) VALUES (?, ?, ?)')
          .run(number, now(), writer);
      });
    },
    forgetErasures() {
      database.prepare('DELETE FROM erasures WHERE at < ?').run(now() - ERASURES_KEPT_MS);
    },
    prune(olderThan, after) {
      const last = database
        .prepare('SELECT max(seq) AS seq FROM (SELECT seq FROM changes WHERE seq > ? ORDER BY seq LIMIT ?)')
        .get(after, PRUNED_AT_A_TIME)?.['seq'];
      if (typeof last !== 'number') return { removed: 0, after: undefined };
      const { changes } = database
        .prepare(
          `DELETE FROM changes WHERE seq > ? AND seq <= ? AND seen_at < ? AND EXISTS (
             SELECT 1 FROM changes AS newer WHERE newer.msisdn = changes.msisdn AND newer.list = changes.list
             AND newer.direction = changes.direction AND newer.clock = changes.clock AND newer.at > changes.at)`,
        )
        .run(after, last, olderThan);
      return { removed: Number(changes), after: last };
    },
  };
}

/** Runs `work` as one transaction, all of it or nothing; durable when it returns. */
export function inTransaction<T>(database: Database, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    try {
      database.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself.
    }
    throw error;
  }
}

/** Reads a row of `changes`. */
export function changeOf(row: Readonly<Record<string, SqlValue>>): OptOutChange {
  return {
    list: String(row['list']),
    msisdn: String(row['msisdn']),
    evidence: {
      direction: row['direction'] as Evidence['direction'],
      at: Number(row['at']),
      clock: row['clock'] as Evidence['clock'],
      seenAt: Number(row['seen_at']),
      source: row['source'] as Evidence['source'],
      id: String(row['id']),
      ...wordsOf(row['words']),
    },
  };
}

type Words = Pick<Evidence, 'messageId' | 'sender' | 'text' | 'reason'>;

/** Words decide nothing: evidence counts without those that cannot be read, and nobody stops at them. */
function wordsOf(written: SqlValue | undefined): Words {
  if (typeof written !== 'string') return {};
  try {
    const read = JSON.parse(written) as Partial<Record<keyof Words, unknown>> | null;
    const words = Object.entries(read ?? {}).filter(
      ([name, word]) => WORDS.includes(name) && typeof word === 'string',
    );
    return Object.fromEntries(words);
  } catch {
    return {};
  }
}

const WORDS: readonly string[] = ['messageId', 'sender', 'text', 'reason'] satisfies (keyof Words)[];
