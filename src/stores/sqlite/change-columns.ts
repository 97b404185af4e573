/**
 * Transfers changes between the threads as columns: the buffer of numbers is transferred instead of copied, and the
 * main thread makes objects of a few changes at a time. Words are left out. A row with a field that has no column, such
 * as a proof or a position in another log, does not fit and is sent as an object.
 */

import type { Direction, EvidenceKind, EvidenceSource, OptOutChange } from '../../ledger/evidence.ts';
import type { SqlValue } from './driver.ts';
import type { LogIdentity } from './log-id.ts';
import { IS_EVIDENCE, KINDS, READ, positionsIn, type EntryTable } from './rows.ts';

/** Columns with one value for each change. The typed arrays share one buffer. */
export interface ChangeColumns {
  readonly numbers: Float64Array;
  readonly ats: Float64Array;
  readonly seenAts: Float64Array;
  readonly positions: Float64Array;
  /** {@link NO_BASIS} if there is none. */
  readonly bases: Float64Array;
  /** Indexes of `lists`. */
  readonly listIndexes: Uint16Array;
  /** Direction, kind and source of each change: indexes of lists of words, as the bits 0, 1 to 2 and 3 up. */
  readonly traits: Uint8Array;
  /** All ids as JSON: one string is copied faster than an array of strings. */
  readonly ids: string;
  readonly lists: readonly string[];
  /** The log that positions and bases belong to. */
  readonly log: LogIdentity;
}

const DIRECTIONS: readonly Direction[] = ['out', 'in'];
const SOURCES: readonly EvidenceSource[] = ['provider', 'inbound', 'receipt', 'manual'];
const NO_BASIS = -1;
const BYTES_PER_CHANGE = 5 * 8 + 2 + 1;

/** Returns the SQL for the index of a column's value in `words`, times `factor`; NULL if it is none of them. */
function indexIn(column: string, words: readonly string[], factor: number): string {
  const cases = words.map((word, index) => `WHEN '${word}' THEN ${index * factor}`);
  return `CASE ${column} ${cases.join(' ')} END`;
}

const TIMES: Readonly<Record<EntryTable, { readonly at: string; readonly seenAt: string }>> = {
  changes: { at: 'coalesce(moment, at)', seenAt: 'coalesce(received, seen_at)' },
  entries: { at: 'at', seenAt: 'seen_at' },
};
const DIRECTION: Readonly<Record<EntryTable, string>> = { changes: 'direction', entries: 'type' };

/** A row fits if its words are known, its number has at most 15 digits, and JSON holds its times exactly. */
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
 * Returns the statement that reads rows after a position as one row with a JSON array for each column. That takes a
 * fraction of the time of one row for each change. Its parameters are the position and the number of rows; its result
 * is for {@link columnsOf}.
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

/** Returns the statement that reads the rows that count and do not fit, after one position and up to another. */
export function selectUnfit(table: EntryTable): string {
  const ofEntries = table === 'entries' ? 'AND proves = 1' : '';
  return `SELECT ${READ[table]} FROM ${table}
    WHERE seq > ? AND seq <= ? AND ${IS_EVIDENCE[table]} AND (${traitsIn(table)}) IS NULL ${ofEntries}`;
}

/** Parses the result of {@link selectColumns}. */
export function columnsOf(row: Readonly<Record<string, SqlValue>>, log: LogIdentity): ChangeColumns {
  const read = <T>(name: string) => JSON.parse(String(row[name])) as T[];
  const numbers = read<number>('numbers');
  const views = viewsOf(numbers.length);
  views.numbers.set(numbers);
  for (const name of ['ats', 'seenAts', 'positions', 'bases', 'traits'] as const) views[name].set(read(name));
  const listIndexes = new Map<string, number>();
  for (const [index, list] of read<string>('lists').entries()) {
    const listIndex = listIndexes.get(list) ?? listIndexes.size;
    listIndexes.set(list, listIndex);
    views.listIndexes[index] = listIndex;
  }
  return { ...views, ids: String(row['ids']), lists: [...listIndexes.keys()], log };
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
    listIndexes: new Uint16Array(buffer, length * 40, length),
    traits: new Uint8Array(buffer, length * 42, length),
  };
}

/** Returns the buffers of columns that are transferred instead of copied. */
export const buffersOf = ({ numbers }: ChangeColumns): ArrayBuffer[] => [numbers.buffer as ArrayBuffer];

/** Yields the changes of columns, `atATime` in each array. */
export function* changesIn(columns: ChangeColumns, atATime: number): Generator<OptOutChange[]> {
  const ids = JSON.parse(columns.ids) as string[];
  for (let from = 0; from < ids.length; from += atATime) {
    yield ids.slice(from, from + atATime).map((id, index) => changeAt(columns, from + index, id));
  }
}

function changeAt(columns: ChangeColumns, index: number, id: string): OptOutChange {
  const { numbers, ats, seenAts, positions, bases, listIndexes, traits, lists, log } = columns;
  const trait = traits[index] as number;
  const basis = bases[index] as number;
  return {
    list: lists[listIndexes[index] as number] as string,
    msisdn: String(numbers[index]),
    evidence: {
      direction: DIRECTIONS[trait & 1] as Direction,
      kind: KINDS[(trait >> 1) & 3] as EvidenceKind,
      at: ats[index] as number,
      seenAt: seenAts[index] as number,
      source: SOURCES[trait >> 3] as EvidenceSource,
      id,
      positions: positionsIn(positions[index] as number, log),
      ...(basis === NO_BASIS ? {} : { basis: { log: log.id, position: basis } }),
    },
  };
}
