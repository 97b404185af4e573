/**
 * The numbers of sweeps, from one counter for the whole file. They order sweeps, because starts are times of clocks
 * that may step. Sweeps that a process of an earlier version saved have no number: they get one here.
 */

import type { Database, SqlValue } from './driver.ts';
import { inTransaction } from './transaction.ts';

const KEY = 'sweep number';

/** Takes the next number from the counter. Within a transaction. */
export function nextSweepNumber(database: Database): number {
  const number = lastSweepNumber(database) + 1;
  noteSweepNumber(database, number);
  return number;
}

/** Makes later numbers larger than `number`. Within a transaction. */
export function noteSweepNumber(database: Database, number: number): void {
  database
    .prepare(
      `INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE
       SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))`,
    )
    .run(KEY, String(number));
}

/** Returns the largest number that was taken or saved; 0 if there is none. */
export function lastSweepNumber(database: Database): number {
  const taken = database.prepare('SELECT value FROM meta WHERE key = ?').get(KEY)?.['value'];
  const saved = database.prepare('SELECT max(number) AS number FROM sweeps').get()?.['number'];
  return Math.max(Number(taken ?? 0), Number(saved ?? 0));
}

/** Numbers the sweeps that processes of an earlier version have saved. */
export function numberEarlierSweeps(database: Database): void {
  if (database.prepare('SELECT 1 FROM sweeps WHERE number IS NULL').get() === undefined) return;
  inTransaction(database, () => numberEarlierSweepsWithin(database));
}

/** As {@link numberEarlierSweeps}, within a transaction. */
export function numberEarlierSweepsWithin(database: Database): void {
  const rows = database.prepare('SELECT * FROM sweeps WHERE number IS NULL ORDER BY seq').all();
  const selectBefore = database.prepare(
    'SELECT number FROM sweeps WHERE list = ? AND seq < ? ORDER BY seq DESC LIMIT 1',
  );
  // It is not known for how long removals were held back. With 0 they are held back longer, which blocks more.
  const update = database.prepare(
    `UPDATE sweeps SET number = ?, previous_number = ?, age_ms = max(0, saved_at - coalesce(start, saved_at)),
     held_ms = CASE WHEN held_since IS NULL THEN NULL ELSE 0 END WHERE seq = ?`,
  );
  for (const row of rows) {
    const { list = null, seq = null, start } = row;
    const before = selectBefore.get(list, seq)?.['number'] ?? null;
    // An incomplete sweep adds to the last complete one, and gets the number of that one.
    const isAddition = row['is_complete'] !== 1;
    const number = isAddition ? Number(before ?? 0) : nextSweepNumber(database);
    update.run(number, before, seq);
    copyListedRows(database, list, start, number);
  }
}

/**
 * Copies what an earlier version's sweep said about numbers with first-hand evidence. That version gave undated rows
 * the sweep's start as date.
 */
function copyListedRows(
  database: Database,
  list: SqlValue,
  start: SqlValue | undefined,
  number: number,
): void {
  database
    .prepare(
      `INSERT INTO listed (list, msisdn, sweep, date) SELECT list, msisdn, ?, CASE WHEN date = start THEN NULL ELSE date END
       FROM listed_rows WHERE list = ? AND start >= ? ${KEEP_NEWEST}`,
    )
    .run(number, list, typeof start === 'number' ? start : -1e300);
}

/** Keeps the newest sweep and the newest date of each number. */
export const KEEP_NEWEST = `ON CONFLICT DO UPDATE SET sweep = max(sweep, excluded.sweep),
  date = coalesce(max(date, excluded.date), date, excluded.date)`;
