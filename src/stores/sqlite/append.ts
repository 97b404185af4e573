/** How entries get into the file: once each, at the next position of its log. */

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
  type Shown,
} from './rows.ts';
import { noteSweepNumber } from './sweep-numbers.ts';

/** Entries that are appended together. */
export interface AppendRequest {
  readonly entries: readonly OptOutChange[];
  readonly wantsBefore: boolean;
}

/** Pieces of evidence that are handed over as they are; of more, those that outweigh the others. */
const MOST_BEFORE = 64;
const TABLES: readonly EntryTable[] = ['changes', 'entries'];
const KEY: Readonly<Record<EntryTable, string>> = {
  changes: 'msisdn = ? AND list = ? AND direction = ? AND id = ?',
  entries: 'msisdn = ? AND list = ? AND type = ? AND id = ?',
};

/** Prepares to append. The returned function is called within a transaction. */
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
  const shownTo = createSeenNumbers(database);
  const hasEntries: Statement = database.prepare('SELECT 1 FROM entries LIMIT 1');

  function before({ msisdn, list }: OptOutChange, position: number, log: LogIdentity): Evidence[] {
    const evidence = TABLES.flatMap((table) => selectBefore[table].all(Number(msisdn), list))
      .filter((row) => Number(row['seq']) < position)
      .map((row) => changeOf({ ...row, words: null }, log).evidence)
      .filter(({ proves }) => proves !== false);
    return evidence.length <= MOST_BEFORE
      ? evidence
      : [...evidenceOf(evidence.reduce(mergeEvidence, EMPTY_RECORD))];
  }

  /** Notes where a known entry stood in another log, unless a newer one is noted. */
  function joinFormer(table: EntryTable, row: Row, { evidence }: OptOutChange, log: LogIdentity): void {
    const given = formerOf(evidence, log);
    if (given === undefined) return;
    const { seq = null, former_log: known = null } = row;
    const [, other] = positionsIn(Number(seq), log);
    if (other?.log === given.log || (typeof known === 'string' && known >= given.log)) return;
    addFormer[table].run(given.log, given.position, seq);
  }

  function appendOne(
    change: OptOutChange,
    next: number,
    log: LogIdentity,
    isSparse: boolean,
  ): Row | undefined {
    const { list, msisdn, evidence } = change;
    const table = tableOf(evidence);
    const key: SqlValue[] = [Number(msisdn), list, evidence.direction, evidence.id];
    const elsewhere = table === 'changes' ? 'entries' : 'changes';
    const isElsewhere = !(isSparse && elsewhere === 'entries');
    const known = isElsewhere ? selectKnown[elsewhere].get(...key) : undefined;
    if (known) {
      joinFormer(elsewhere, known, change, log);
      return known;
    }
    if (
      Number(
        insert[table].run(...valuesOf(change, next, { writer, log, shown: shownTo(change) })).changes,
      ) === 1
    ) {
      // What a proven opt-in was later than stays earlier than the sweeps to come.
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
    // Nearly all entries are in the other table.
    let isSparse = hasEntries.get() === undefined;
    const results = requests.map(({ entries, wantsBefore }) =>
      entries.map((change): AppendResult => {
        const known = appendOne(change, last + 1, log, isSparse);
        const position = known === undefined ? ++last : Number(known['seq']);
        if (known === undefined && tableOf(change.evidence) === 'entries') isSparse = false;
        return {
          isNew: known === undefined,
          position,
          logId: log.id,
          firstSeenAt: known === undefined ? change.evidence.seenAt : Number(known['seen_at']),
          ...(wantsBefore ? { before: before(change, position, log) } : {}),
        };
      }),
    );
    state.setLastPosition(last);
    return results;
  };
}

/** What a process of version 2 is to read of an opt-out; `undefined` if there can be none. */
function createSeenNumbers(database: Database): (change: OptOutChange) => Shown | undefined {
  const end = migratedUpTo(database);
  if (end === undefined) return () => undefined;
  const lastOptIn = database.prepare(
    `SELECT max(at) AS at FROM (
       SELECT at FROM changes WHERE msisdn = ?1 AND list = ?2 AND direction = 'in' UNION ALL
       SELECT at FROM entries WHERE msisdn = ?1 AND list = ?2 AND type = 'in' AND seq <= ?3)`,
  );
  return (change) => {
    if (tableOf(change.evidence) === 'entries') return undefined;
    const at = lastOptIn.get(Number(change.msisdn), change.list, end)?.['at'];
    // It believes an opt-in that is later than when the opt-out was received.
    const seenAt = Math.max(change.evidence.seenAt, typeof at === 'number' ? at + 1 : -Infinity);
    return { at: LATEST_TIME, seenAt };
  };
}
