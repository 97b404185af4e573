/**
 * Changes on their way between the threads, as columns: numbers are handed over instead of copied, and objects are
 * made a few at a time where they are needed. Words are not among them. What has a word that is not known here does
 * not fit, and travels as it is.
 */

import type { Direction, EvidenceClock, EvidenceSource, OptOutChange } from '../../optouts/change.ts';
import type { SqlValue } from './driver.ts';

/** One entry each for every change; the typed ones share one buffer. */
export interface ChangeColumns {
  readonly numbers: Float64Array;
  readonly ats: Float64Array;
  readonly seenAts: Float64Array;
  /** Places among `lists`. */
  readonly listPlaces: Uint16Array;
  /** Direction, clock and source. */
  readonly traits: Uint8Array;
  /** JSON: one text is copied in no time. */
  readonly ids: string;
  readonly lists: readonly string[];
}

const DIRECTIONS: readonly Direction[] = ['out', 'in'];
const CLOCKS: readonly EvidenceClock[] = ['provider', 'local'];
const SOURCES: readonly EvidenceSource[] = ['provider', 'inbound', 'receipt', 'manual'];
const BYTES_PER_CHANGE = 3 * 8 + 2 + 1;

/** A column as its place among `words`, so many `steps` apart; NULL where it is none of them. */
function place(column: string, words: readonly string[], steps: number): string {
  const cases = words.map((word, index) => `WHEN '${word}' THEN ${index * steps}`);
  return `CASE ${column} ${cases.join(' ')} END`;
}

const TRAITS = `${place('direction', DIRECTIONS, 1)} + ${place('clock', CLOCKS, 2)} + ${place('source', SOURCES, 4)}`;

/** What fits has known words, a number of at most 15 digits and times that JSON holds exactly. */
const FITS = `msisdn BETWEEN 1 AND 999999999999999
  AND at = CAST(at AS INTEGER) AND seen_at = CAST(seen_at AS INTEGER)`;

const column = (value: string) => `json_group_array(${value}) FILTER (WHERE traits IS NOT NULL)`;

/**
 * Some rows of `changes` behind a place, as one: an array for each column, in a fraction of the time that a row for
 * each change takes. Takes the place and how many; gives what {@link columnsOf} reads.
 */
export const SELECT_COLUMNS = `
  SELECT max(seq) AS seq, json_group_array(seq) FILTER (WHERE traits IS NULL) AS unfit,
    ${column('msisdn')} AS numbers, ${column('CAST(at AS INTEGER)')} AS ats,
    ${column('CAST(seen_at AS INTEGER)')} AS seenAts, ${column('traits')} AS traits,
    ${column('list')} AS lists, ${column('id')} AS ids
  FROM (
    SELECT seq, msisdn, at, seen_at, list, id, CASE WHEN ${FITS} THEN ${TRAITS} END AS traits
    FROM changes WHERE seq > ? ORDER BY seq LIMIT ?
  )`;

/** Reads what {@link SELECT_COLUMNS} gave. @returns the columns, and the `seq` of the rows that do not fit. */
export function columnsOf(row: Readonly<Record<string, SqlValue>>): {
  readonly columns: ChangeColumns;
  readonly unfit: readonly number[];
} {
  const read = <T>(name: string) => JSON.parse(String(row[name])) as T[];
  const given = read<number>('numbers');
  const views = viewsOf(given.length);
  views.numbers.set(given);
  views.ats.set(read('ats'));
  views.seenAts.set(read('seenAts'));
  views.traits.set(read('traits'));
  const places = new Map<string, number>();
  for (const [index, list] of read<string>('lists').entries()) {
    const listPlace = places.get(list) ?? places.size;
    places.set(list, listPlace);
    views.listPlaces[index] = listPlace;
  }
  const columns = { ...views, ids: String(row['ids']), lists: [...places.keys()] };
  return { columns, unfit: read('unfit') };
}

function viewsOf(length: number) {
  const buffer = new ArrayBuffer(length * BYTES_PER_CHANGE);
  return {
    numbers: new Float64Array(buffer, 0, length),
    ats: new Float64Array(buffer, length * 8, length),
    seenAts: new Float64Array(buffer, length * 16, length),
    listPlaces: new Uint16Array(buffer, length * 24, length),
    traits: new Uint8Array(buffer, length * 26, length),
  };
}

/** What is handed over with columns instead of copied. */
export const buffersOf = ({ numbers }: ChangeColumns): ArrayBuffer[] => [numbers.buffer as ArrayBuffer];

/** The changes, so many at a time. */
export function* changesIn(columns: ChangeColumns, atATime: number): Generator<OptOutChange[]> {
  const ids = JSON.parse(columns.ids) as string[];
  for (let from = 0; from < ids.length; from += atATime) {
    yield ids.slice(from, from + atATime).map((id, index) => changeAt(columns, from + index, id));
  }
}

function changeAt(columns: ChangeColumns, index: number, id: string): OptOutChange {
  const { numbers, ats, seenAts, listPlaces, traits, lists } = columns;
  const known = traits[index] as number;
  return {
    list: lists[listPlaces[index] as number] as string,
    msisdn: String(numbers[index]),
    evidence: {
      direction: DIRECTIONS[known & 1] as Direction,
      at: ats[index] as number,
      clock: CLOCKS[(known >> 1) & 1] as EvidenceClock,
      seenAt: seenAts[index] as number,
      source: SOURCES[known >> 2] as EvidenceSource,
      id,
    },
  };
}
