/**
 * Forgets entries that decide nothing any more, because another one weighs more in every respect. What weighs in which
 * respect is said in the ledger's rules; in here it is SQL, so that a file of any size is pruned a few rows at a time.
 */

import type { Database } from './driver.ts';
import { lastPosition } from './log-id.ts';
import type { EntryTable } from './rows.ts';
import { inTransaction } from './transaction.ts';

export interface PruneStep {
  readonly removed: number;
  /** Where the next step begins; `undefined` at the end. */
  readonly after: number | undefined;
}

/** Rows of each table that one step looks at: other writers have their turn in between. */
const PRUNED_AT_A_TIME = 5_000;
/** How long every id is remembered, ms: the provider may tell a message again. */
const IDS_KEPT_MS = 96 * 3_600_000;

const DIRECTION: Readonly<Record<EntryTable, string>> = { changes: 'direction', entries: 'type' };
const TIME: Readonly<Record<EntryTable, string>> = {
  changes: 'coalesce(MORE.moment, MORE.at)',
  entries: 'MORE.at',
};
const PROOF: Readonly<Record<EntryTable, readonly [date: string, sweep: string]>> = {
  changes: ['NULL', 'NULL'],
  entries: ['MORE.opt_in_date', 'MORE.sweep'],
};
const of = (expression: string, alias: string) => expression.replaceAll('MORE', alias);

/** No opt-in has seen more of it: each position is as high, and what has none in a log counts as unseen there. */
const STANDS_LATER = `more.seq > less.seq AND (more.former_log IS NULL
  OR (more.former_log IS less.former_log AND more.former_position >= less.former_position))`;

/** An act that has seen as much as the other, and is as proven. */
function hasSeenAsMuch(of1: readonly [string, string], of2: readonly [string, string]): string {
  const [[moreDate, moreSweep], [lessDate, lessSweep]] = [of1, of2];
  return `more.seq > less.seq
    AND (less.basis IS NULL OR (more.basis >= less.basis AND more.basis_log IS less.basis_log))
    AND (${moreSweep} IS NULL) = (${lessSweep} IS NULL)
    AND coalesce(${moreSweep}, 0) >= coalesce(${lessSweep}, 0)
    AND (${lessDate} IS NULL OR ${moreDate} >= ${lessDate})`;
}

/** Whether a row of one table outweighs a row of another in every respect. */
function outweighs(table: EntryTable, lessTable: EntryTable): string {
  const isCounted = table === 'entries' ? 'AND more.proves = 1' : '';
  const [time, lessTime] = [of(TIME[table], 'more'), of(TIME[lessTable], 'less')];
  const proofOf = (one: EntryTable, alias: string) =>
    PROOF[one].map((expression) => of(expression, alias)) as [string, string];
  return `EXISTS (
    SELECT 1 FROM ${table} AS more WHERE more.msisdn = less.msisdn AND more.list = less.list
    AND more.${DIRECTION[table]} = less.${DIRECTION[lessTable]} AND more.kind = less.kind ${isCounted}
    AND CASE less.${DIRECTION[lessTable]} || ' ' || less.kind
      WHEN 'out told' THEN ${time} >= ${lessTime} AND ${STANDS_LATER}
      WHEN 'out act' THEN ${STANDS_LATER}
      WHEN 'in told' THEN ${time} >= ${lessTime} AND more.seq > less.seq
      WHEN 'in act' THEN ${hasSeenAsMuch(proofOf(table, 'more'), proofOf(lessTable, 'less'))}
      ELSE 0 END)`;
}

/** Rows of imports with a date are remembered for good: the file may be imported again. */
function pruneTable(table: EntryTable): string {
  const seenAt = table === 'changes' ? 'coalesce(less.received, less.seen_at)' : 'less.seen_at';
  const isIdle = table === 'entries' ? 'less.proves = 0 OR' : '';
  return `DELETE FROM ${table} AS less WHERE less.seq > ? AND less.seq <= ? AND ${seenAt} < ?
    AND less.${DIRECTION[table]} IN ('out', 'in') AND less.kind <> 'stated'
    AND (${isIdle} ${outweighs('changes', table)} OR ${outweighs('entries', table)})`;
}

/** Prunes some rows behind a position. */
export function pruneStep(
  database: Database,
  { olderThan, after, now }: { readonly olderThan: number; readonly after: number; readonly now: number },
): PruneStep {
  const end = Math.min(lastAt(database, 'changes', after), lastAt(database, 'entries', after));
  const last = end === Infinity ? lastPosition(database) : end;
  if (last <= after) return { removed: 0, after: undefined };
  const before = Math.min(olderThan, now - IDS_KEPT_MS);
  const removed = inTransaction(database, () =>
    (['changes', 'entries'] as const)
      .map((table) => Number(database.prepare(pruneTable(table)).run(after, last, before).changes))
      .reduce((sum, one) => sum + one, 0),
  );
  return { removed, after: last };
}

/** The position up to which one step may look at a table; `Infinity` if that is all of it. */
function lastAt(database: Database, table: EntryTable, after: number): number {
  const { seq, count } = database
    .prepare(
      `SELECT max(seq) AS seq, count(*) AS count
       FROM (SELECT seq FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ?)`,
    )
    .get(after, PRUNED_AT_A_TIME) as { seq: number | null; count: number };
  return count < PRUNED_AT_A_TIME ? Infinity : Number(seq);
}
