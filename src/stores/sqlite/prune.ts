/**
 * Deletes entries that decide nothing any more, because another entry outweighs them in every respect. The respects are
 * those of the ledger's rules. Here they are written in SQL, so that a file of any size is pruned a few rows at a time.
 */

import type { Database } from './driver.ts';
import { lastPosition } from './log-id.ts';
import type { EntryTable } from './rows.ts';
import { inTransaction } from './transaction.ts';

export interface PruneStep {
  readonly removed: number;
  /** The position after which the next step begins; `undefined` at the end. */
  readonly after: number | undefined;
}

/** Rows of each table that one step checks: other writers have their turn in between. */
const PRUNED_AT_A_TIME = 5_000;
/** How long every id is kept, ms: the provider may send a message again. */
const IDS_KEPT_MS = 96 * 3_600_000;

/** The expressions of both tables for direction, time and proof. `MORE` stands for the alias of the row. */
const DIRECTION: Readonly<Record<EntryTable, string>> = { changes: 'direction', entries: 'type' };
const TIME: Readonly<Record<EntryTable, string>> = {
  changes: 'coalesce(MORE.moment, MORE.at)',
  entries: 'MORE.at',
};
const PROOF: Readonly<Record<EntryTable, readonly [date: string, sweep: string]>> = {
  changes: ['NULL', 'NULL'],
  entries: ['MORE.opt_in_date', 'MORE.sweep'],
};
const withAlias = (expression: string, alias: string) => expression.replaceAll('MORE', alias);

/**
 * The condition that no opt-in has seen `more` unless it has seen `less`: each position of `more` is at least as high.
 * An entry without a position in a log counts as unseen there.
 */
const IS_SEEN_LATER = `more.seq > less.seq AND (more.former_log IS NULL
  OR (more.former_log IS less.former_log AND more.former_position >= less.former_position))`;

/**
 * Returns the condition that the act `more` has seen at least as much as the act `less`, and is proven at least as
 * well.
 */
function hasSeenAsMuch(moreProof: readonly [string, string], lessProof: readonly [string, string]): string {
  const [[moreDate, moreSweep], [lessDate, lessSweep]] = [moreProof, lessProof];
  return `more.seq > less.seq
    AND (less.basis IS NULL OR (more.basis >= less.basis AND more.basis_log IS less.basis_log))
    AND (${moreSweep} IS NULL) = (${lessSweep} IS NULL)
    AND coalesce(${moreSweep}, 0) >= coalesce(${lessSweep}, 0)
    AND (${lessDate} IS NULL OR ${moreDate} >= ${lessDate})`;
}

/** Returns the condition that some row `more` of a table outweighs the row `less` of another in every respect. */
function isOutweighedBy(table: EntryTable, lessTable: EntryTable): string {
  const isCounted = table === 'entries' ? 'AND more.proves = 1' : '';
  const [time, lessTime] = [withAlias(TIME[table], 'more'), withAlias(TIME[lessTable], 'less')];
  const proofOf = (one: EntryTable, alias: string) =>
    PROOF[one].map((expression) => withAlias(expression, alias)) as [string, string];
  return `EXISTS (
    SELECT 1 FROM ${table} AS more WHERE more.msisdn = less.msisdn AND more.list = less.list
    AND more.${DIRECTION[table]} = less.${DIRECTION[lessTable]} AND more.kind = less.kind ${isCounted}
    AND CASE less.${DIRECTION[lessTable]} || ' ' || less.kind
      WHEN 'out told' THEN ${time} >= ${lessTime} AND ${IS_SEEN_LATER}
      WHEN 'out act' THEN ${IS_SEEN_LATER}
      WHEN 'in told' THEN ${time} >= ${lessTime} AND more.seq > less.seq
      WHEN 'in act' THEN ${hasSeenAsMuch(proofOf(table, 'more'), proofOf(lessTable, 'less'))}
      ELSE 0 END)`;
}

/** Returns the statement that prunes a table. Rows of imports with a date stay: the same rows may be imported again. */
function pruneTable(table: EntryTable): string {
  const seenAt = table === 'changes' ? 'coalesce(less.received, less.seen_at)' : 'less.seen_at';
  const isIdle = table === 'entries' ? 'less.proves = 0 OR' : '';
  return `DELETE FROM ${table} AS less WHERE less.seq > ? AND less.seq <= ? AND ${seenAt} < ?
    AND less.${DIRECTION[table]} IN ('out', 'in') AND less.kind <> 'stated'
    AND (${isIdle} ${isOutweighedBy('changes', table)} OR ${isOutweighedBy('entries', table)})`;
}

/** Prunes some rows after a position. */
export function pruneStep(
  database: Database,
  { olderThan, after, now }: { readonly olderThan: number; readonly after: number; readonly now: number },
): PruneStep {
  const end = Math.min(endOfStep(database, 'changes', after), endOfStep(database, 'entries', after));
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

/** Returns the position up to which one step checks a table; `Infinity` if fewer rows are left than one step checks. */
function endOfStep(database: Database, table: EntryTable, after: number): number {
  const { seq, count } = database
    .prepare(
      `SELECT max(seq) AS seq, count(*) AS count
       FROM (SELECT seq FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ?)`,
    )
    .get(after, PRUNED_AT_A_TIME) as { seq: number | null; count: number };
  return count < PRUNED_AT_A_TIME ? Infinity : Number(seq);
}
