/**
 * Migrates a file of an earlier version, in one transaction, with nothing lost. No number that was blocked is released:
 * if the new rules would release a number that the old ones blocked, the opt-ins that release it prove nothing.
 */

import { LATEST_TIME, type Evidence } from '../../ledger/evidence.ts';
import { createNumberSet, type NumberSet } from '../../number-set/number-set.ts';
import { EMPTY_RECORD, isBlockedByEvidence, mergeEvidence } from '../../ledger/evidence-rules.ts';
import type { StoreTrouble } from '../store.ts';
import type { Database, SqlValue } from './driver.ts';
import { inferBases } from './first-edition-bases.ts';
import { isBlockedByFirstEdition } from './first-edition-rules.ts';
import { moveToEntries } from './change-log.ts';
import { noteMigration, readLogId, startLog, type LogIdentity } from './log-id.ts';
import type { Row } from './rows.ts';
import { SCHEMA_VERSION, SECOND_EDITION, SNAPSHOT_TABLE } from './schema.ts';
import { numberEarlierSweepsWithin } from './sweep-numbers.ts';
import { createSweepTable } from './sweep-log.ts';
import { inTransaction } from './transaction.ts';

/** The result of a migration. */
export interface Migration {
  /** How many numbers are blocked now, on at least one list, and were not before. */
  readonly blocked: number;
}

/** The first instant of 2000, ms UTC. An earlier date counts as no date. */
const USABLE_SINCE = 946_684_800_000;
const DAY_MS = 86_400_000;
/** How far the provider's clock may be ahead of ours, ms: the default of the option `clockSlack`. */
const SLACK_MS = 60_000;

const IS_UUID = "id GLOB '????????-????-????-????-????????????'";
/**
 * The kind of a row. An opt-out by a message without a date counts as an act at the time at which the message arrived.
 * A row of an import with a date has an id that was made from the row; it is not a UUID.
 */
const KIND = `CASE
  WHEN clock = 'provider' OR (direction = 'in' AND source IN ('inbound', 'receipt')) THEN 'told'
  WHEN direction = 'out' AND source = 'manual' AND NOT ${IS_UUID} THEN 'stated'
  ELSE 'act' END`;
/**
 * SQL for the time that a row gets: NULL means that the row keeps its stored time. A message has no date if its date cannot be used, or was
 * so far ahead that it was set to the time at which the message arrived. A row of kind `stated` with a day
 * but no time means the last instant of that day.
 */
const MOMENT = `CASE
  WHEN ${KIND} = 'told' AND (at < ${USABLE_SINCE} OR at = seen_at) THEN ${LATEST_TIME}
  WHEN ${KIND} = 'stated' AND at = CAST(at AS INTEGER) AND CAST(at AS INTEGER) % ${DAY_MS} = 0
    THEN at + ${DAY_MS - 1}
  ELSE NULL END`;
/** Opt-ins of the provider's list, and opt-ins by messages without a date or with one that is not plausible. */
const PROVES_NOTHING = `direction = 'in' AND ${KIND} = 'told' AND (source = 'provider'
  OR clock <> 'provider' OR at < ${USABLE_SINCE} OR at = seen_at OR at > seen_at + ${SLACK_MS})`;

/** The columns of evidence in a file that is too damaged for a migration. Its acts count as having seen nothing. */
export const FIRST_EDITION_READ = `seq, msisdn, list, direction, id,
  CASE direction WHEN 'out' THEN coalesce(${MOMENT}, at) ELSE at END AS at, ${KIND} AS kind, seen_at, source, words,
  writer, CASE WHEN ${PROVES_NOTHING} THEN 0 ELSE 1 END AS proves, NULL AS basis, NULL AS basis_log,
  NULL AS former_log, NULL AS former_position, NULL AS opt_in_date, NULL AS sweep`;

/** Migrates the tables of an earlier version. @returns `undefined` if the file is of this version already */
export function migrate(database: Database): Migration | undefined {
  const version = () => Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version() === SCHEMA_VERSION) return undefined;
  return inTransaction(database, () => {
    const from = version();
    // Another process has migrated the file first.
    if (from === SCHEMA_VERSION) return undefined;
    database.exec(`${from < 2 ? SNAPSHOT_TABLE : ''} ${SECOND_EDITION}`);
    startLog(database);
    noteMigration(database);
    numberEarlierSweepsWithin(database);
    // Rows of sweeps that are not in the file any more.
    database.exec(
      `INSERT INTO listed (list, msisdn, sweep, date) SELECT list, msisdn, 0, CASE WHEN date = start THEN NULL ELSE date END
       FROM listed_rows WHERE true ON CONFLICT DO NOTHING`,
    );
    convertRows(database);
    const blocked = compareAnswers(database);
    moveToEntries(database, PROVES_NOTHING);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    return { blocked };
  });
}

/** Returns what to report to the operator; `undefined` if no number is blocked that was not before. */
export function migrationTrouble(migration: Migration | undefined): StoreTrouble | undefined {
  if (migration === undefined || migration.blocked === 0) return undefined;
  const { blocked } = migration;
  const message = `the store was brought up to date; ${blocked} ${blocked === 1 ? 'number is' : 'numbers are'} blocked now that ${blocked === 1 ? 'was' : 'were'} not, because it cannot be told that the opt-in came after the opt-out: resubscribe() releases them`;
  return { kind: 'migrated', message };
}

function convertRows(database: Database): void {
  database.exec(
    `UPDATE changes SET kind = ${KIND}, moment = CASE direction WHEN 'out' THEN ${MOMENT} END
     WHERE ${KIND} <> 'act'`,
  );
  inferBases(database);
}

/**
 * Compares the answers of both editions for each number that has an opt-in: for the others they agree.
 *
 * @returns how many numbers are blocked now and were not before.
 */
function compareAnswers(database: Database): number {
  const log = readLogId(database);
  const listed = database.prepare('SELECT start, date FROM listed_rows WHERE list = ? AND msisdn = ?');
  const isListed = createListings(database);
  const blocked = new Set<string>();
  const released: SqlValue[][] = [];
  for (const rows of recordsWithOptIns(database)) {
    const [{ list = null, msisdn = null } = {}] = rows;
    const row = listed.get(list, msisdn);
    const before = isBlockedByFirstEdition(
      rows.map((one) => ({
        direction: String(one['direction']),
        clock: String(one['clock']),
        at: Number(one['at']),
        seenAt: Number(one['seen_at']),
      })),
      row && { start: Number(row['start']), date: Number(row['date']) },
    );
    const after = isBlockedNow(rows, log);
    if (before === after) continue;
    const isInList = () => isListed(String(list), Number(msisdn));
    if (before === true) released.push([msisdn, list]);
    else if ((after ?? isInList()) && !(before ?? isInList())) blocked.add(String(msisdn));
  }
  for (const key of released) moveToEntries(database, "msisdn = ? AND list = ? AND direction = 'in'", key);
  return blocked.size;
}

const LEDGER_DEFAULTS = { clockSlackMs: SLACK_MS, lagGraceMs: 600_000 };

/** As {@link isBlockedByFirstEdition}, by the rules of this version. */
function isBlockedNow(rows: readonly Row[], { id: log }: LogIdentity): boolean | undefined {
  const evidence = rows
    .filter((row) => row['proves_nothing'] !== 1)
    .map((row): Evidence => {
      const { direction, kind, source, basis, seq } = row;
      return {
        direction: direction as Evidence['direction'],
        kind: kind as Evidence['kind'],
        at: Number(row['moment'] ?? row['at']),
        seenAt: Number(row['seen_at']),
        source: source as Evidence['source'],
        id: String(row['id']),
        positions: [{ log, position: Number(seq) }],
        ...(typeof basis === 'number' ? { basis: { log, position: basis } } : {}),
      };
    });
  return isBlockedByEvidence(evidence.reduce(mergeEvidence, EMPTY_RECORD), LEDGER_DEFAULTS);
}

/** Yields, for each number and list with an opt-in, all rows of evidence. */
function* recordsWithOptIns(database: Database): Generator<Row[], void, undefined> {
  const rows = database
    .prepare(
      `SELECT seq, msisdn, list, direction, id, at, moment, kind, seen_at, source, basis, clock,
         ${PROVES_NOTHING} AS proves_nothing
       FROM (SELECT DISTINCT msisdn AS number, list AS own_list FROM changes WHERE direction = 'in')
       CROSS JOIN changes ON msisdn = number AND list = own_list AND direction IN ('out', 'in')`,
    )
    .iterate();
  let record: Row[] = [];
  for (const row of rows) {
    const [first] = record;
    if (first && (first['msisdn'] !== row['msisdn'] || first['list'] !== row['list'])) {
      yield record;
      record = [];
    }
    record.push(row);
  }
  if (record.length > 0) yield record;
}

/**
 * Returns a function that says whether the provider's list has a number; `true` if the list cannot be read.
 */
function createListings(database: Database): (list: string, number: number) => boolean {
  const sweeps = createSweepTable(database, '', () => 0);
  const sets = new Map<string, NumberSet | undefined>();
  const read = (list: string): NumberSet | undefined => {
    const set = createNumberSet();
    try {
      for (const numbers of sweeps.numbers(list)) set.addBatch(numbers);
      return set;
    } catch {
      return undefined;
    }
  };
  return (list, number) => {
    if (!sets.has(list)) sets.set(list, read(list));
    return sets.get(list)?.hasNumber(number) ?? true;
  };
}
