/** The log of evidence as rows: append, read, erase, prune. Synchronous; runs in the worker. */

import type { OptOutChange } from '../../ledger/evidence.ts';
import type { AppendResult, Erasure } from '../store.ts';
import { createAppender, type AppendRequest } from './append.ts';
import { columnsOf, selectColumns, selectUnfit, type ChangeColumns } from './change-columns.ts';
import type { Database, SqlValue } from './driver.ts';
import type { LoadPosition } from './log-cursor.ts';
import { prepareLog } from './log-id.ts';
import { pruneStep, type PruneStep } from './prune.ts';
import { INSERTED, bothTables, changeOf } from './rows.ts';
import { inTransaction } from './transaction.ts';

/** One batch of a load. */
export interface LoadedChanges {
  readonly columns: ChangeColumns;
  /** Changes that do not fit into columns. */
  readonly others: readonly OptOutChange[];
  /** `undefined` at the end. */
  readonly next: LoadPosition | undefined;
}

export interface ChangeLog {
  /** Inserts in one transaction. */
  append(
    entries: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): readonly AppendResult[];
  /** As `append`, for several requests in one transaction. */
  appendEach(requests: readonly AppendRequest[]): readonly (readonly AppendResult[])[];
  /** Reads all evidence that counts after a position, at most `limit` changes, without words. */
  load(from: LoadPosition, limit: number): LoadedChanges;
  /**
   * Reads the entries of other writers after a position, at most `limit`, with the position of the last one.
   *
   * @param includesOwn whether the entries of this process are read too.
   */
  after(
    seq: number,
    limit: number,
    includesOwn: boolean,
  ): { readonly changes: OptOutChange[]; readonly seq: number; readonly isEnd: boolean };
  /** Reads the numbers that other writers erased after a row of `erasures`, with the last row. */
  erasedAfter(seq: number): { readonly msisdns: string[]; readonly seq: number };
  /** Reads the evidence of a number, newest first. */
  history(msisdn: string, list: string | undefined, limit: number | undefined): OptOutChange[];
  /** Deletes a person's words. Entries of the lists in `forget` no longer prove anything. */
  erase(msisdn: string, forget: Erasure): void;
  /** Deletes erasures that are so old that every process has read of them. */
  forgetErasures(): void;
  /** Prunes some rows after a position. */
  prune(olderThan: number, after: number): PruneStep;
}

/** How long erasures are kept for other processes to read, ms. */
const ERASURES_KEPT_MS = 86_400_000;

/** @param writer marks the rows of this process. */
export function createChangeLog(database: Database, writer: string, now: () => number): ChangeLog {
  const append = createAppender(database, writer);
  const state = prepareLog(database);
  const select = {
    changes: database.prepare(selectColumns('changes')),
    entries: database.prepare(selectColumns('entries')),
  };
  const isForeign = 'seq > ? AND (writer <> ? OR ?)';
  const selectAfter = database.prepare(`${bothTables(isForeign)} ORDER BY seq LIMIT ?`);
  const selectErased = database.prepare(
    'SELECT seq, msisdn, writer FROM erasures WHERE seq > ? ORDER BY seq',
  );

  function appendEach(requests: readonly AppendRequest[]): readonly (readonly AppendResult[])[] {
    return inTransaction(database, () => append(requests));
  }

  return {
    appendEach,
    append: (entries, { wantsBefore = false } = {}) => appendEach([{ entries, wantsBefore }])[0] ?? [],
    load({ table, seq }, limit) {
      const log = state.identity();
      const row = select[table].get(seq, limit) ?? {};
      const last = row['last'];
      const isOver = typeof last !== 'number';
      const unfit = isOver || row['unfit'] === 0 ? [] : database.prepare(selectUnfit(table)).all(seq, last);
      const nextTable: LoadPosition | undefined =
        table === 'changes' ? { table: 'entries', seq: 0 } : undefined;
      return {
        columns: columnsOf(row, log),
        others: unfit.map((one) => changeOf(one, log)),
        next: isOver ? nextTable : { table, seq: last },
      };
    },
    after(seq, limit, includesOwn) {
      const log = state.identity();
      // The end is read before the rows: entries that are added in between are read next time.
      const end = state.lastPosition();
      const foreign = [seq, writer, Number(includesOwn)];
      const rows = selectAfter.all(...foreign, ...foreign, limit);
      const isEnd = rows.length < limit;
      const last = Number(rows.at(-1)?.['seq'] ?? seq);
      const changes = rows.map((row) => changeOf(row, log));
      return { changes, seq: isEnd ? Math.max(end, last) : last, isEnd };
    },
    erasedAfter(seq) {
      const rows = selectErased.all(seq);
      const msisdns = rows.filter((row) => row['writer'] !== writer).map((row) => String(row['msisdn']));
      return { msisdns, seq: Number(rows.at(-1)?.['seq'] ?? seq) };
    },
    history(msisdn, list, limit) {
      const log = state.identity();
      const where = list === undefined ? 'msisdn = ?' : 'msisdn = ? AND list = ?';
      const values: SqlValue[] = list === undefined ? [Number(msisdn)] : [Number(msisdn), list];
      return database
        .prepare(`${bothTables(where)} ORDER BY at DESC, seen_at DESC LIMIT ?`)
        .all(...values, ...values, limit ?? -1)
        .map((row) => changeOf(row, log));
    },
    erase(msisdn, forget) {
      inTransaction(database, () => {
        const number = Number(msisdn);
        for (const table of ['changes', 'entries']) {
          database.prepare(`UPDATE ${table} SET words = NULL WHERE msisdn = ?`).run(number);
        }
        if (state.identity().id === forget.logId) {
          for (const [list, position] of forget.lists) disprove(database, number, list, position);
        }
        database
          .prepare('INSERT INTO erasures (msisdn, at, writer) VALUES (?, ?, ?)')
          .run(number, now(), writer);
      });
    },
    forgetErasures() {
      database.prepare('DELETE FROM erasures WHERE at < ?').run(now() - ERASURES_KEPT_MS);
    },
    prune: (olderThan, after) => pruneStep(database, { olderThan, after, now: now() }),
  };
}

/**
 * Makes the entries of a number on a list, up to a position, prove nothing: only their ids count. Within a transaction.
 */
function disprove(database: Database, msisdn: number, list: string, position: number): void {
  const where = 'msisdn = ? AND list = ? AND seq <= ?';
  const values = [msisdn, list, position];
  moveToEntries(database, where, values);
  database.prepare(`UPDATE entries SET proves = 0 WHERE ${where} AND type IN ('out', 'in')`).run(...values);
}

/**
 * Moves rows of `changes` to `entries`, with their positions, as evidence that proves nothing. Within a transaction.
 */
export function moveToEntries(database: Database, where: string, values: readonly SqlValue[] = []): void {
  const moved: Readonly<Record<string, string>> = {
    type: 'direction',
    at: 'coalesce(moment, at)',
    seen_at: 'coalesce(received, seen_at)',
    proves: '0',
    opt_in_date: 'NULL',
    sweep: 'NULL',
  };
  const columns = INSERTED.entries;
  database
    .prepare(
      `INSERT INTO entries (${columns.join(', ')}) SELECT ${columns.map((one) => moved[one] ?? one).join(', ')}
       FROM changes WHERE ${where} ON CONFLICT DO NOTHING`,
    )
    .run(...values);
  database.prepare(`DELETE FROM changes WHERE ${where}`).run(...values);
}
