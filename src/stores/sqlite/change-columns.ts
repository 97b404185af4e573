/**
 * Changes on their way between the threads, as columns: the buffer of numbers is transferred instead of copied, and
 * objects are made a few at a time where they are needed. Words are not among them. A row that holds more than the
 * columns do, such as a proof or a position in another log, does not fit and is sent as an object.
 */

import type { Direction, EvidenceKind, EvidenceSource, OptOutChange } from '../../ledger/evidence.ts';
import type { SqlValue } from './driver.ts';
import type { LogIdentity } from './log-id.ts';
import { IS_EVIDENCE, KINDS, READ, positionsIn, type EntryTable } from './rows.ts';

/** One entry each for every change; the typed ones share one buffer. */
export interface ChangeColumns {
  readonly numbers: Float64Array;
  readonly ats: Float64Array;
  readonly seenAts: Float64Array;
  readonly positions: Float64Array;
  /** {@link NO_BASIS} if there is none. */
  readonly bases: Float64Array;
  /** Indexes of `lists`. */
  readonly listPlaces: Uint16Array;
  /** Direction, kind and source. */
  readonly traits: Uint8Array;
  /** JSON: to copy one text takes no time. */
  readonly ids: string;
  readonly lists: readonly string[];
  /** The log that positions and bases belong to. */
  readonly log: LogIdentity;
}

const DIRECTIONS: readonly Direction[] = ['out', 'in'];
const SOURCES: readonly EvidenceSource[] = ['provider', 'inbound', 'receipt', 'manual'];
const NO_BASIS = -1;
const BYTES_PER_CHANGE = 5 * 8 + 2 + 1;

/** A column as its index in `words`, times `factor`; NULL if it is none of them. */
function indexIn(column: string, words: readonly string[], factor: number): string {
  const cases = words.map((word, index) => `WHEN '${word}' THEN ${index * factor}`);
  return `CASE ${column} ${cases.join(' ')} END`;
}

/** The columns of each table as these statements read them: no more than they need. */
const TIMES: Readonly<Record<EntryTable, { readonly at: string; readonly seenAt: string }>> = {
  changes: { at: 'coalesce(moment, at)', seenAt: 'coalesce(received, seen_at)' },
  entries: { at: 'at', seenAt: 'seen_at' },
};
const DIRECTION: Readonly<Record<EntryTable, string>> = { changes: 'direction', entries: 'type' };

/** What fits has known words, a number of at most 15 digits, and times that JSON holds exactly. */
function traitsIn(table: EntryTable): string {
  const { at, seenAt } = TIMES[table];
  const ofEntries = table === 'entries' ? 'AND sweep IS NULL AND proves = 1' : '';
  const traits = [
    indexIn(DIRECTION[table], DIRECTIONS, 1),
    indexIn('kind', KINDS, 2),
    indexIn('source', SOURCES, 8),
  ];
  return `CASE WHEN msisdn BETWEEN 1 AND 999999999999999 AND ${at} = CAST(${at} AS INTEGER)
    AND ${seenAt} = CAST(${seenAt} AS INTEGER) AND basis_log IS NULL AND former_log IS NULL ${ofEntries}
    THEN ${traits.join(' + ')} END`;
}

const column = (value: string) => `json_group_array(${value}) FILTER (WHERE traits IS NOT NULL)`;

/**
 * Some rows of a table behind a position, as one row: an array for each column, in a fraction of the time that a row
 * for each change takes. Takes the position and how many rows; gives what {@link columnsOf} reads.
 */
export function selectColumns(table: EntryTable): string {
  const { at, seenAt } = TIMES[table];
  return `
    SELECT max(seq) AS last, count(*) - count(traits) AS unfit, ${column('seq')} AS positions,
      ${column('msisdn')} AS numbers, ${column('CAST(time AS INTEGER)')} AS ats,
      ${column('CAST(seen AS INTEGER)')} AS seenAts, ${column('basis')} AS bases,
      ${column('traits')} AS traits, ${column('list')} AS lists, ${column('id')} AS ids
    FROM (
      SELECT seq, msisdn, ${at} AS time, ${seenAt} AS seen, coalesce(basis, ${NO_BASIS}) AS basis, list, id,
        ${traitsIn(table)} AS traits
      FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ?
    )`;
}

/** The rows that count and do not fit, behind one position and up to another. */
export function selectUnfit(table: EntryTable): string {
  const ofEntries = table === 'entries' ? 'AND proves = 1' : '';
  return `SELECT ${READ[table]} FROM ${table}
    WHERE seq > ? AND seq <= ? AND ${IS_EVIDENCE[table]} AND (${traitsIn(table)}) IS NULL ${ofEntries}`;
}

/** Reads what {@link selectColumns} gave. */
export function columnsOf(row: Readonly<Record<string, SqlValue>>, log: LogIdentity): ChangeColumns {
  const read = <T>(name: string) => JSON.parse(String(row[name])) as T[];
  const given = read<number>('numbers');
  const views = viewsOf(given.length);
  views.numbers.set(given);
  for (const name of ['ats', 'seenAts', 'positions', 'bases', 'traits'] as const) views[name].set(read(name));
  const places = new Map<string, number>();
  for (const [index, list] of read<string>('lists').entries()) {
    const listPlace = places.get(list) ?? places.size;
    places.set(list, listPlace);
    views.listPlaces[index] = listPlace;
  }
  return { ...views, ids: String(row['ids']), lists: [...places.keys()], log };
}

function viewsOf(length: number) {
  const buffer = new ArrayBuffer(length * BYTES_PER_CHANGE);
  const doubles = (index: number) => new Float64Array(buffer, index * length * 8, length);
  return {
    numbers: doubles(0),
    ats: doubles(1),
    seenAts: doubles(2),
    positions: doubles(3),
    bases: doubles(4),
    listPlaces: new Uint16Array(buffer, length * 40, length),
    traits: new Uint8Array(buffer, length * 42, length),
  };
}

/** The buffers of columns that are transferred instead of copied. */
export const buffersOf = ({ numbers }: ChangeColumns): ArrayBuffer[] => [numbers.buffer as ArrayBuffer];

/** The changes, `atATime` at a time. */
export function* changesIn(columns: ChangeColumns, atATime: number): Generator<OptOutChange[]> {
  const ids = JSON.parse(columns.ids) as string[];
  for (let from = 0; from < ids.length; from += atATime) {
    yield ids.slice(from, from + atATime).map((id, index) => changeAt(columns, from + index, id));
  }
}

function changeAt(columns: ChangeColumns, index: number, id: string): OptOutChange {
  const { numbers, ats, seenAts, positions, bases, listPlaces, traits, lists, log } = columns;
  const known = traits[index] as number;
  const basis = bases[index] as number;
  return {
    list: lists[listPlaces[index] as number] as string,
    msisdn: String(numbers[index]),
    evidence: {
      direction: DIRECTIONS[known & 1] as Direction,
      kind: KINDS[(known >> 1) & 3] as EvidenceKind,
      at: ats[index] as number,
      seenAt: seenAts[index] as number,
      source: SOURCES[known >> 3] as EvidenceSource,
      id,
      positions: positionsIn(positions[index] as number, log),
      ...(basis === NO_BASIS ? {} : { basis: { log: log.id, position: basis } }),
    },
  };
}
