/**
 * The numbers of sweeps: one counter for the whole file. Sweeps are ordered by them, because their starts are times of
 * clocks that may step. A process of an earlier version saves sweeps without a number: they get theirs here.
 */

import type { Database, SqlValue } from './driver.ts';
import { inTransaction } from './transaction.ts';

const KEY = 'sweep number';

/** The next number of the counter. Within a transaction. */
export function nextSweepNumber(database: Database): number {
  const number = lastSweepNumber(database) + 1;
  noteSweepNumber(database, number);
  return number;
}

/** Sees to it that later numbers are larger. Within a transaction. */
export function noteSweepNumber(database: Database, number: number): void {
  database
    .prepare(
      `INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE
       SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))`,
    )
    .run(KEY, String(number));
}

/** The largest number that was given or saved; 0 if none was. */
export function lastSweepNumber(database: Database): number {
  const given = database.prepare('SELECT value FROM meta WHERE key = ?').get(KEY)?.['value'];
  const saved = database.prepare('SELECT max(number) AS number FROM sweeps').get()?.['number'];
  return Math.max(Number(given ?? 0), Number(saved ?? 0));
}

/** Numbers the sweeps that processes of an earlier version have saved. */
export function numberSweeps(database: Database): void {
  const isNumbered = () => database.prepare('SELECT 1 FROM sweeps WHERE number IS NULL').get() === undefined;
  if (isNumbered()) return;
  inTransaction(database, () => numberSweepsWithin(database));
}

/** As {@link numberSweeps}, within a transaction. */
export function numberSweepsWithin(database: Database): void {
  const rows = database.prepare('SELECT * FROM sweeps WHERE number IS NULL ORDER BY seq').all();
  const selectBefore = database.prepare(
    'SELECT number FROM sweeps WHERE list = ? AND seq < ? ORDER BY seq DESC LIMIT 1',
  );
  // How long it was held back nobody knows: to hold it longer blocks more.
  const update = database.prepare(
    `UPDATE sweeps SET number = ?, previous_number = ?, age_ms = max(0, saved_at - coalesce(start, saved_at)),
     held_ms = CASE WHEN held_since IS NULL THEN NULL ELSE 0 END WHERE seq = ?`,
  );
  for (const row of rows) {
    const { list = null, seq = null, start } = row;
    const before = selectBefore.get(list, seq)?.['number'] ?? null;
    // One that is incomplete adds to the last complete one.
    const isAddition = row['is_complete'] !== 1;
    const number = isAddition ? Number(before ?? 0) : nextSweepNumber(database);
    update.run(number, before, seq);
    takeOverRows(database, list, start, number);
  }
}

/** What an earlier version's sweep said about numbers with first-hand evidence. It gave undated rows the sweep's start. */
function takeOverRows(database: Database, list: SqlValue, start: SqlValue | undefined, number: number): void {
  database
    .prepare(
      `INSERT INTO listed (list, msisdn, sweep, date) SELECT list, msisdn, ?, CASE WHEN date = start THEN NULL ELSE date END
       FROM listed_rows WHERE list = ? AND start >= ? ${KEEP_NEWEST}`,
    )
    .run(number, list, typeof start === 'number' ? start : -1e300);
}

/** The newest sweep and the newest date are kept of each number. */
export const KEEP_NEWEST = `ON CONFLICT DO UPDATE SET sweep = max(sweep, excluded.sweep),
  date = coalesce(max(date, excluded.date), date, excluded.date)`;
