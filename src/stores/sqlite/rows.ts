/**
 * Entries of the log as rows. Opt-outs that count are in `changes`. Opt-ins, and evidence that proves nothing, are in
 * `entries`: a process of an earlier version treats every row of `changes` that is not an opt-out as an opt-in by its
 * own rules. Both tables take their positions from one counter.
 */

import {
  type Evidence,
  type EvidenceKind,
  type LogPosition,
  type OptOutChange,
} from '../../ledger/evidence.ts';
import type { SqlValue } from './driver.ts';
import type { LogIdentity } from './log-id.ts';

export type Row = Readonly<Record<string, SqlValue>>;

/** A table of entries. */
export type EntryTable = 'changes' | 'entries';

/**
 * The columns that are read of entries, with the same names for both tables. In `changes` the real times of an entry
 * are in `moment` and `received`, if these are set: see {@link VersionTwoTimes}.
 */
export const READ: Readonly<Record<EntryTable, string>> = {
  changes: `seq, msisdn, list, direction, id, coalesce(moment, at) AS at, kind,
    coalesce(received, seen_at) AS seen_at, source, words, writer, 1 AS proves, basis, basis_log, former_log, former_position, NULL AS opt_in_date, NULL AS sweep`,
  entries: `seq, msisdn, list, type AS direction, id, at, kind, seen_at, source, words, writer,
    proves, basis, basis_log, former_log, former_position, opt_in_date, sweep`,
};

/** The condition for rows that are evidence. Other types and directions are of later versions, or mean nothing. */
export const IS_EVIDENCE: Readonly<Record<EntryTable, string>> = {
  changes: "direction IN ('out', 'in')",
  entries: "type IN ('out', 'in')",
};

/** Returns the query for the evidence in both tables that meets a condition. */
export function bothTables(where: string): string {
  const select = (table: EntryTable) =>
    `SELECT ${READ[table]} FROM ${table} WHERE ${IS_EVIDENCE[table]} AND ${where}`;
  return `${select('changes')} UNION ALL ${select('entries')}`;
}

const WRITTEN = [
  ...['seq', 'msisdn', 'list', 'id', 'at', 'seen_at', 'source', 'words', 'writer', 'kind'],
  ...['basis', 'basis_log', 'former_log', 'former_position'],
];

/** Returns the table that a piece of evidence is written into. */
export function tableOf({ direction, proves }: Pick<Evidence, 'direction' | 'proves'>): EntryTable {
  return direction === 'out' && proves !== false ? 'changes' : 'entries';
}

/** The columns that are written into each table, in the order of {@link valuesOf}. */
export const INSERTED: Readonly<Record<EntryTable, readonly string[]>> = {
  changes: [...WRITTEN, 'direction', 'clock', 'moment', 'received'],
  entries: [...WRITTEN, 'type', 'proves', 'opt_in_date', 'sweep'],
};

/** Returns the statement that inserts a row. It does nothing if the entry is known. */
export function insertInto(table: EntryTable): string {
  const columns = INSERTED[table];
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
    ON CONFLICT DO NOTHING`;
}

/**
 * The times that a process of version 2 reads for an opt-out, ms UTC. Such a process decides by times: with these no
 * opt-in that it knows beats the opt-out.
 */
export interface VersionTwoTimes {
  readonly at: number;
  readonly seenAt: number;
}

/** Returns the row of an entry. `versionTwo` is given only if a process of version 2 may have the file open. */
export function valuesOf(
  { list, msisdn, evidence }: OptOutChange,
  position: number,
  {
    writer,
    log,
    versionTwo,
  }: {
    readonly writer: string;
    readonly log: LogIdentity;
    readonly versionTwo?: VersionTwoTimes | undefined;
  },
): SqlValue[] {
  const { direction, kind, id, at, seenAt, source, basis, proof, sweep, proves } = evidence;
  const former = formerOf(evidence, log);
  const written: SqlValue[] = [
    ...[position, Number(msisdn), list, id],
    ...[versionTwo?.at ?? at, versionTwo?.seenAt ?? seenAt, source, wordsIn(evidence), writer, kind],
    ...[basis?.position ?? null, basis === undefined || basis.log === log.id ? null : basis.log],
    ...[former?.log ?? null, former?.position ?? null],
  ];
  if (tableOf(evidence) === 'entries') {
    const ofList = [proof?.optInDate ?? null, proof?.sweep ?? sweep ?? null];
    return [...written, direction, proves === false ? 0 : 1, ...ofList];
  }
  // With the latest time of the provider's clock, no opt-in of that clock is later in version 2.
  const clock = versionTwo || kind === 'told' ? 'provider' : 'local';
  return [...written, direction, clock, versionTwo ? at : null, versionTwo ? seenAt : null];
}

/** Returns the position that an entry had in the newest of the other logs that it was in. */
export function formerOf({ positions = [] }: Evidence, { id }: LogIdentity): LogPosition | undefined {
  return positions.filter(({ log }) => log !== id).toSorted((a, b) => (a.log < b.log ? 1 : -1))[0];
}

/** The fields that `erase` deletes. They are kept as JSON in the column `words`. */
const WORDS = ['messageId', 'sender', 'text', 'reason'] as const satisfies (keyof Evidence)[];

function wordsIn(evidence: Evidence): string | null {
  const words = WORDS.filter((name) => evidence[name] !== undefined);
  if (words.length === 0) return null;
  return JSON.stringify(Object.fromEntries(words.map((name) => [name, evidence[name]])));
}

export const KINDS: readonly EvidenceKind[] = ['told', 'act', 'stated'];

type Words = Pick<Evidence, (typeof WORDS)[number]>;

/** Parses words. They decide nothing: if they cannot be parsed, the evidence counts without them. */
function wordsOf(written: SqlValue | undefined): Words {
  if (typeof written !== 'string') return {};
  try {
    const read = JSON.parse(written) as Partial<Record<keyof Words, unknown>> | null;
    const isWord = (name: string): name is keyof Words => (WORDS as readonly string[]).includes(name);
    return Object.fromEntries(
      Object.entries(read ?? {}).filter(([name, word]) => isWord(name) && typeof word === 'string'),
    );
  } catch {
    return {};
  }
}

/** Parses a row that was selected by {@link READ}. */
export function changeOf(row: Row, log: LogIdentity): OptOutChange {
  const direction = row['direction'] === 'in' ? 'in' : 'out';
  const basis = basisOf(row, log);
  // If the kind is of a later version, an opt-out blocks and an opt-in proves nothing.
  const kind = KINDS.find((one) => one === row['kind']);
  return {
    list: String(row['list']),
    msisdn: String(row['msisdn']),
    evidence: {
      direction,
      kind: kind ?? 'act',
      at: Number(row['at']),
      seenAt: Number(row['seen_at']),
      source: row['source'] as Evidence['source'],
      id: String(row['id']),
      positions: positionsOf(row, log),
      ...(basis === undefined ? {} : { basis }),
      ...sweepOf(row, kind),
      ...(row['proves'] === 1 && (kind !== undefined || direction === 'out') ? {} : { proves: false }),
      ...wordsOf(row['words']),
    },
  };
}

/** Returns what an opt-in knew of the provider's list: a START the last sweep, an act its proof. */
function sweepOf(
  { opt_in_date: date, sweep }: Row,
  kind: EvidenceKind | undefined,
): Pick<Evidence, 'sweep' | 'proof'> {
  if (typeof sweep !== 'number') return {};
  if (kind === 'told') return { sweep };
  return { proof: { optInDate: typeof date === 'number' ? date : null, sweep } };
}

/**
 * A basis without a log belongs to the log that the file holds: that of the entry, or a later one with the same
 * positions.
 */
function basisOf({ basis, basis_log: basisLog }: Row, { id }: LogIdentity): LogPosition | undefined {
  if (typeof basis !== 'number') return undefined;
  return { log: typeof basisLog === 'string' ? basisLog : id, position: basis };
}

function positionsOf(
  { seq, former_log: formerLog, former_position: formerPosition }: Row,
  log: LogIdentity,
): LogPosition[] {
  const position = Number(seq);
  const former =
    typeof formerLog === 'string' ? { log: formerLog, position: Number(formerPosition) } : undefined;
  return positionsIn(position, log, former);
}

/**
 * Returns the positions of an entry: in the file's log, and in the newest other log that it was in. The newest log is
 * first.
 */
export function positionsIn(position: number, log: LogIdentity, former?: LogPosition): LogPosition[] {
  const own = { log: log.id, position };
  const shared = log.former !== null && position <= log.until ? { log: log.former, position } : undefined;
  const isSharedNewer = shared !== undefined && (former === undefined || shared.log > former.log);
  const other = isSharedNewer ? shared : former;
  if (other === undefined) return [own];
  return other.log > own.log ? [other, own] : [own, other];
}
