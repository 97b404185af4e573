/**
 * Entries of the log as rows. Opt-outs that count lie in `changes`; opt-ins, and evidence that proves nothing, lie in
 * `entries`, because a process of an earlier version takes every row of `changes` that is no opt-out for an opt-in by
 * its own rules. Both tables take their positions from one counter.
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
 * The columns by which entries of both tables are read, with the same names. In `changes` the real times of an entry
 * are in `moment` and `received`, if these are set: see {@link Shown}.
 */
export const READ: Readonly<Record<EntryTable, string>> = {
  changes: `seq, msisdn, list, direction, id, coalesce(moment, at) AS at, kind,
    coalesce(received, seen_at) AS seen_at, source, words, writer, 1 AS proves, basis, basis_log, former_log, former_position, NULL AS opt_in_date, NULL AS sweep`,
  entries: `seq, msisdn, list, type AS direction, id, at, kind, seen_at, source, words, writer,
    proves, basis, basis_log, former_log, former_position, opt_in_date, sweep`,
};

/** Rows that are evidence. Other types and directions are of later versions, or mean nothing. */
export const IS_EVIDENCE: Readonly<Record<EntryTable, string>> = {
  changes: "direction IN ('out', 'in')",
  entries: "type IN ('out', 'in')",
};

/** What both tables hold of one kind of evidence, for `SELECT … FROM`. */
export function bothTables(where: string): string {
  const select = (table: EntryTable) =>
    `SELECT ${READ[table]} FROM ${table} WHERE ${IS_EVIDENCE[table]} AND ${where}`;
  return `${select('changes')} UNION ALL ${select('entries')}`;
}

const WRITTEN = [
  ...['seq', 'msisdn', 'list', 'id', 'at', 'seen_at', 'source', 'words', 'writer', 'kind'],
  ...['basis', 'basis_log', 'former_log', 'former_position'],
];

/** The table that a piece of evidence is written into. */
export function tableOf({ direction, proves }: Pick<Evidence, 'direction' | 'proves'>): EntryTable {
  return direction === 'out' && proves !== false ? 'changes' : 'entries';
}

/** The columns that are written into each table, in the order of {@link valuesOf}. */
export const INSERTED: Readonly<Record<EntryTable, readonly string[]>> = {
  changes: [...WRITTEN, 'direction', 'clock', 'moment', 'received'],
  entries: [...WRITTEN, 'type', 'proves', 'opt_in_date', 'sweep'],
};

/** The statement that inserts a row; it does nothing if the entry is known. */
export function insertInto(table: EntryTable): string {
  const columns = INSERTED[table];
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
    ON CONFLICT DO NOTHING`;
}

/**
 * The times that a process of version 2 is to read of an opt-out, ms UTC. It decides by times: with these the opt-out
 * stands against every opt-in that it knows.
 */
export interface Shown {
  readonly at: number;
  readonly seenAt: number;
}

/** The row of an entry. `shown`: only where a process of version 2 may have the file open. */
export function valuesOf(
  { list, msisdn, evidence }: OptOutChange,
  position: number,
  {
    writer,
    log,
    shown,
  }: { readonly writer: string; readonly log: LogIdentity; readonly shown?: Shown | undefined },
): SqlValue[] {
  const { direction, kind, id, at, seenAt, source, basis, proof, sweep, proves } = evidence;
  const former = formerOf(evidence, log);
  const written: SqlValue[] = [
    ...[position, Number(msisdn), list, id],
    ...[shown?.at ?? at, shown?.seenAt ?? seenAt, source, wordsIn(evidence), writer, kind],
    ...[basis?.position ?? null, basis === undefined || basis.log === log.id ? null : basis.log],
    ...[former?.log ?? null, former?.position ?? null],
  ];
  if (tableOf(evidence) === 'entries') {
    const ofList = [proof?.optInDate ?? null, proof?.sweep ?? sweep ?? null];
    return [...written, direction, proves === false ? 0 : 1, ...ofList];
  }
  // An opt-in by the provider's clock is never later than the latest time of that clock.
  const clock = shown || kind === 'told' ? 'provider' : 'local';
  return [...written, direction, clock, shown ? at : null, shown ? seenAt : null];
}

/** The position that an entry had in the newest of the other logs that it is known from. */
export function formerOf({ positions = [] }: Evidence, { id }: LogIdentity): LogPosition | undefined {
  return positions.filter(({ log }) => log !== id).toSorted((a, b) => (a.log < b.log ? 1 : -1))[0];
}

const WORDS = ['messageId', 'sender', 'text', 'reason'] as const satisfies (keyof Evidence)[];

/** Words as the column `words` holds them; `null` if there are none. */
function wordsIn(evidence: Evidence): string | null {
  const words = WORDS.filter((name) => evidence[name] !== undefined);
  if (words.length === 0) return null;
  return JSON.stringify(Object.fromEntries(words.map((name) => [name, evidence[name]])));
}

export const KINDS: readonly EvidenceKind[] = ['told', 'act', 'stated'];

type Words = Pick<Evidence, (typeof WORDS)[number]>;

/** Words decide nothing: if they cannot be read, the evidence counts without them. */
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

/** Reads a row that was selected by {@link READ}. */
export function changeOf(row: Row, log: LogIdentity): OptOutChange {
  const direction = row['direction'] === 'in' ? 'in' : 'out';
  const basis = basisOf(row, log);
  // A kind of a later version: an opt-out of it blocks, an opt-in of it does not count.
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

/** What an opt-in knew of the provider's list: a START the last sweep, an act what proved it too. */
function sweepOf(
  { opt_in_date: date, sweep }: Row,
  kind: EvidenceKind | undefined,
): Pick<Evidence, 'sweep' | 'proof'> {
  if (typeof sweep !== 'number') return {};
  if (kind === 'told') return { sweep };
  return { proof: { optInDate: typeof date === 'number' ? date : null, sweep } };
}

/** A basis without a log is of the log that the file holds: that of the entry itself, or one with the same positions. */
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

/** Where an entry stands: in the file's log, and in the newest other log that it is known from. Newest log first. */
export function positionsIn(position: number, log: LogIdentity, former?: LogPosition): LogPosition[] {
  const own = { log: log.id, position };
  const shared = log.former !== null && position <= log.until ? { log: log.former, position } : undefined;
  const isSharedNewer = shared !== undefined && (former === undefined || shared.log > former.log);
  const other = isSharedNewer ? shared : former;
  if (other === undefined) return [own];
  return other.log > own.log ? [other, own] : [own, other];
}
