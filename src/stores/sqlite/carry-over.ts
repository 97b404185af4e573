/**
 * Copies evidence from one open store file to another. Each copied entry gets a position in the target's log and keeps
 * the one that it had.
 */

import type { EvidenceSource, OptOutChange } from '../../ledger/evidence.ts';
import { createAppender } from './append.ts';
import type { Database } from './driver.ts';
import { findLogId, readLogId, renewLog, type LogIdentity } from './log-id.ts';
import { FIRST_EDITION_READ } from './migration.ts';
import { IS_EVIDENCE, READ, changeOf, type EntryTable, type Row } from './rows.ts';
import { lastSweepNumber, noteSweepNumber } from './sweep-numbers.ts';
import { inTransaction } from './transaction.ts';

/** Entries that are appended together. */
const COPIED_AT_A_TIME = 1_000;
/** No process has this writer's name, so every process that follows the target reads the copied entries. */
const WRITER = 'carried over';

/**
 * Copies all evidence that can be read from one open file to another. The target gets a new log if its log is not newer
 * than the source's, because the positions of the two logs differ.
 *
 * @returns how many pieces of evidence were new in the target.
 * @throws Error if one cannot be written
 */
export function copyEvidence(source: Database, target: Database): number {
  const log = logOf(source);
  if (readLogId(target).id <= log.id) renewLog(target, { after: log.id });
  return inTransaction(target, () => {
    const append = createAppender(target, WRITER);
    const carried = lastCarried(target, log.id);
    let copied = 0;
    for (const rows of batchesOf(evidenceIn(source))) {
      const entries = rows.map((row) => withoutConflicts(changeOf(row, log), log.id, carried));
      const [results = []] = append([{ entries, wantsBefore: false }]);
      copied += results.filter(({ isNew }) => isNew).length;
    }
    noteSweepNumber(target, sweepNumberOf(source));
    return copied;
  });
}

/** Returns the largest number of a sweep in a file; 0 if it cannot be read. */
function sweepNumberOf(source: Database): number {
  try {
    return lastSweepNumber(source);
  } catch {
    return 0;
  }
}

/**
 * Copies opt-outs that were found in single pages of a damaged file. Neither their order nor their kind is certain, so
 * no opt-in counts as having seen them. Opt-ins are left out.
 *
 * @returns how many pieces of evidence were new in the target.
 * @throws Error if one cannot be written
 */
export function copyRows(rows: Iterable<Row>, target: Database): number {
  return inTransaction(target, () => {
    const append = createAppender(target, WRITER);
    let copied = 0;
    for (const batch of batchesOf(rows)) {
      const [results = []] = append([{ entries: batch.flatMap(optOutOf), wantsBefore: false }]);
      copied += results.filter(({ isNew }) => isNew).length;
    }
    return copied;
  });
}

/**
 * Returns the opt-out of a row of `changes`; none if a value is not valid: damaged pages give rows that never existed.
 */
function optOutOf(row: Row): OptOutChange[] {
  const { msisdn, list, direction, id, at, clock, seen_at: seenAt, source } = row;
  const isOptOut =
    typeof msisdn === 'number' &&
    Number.isSafeInteger(msisdn) &&
    direction === 'out' &&
    (clock === 'local' || clock === 'provider') &&
    [list, id].every((one) => typeof one === 'string') &&
    [at, seenAt].every((one) => typeof one === 'number') &&
    SOURCES.some((one) => one === source);
  if (!isOptOut) return [];
  const kind = clock === 'provider' ? 'told' : 'act';
  const times = { at: Number(at), seenAt: Number(seenAt) };
  const evidence = { direction, kind, ...times, source: source as EvidenceSource, id: String(id) } as const;
  return [{ list: String(list), msisdn: String(msisdn), evidence }];
}

const SOURCES: readonly EvidenceSource[] = ['provider', 'inbound', 'receipt', 'manual'];

/** Returns the position up to which entries of a log were copied into the target before. */
function lastCarried(target: Database, log: string): number {
  const last = (table: EntryTable) =>
    Number(
      target.prepare(`SELECT max(former_position) AS last FROM ${table} WHERE former_log = ?`).get(log)?.[
        'last'
      ] ?? 0,
    );
  return Math.max(last('changes'), last('entries'));
}

/**
 * Removes positions of a log that was copied before. A second file of that log may have continued on its own, and then
 * has other entries at the same positions: its entries count as unseen, and its acts as having seen nothing.
 */
function withoutConflicts(change: OptOutChange, log: string, carried: number): OptOutChange {
  if (carried === 0) return change;
  const { basis, ...evidence } = change.evidence;
  const positions = evidence.positions?.filter((one) => one.log !== log || one.position > carried) ?? [];
  return {
    ...change,
    evidence: { ...evidence, positions, ...(basis === undefined || basis.log === log ? {} : { basis }) },
  };
}

/** Yields all rows of evidence that can be read: of each table from both ends, up to the damage. */
function* evidenceIn(source: Database): Generator<Row, void, undefined> {
  const isCurrent = canRead(source, `SELECT ${READ.changes} FROM changes LIMIT 0`);
  const changes = isCurrent ? READ.changes : FIRST_EDITION_READ;
  for (const order of ['ASC', 'DESC']) {
    yield* readable(
      source,
      `SELECT ${changes} FROM changes WHERE ${IS_EVIDENCE.changes} ORDER BY seq ${order}`,
    );
    yield* readable(
      source,
      `SELECT ${READ.entries} FROM entries WHERE ${IS_EVIDENCE.entries} ORDER BY seq ${order}`,
    );
  }
}

function canRead(source: Database, sql: string): boolean {
  try {
    source.prepare(sql);
    return true;
  } catch {
    return false;
  }
}

/** Yields the rows of a query up to the first that cannot be read. */
function* readable(source: Database, sql: string): Generator<Row, void, undefined> {
  let rows: Iterator<Row>;
  try {
    rows = source.prepare(sql).iterate()[Symbol.iterator]();
  } catch {
    return;
  }
  for (;;) {
    let next: IteratorResult<Row>;
    try {
      next = rows.next();
    } catch {
      // The rest is after the damage.
      return;
    }
    if (next.done) return;
    yield next.value;
  }
}

function* batchesOf(rows: Iterable<Row>): Generator<Row[], void, undefined> {
  let batch: Row[] = [];
  for (const row of rows) {
    batch.push(row);
    if (batch.length < COPIED_AT_A_TIME) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/**
 * Returns the log of a file that may be damaged. If it cannot be read, the positions of its entries still share one
 * log.
 */
function logOf(source: Database): LogIdentity {
  try {
    const log = findLogId(source);
    if (log) return log;
  } catch {
    // The page that it is on is damaged.
  }
  return { id: '00000000-unknown', former: null, until: 0 };
}
