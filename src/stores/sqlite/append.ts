/** Appends entries to the log of a file: each once, at the next position. */

import { LATEST_TIME, type Evidence, type OptOutChange } from '../../ledger/evidence.ts';
import { EMPTY_RECORD, evidenceOf, mergeEvidence } from '../../ledger/evidence-rules.ts';
import type { AppendResult } from '../store.ts';
import type { Database, SqlValue, Statement } from './driver.ts';
import { migratedUpTo, prepareLog, type LogIdentity } from './log-id.ts';
import {
  IS_EVIDENCE,
  READ,
  changeOf,
  formerOf,
  insertInto,
  positionsIn,
  tableOf,
  valuesOf,
  type EntryTable,
  type Row,
  type VersionTwoTimes,
} from './rows.ts';
import { noteSweepNumber } from './sweep-numbers.ts';

/** The entries of one call of `append`. */
export interface AppendRequest {
  readonly entries: readonly OptOutChange[];
  readonly wantsBefore: boolean;
}

/** Up to so many pieces of evidence are returned in `before`; of more, only those that outweigh the others. */
const MOST_BEFORE = 64;
const TABLES: readonly EntryTable[] = ['changes', 'entries'];
const KEY: Readonly<Record<EntryTable, string>> = {
  changes: 'msisdn = ? AND list = ? AND direction = ? AND id = ?',
  entries: 'msisdn = ? AND list = ? AND type = ? AND id = ?',
};

/**
 * Prepares the statements. The returned function must be called within a transaction.
 *
 * @param writer marks the rows that it appends.
 */
export function createAppender(
  database: Database,
  writer: string,
): (requests: readonly AppendRequest[]) => readonly (readonly AppendResult[])[] {
  const perTable = <T>(make: (table: EntryTable) => T): Readonly<Record<EntryTable, T>> => ({
    changes: make('changes'),
    entries: make('entries'),
  });
  const insert = perTable((table) => database.prepare(insertInto(table)));
  const selectKnown = perTable((table) =>
    database.prepare(`SELECT seq, ${table === 'changes' ? 'coalesce(received, seen_at) AS seen_at' : 'seen_at'},
       former_log, former_position FROM ${table} WHERE ${KEY[table]}`),
  );
  const selectBefore = perTable((table) =>
    database.prepare(
      `SELECT ${READ[table]} FROM ${table} WHERE msisdn = ? AND list = ? AND ${IS_EVIDENCE[table]}`,
    ),
  );
  const addFormer = perTable((table) =>
    database.prepare(`UPDATE ${table} SET former_log = ?, former_position = ? WHERE seq = ?`),
  );
  const state = prepareLog(database);
  const timesFor = createVersionTwoTimes(database);
  const selectEntry: Statement = database.prepare('SELECT 1 FROM entries LIMIT 1');

  /** Returns the evidence of that number on that list before a position. */
  function evidenceBefore({ msisdn, list }: OptOutChange, position: number, log: LogIdentity): Evidence[] {
    const evidence = TABLES.flatMap((table) => selectBefore[table].all(Number(msisdn), list))
      .filter((row) => Number(row['seq']) < position)
      .map((row) => changeOf({ ...row, words: null }, log).evidence)
      .filter(({ proves }) => proves !== false);
    return evidence.length <= MOST_BEFORE
      ? evidence
      : [...evidenceOf(evidence.reduce(mergeEvidence, EMPTY_RECORD))];
  }

  /** Stores the position that a known entry had in another log, unless that of a newer log is stored. */
  function joinFormer(table: EntryTable, row: Row, { evidence }: OptOutChange, log: LogIdentity): void {
    const given = formerOf(evidence, log);
    if (given === undefined) return;
    const { seq = null, former_log: known = null } = row;
    const [, other] = positionsIn(Number(seq), log);
    if (other?.log === given.log || (typeof known === 'string' && known >= given.log)) return;
    addFormer[table].run(given.log, given.position, seq);
  }

  /**
   * Inserts one entry at the position `next`.
   *
   * @param hasNoEntries whether the table `entries` is empty, so that the entry cannot be in it.
   * @returns the row of the entry if it was known; `undefined` if it was inserted.
   */
  function appendOne(
    change: OptOutChange,
    next: number,
    log: LogIdentity,
    hasNoEntries: boolean,
  ): Row | undefined {
    const { list, msisdn, evidence } = change;
    const table = tableOf(evidence);
    const key: SqlValue[] = [Number(msisdn), list, evidence.direction, evidence.id];
    const elsewhere = table === 'changes' ? 'entries' : 'changes';
    const known = hasNoEntries && elsewhere === 'entries' ? undefined : selectKnown[elsewhere].get(...key);
    if (known) {
      joinFormer(elsewhere, known, change, log);
      return known;
    }
    const values = valuesOf(change, next, { writer, log, versionTwo: timesFor(change) });
    if (Number(insert[table].run(...values).changes) === 1) {
      // Later sweeps get larger numbers than the sweep that the opt-in was proven after.
      if (evidence.proof) noteSweepNumber(database, evidence.proof.sweep);
      return undefined;
    }
    const here = selectKnown[table].get(...key);
    if (here === undefined) throw new Error('an entry was refused');
    joinFormer(table, here, change, log);
    return here;
  }

  return (requests) => {
    const log = state.identity();
    let last = state.lastPosition();
    // In most files nearly all evidence is in `changes`.
    let hasNoEntries = selectEntry.get() === undefined;
    const results = requests.map(({ entries, wantsBefore }) =>
      entries.map((change): AppendResult => {
        const known = appendOne(change, last + 1, log, hasNoEntries);
        const position = known === undefined ? ++last : Number(known['seq']);
        if (known === undefined && tableOf(change.evidence) === 'entries') hasNoEntries = false;
        return {
          isNew: known === undefined,
          position,
          logId: log.id,
          firstSeenAt: known === undefined ? change.evidence.seenAt : Number(known['seen_at']),
          ...(wantsBefore ? { before: evidenceBefore(change, position, log) } : {}),
        };
      }),
    );
    state.setLastPosition(last);
    return results;
  };
}

/**
 * Prepares the statement that finds the times of an opt-out for a process of version 2. The returned function returns
 * `undefined` if no such process can have the file open.
 */
function createVersionTwoTimes(database: Database): (change: OptOutChange) => VersionTwoTimes | undefined {
  const migratedTo = migratedUpTo(database);
  if (migratedTo === undefined) return () => undefined;
  const lastOptIn = database.prepare(
    `SELECT max(at) AS at FROM (
       SELECT at FROM changes WHERE msisdn = ?1 AND list = ?2 AND direction = 'in' UNION ALL
       SELECT at FROM entries WHERE msisdn = ?1 AND list = ?2 AND type = 'in' AND seq <= ?3)`,
  );
  return (change) => {
    if (tableOf(change.evidence) === 'entries') return undefined;
    const at = lastOptIn.get(Number(change.msisdn), change.list, migratedTo)?.['at'];
    // In version 2 an opt-in beats an opt-out that was received before it.
    const seenAt = Math.max(change.evidence.seenAt, typeof at === 'number' ? at + 1 : -Infinity);
    return { at: LATEST_TIME, seenAt };
  };
}
