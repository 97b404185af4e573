/**
 * Reads saved sweeps: the newest state of each list, and what other processes saved. Synchronous; runs in the worker.
 */

import { createNumberSet } from '../../number-set/number-set.ts';
import type { ListedRow, NumbersStep, SavedSweep } from '../store.ts';
import type { Database, SqlValue } from './driver.ts';
import { decode } from './number-blobs.ts';
import { lastSweepNumber } from './sweep-numbers.ts';

/** A saved sweep without its numbers and rows. The fields are those of the port. */
export type SweepHead = Pick<SavedSweep, 'number' | 'start' | 'ageMs' | 'heldMs' | 'size'> & {
  readonly list: string;
};

/** The content of a sweep's blob: numbers that were added, were removed, or were missing in one complete sweep. */
export type BlobKind = 'added' | 'removed' | 'missing';

/** The newest saved sweep of a list. */
export interface LoadedHead extends SweepHead {
  readonly rows: ListedRow[];
}

/** A saved sweep of another process, without its numbers. */
export interface SweepStep extends SweepHead {
  readonly token: string;
  /** The complete sweep before it; the sweep itself if an incomplete sweep has added numbers to it. */
  readonly previous: Pick<SavedSweep, 'number' | 'start' | 'ageMs'>;
}

export interface SweepReader {
  /** The row of a list's newest sweep. */
  newest(list: string): SweepRow | undefined;
  /** The newest sweep of each list, with the token of its row. */
  heads(): { readonly token: string; readonly head: LoadedHead }[];
  /** Returns whether a sweep with a larger number is kept. */
  isOlder(head: Pick<SweepHead, 'list' | 'number'>): boolean;
  /** Yields the numbers of a list, a batch at a time. @throws SnapshotError */
  numbers(list: string): Generator<Float64Array>;
  /** Yields the numbers that the newest complete sweep of a list lacked. @throws SnapshotError */
  missing(list: string): Generator<Float64Array>;
  /** Returns the sweeps that other writers saved after a row, and the last row. */
  after(seq: number): { readonly steps: SweepStep[]; readonly seq: number };
  /** Yields the numbers of one sweep's blobs of a kind. @throws SnapshotError */
  blobs(token: string, kind: BlobKind): Generator<Float64Array>;
  /** Returns what sweeps said about numbers of a list with first-hand evidence. */
  rowsOf(list: string): ListedRow[];
}

export type SweepRow = Readonly<Record<string, SqlValue>>;

/** @param writer marks the rows of this process. */
export function createSweepReader(database: Database, writer: string): SweepReader {
  const selectNewest = database.prepare('SELECT * FROM sweeps WHERE list = ? ORDER BY seq DESC LIMIT 1');
  const selectBlobs = database.prepare(
    'SELECT bytes FROM images WHERE token = ? AND kind = ? ORDER BY ordinal',
  );

  /** Returns the number of a saved sweep; for one of an earlier version, the number that it will get. */
  function numberOf(row: SweepRow): number {
    return numberOrNull(row['number']) ?? lastSweepNumber(database) + 1;
  }

  function headOf(row: SweepRow): SweepHead {
    const { list, start, saved_at: savedAt, held_since: heldSince } = row;
    const isNumbered = row['number'] !== null;
    return {
      list: String(list),
      number: numberOf(row),
      start: numberOrNull(start),
      ageMs: isNumbered ? Number(row['age_ms']) : Math.max(0, Number(savedAt) - Number(start ?? savedAt)),
      heldMs: isNumbered || heldSince === null ? numberOrNull(row['held_ms']) : 0,
      size: Number(row['size']),
    };
  }

  function stepOf(row: SweepRow): SweepStep {
    const head = headOf(row);
    const isAddition = row['is_complete'] !== 1;
    const previous = {
      number: Number(row['previous_number'] ?? 0),
      start: numberOrNull(row['previous_start']),
      // The file does not say how old that sweep was by then. Only a process that missed it uses this age.
      ageMs: Infinity,
    };
    return { ...head, token: String(row['token']), previous: isAddition ? head : previous };
  }

  function* blobs(token: string, kind: BlobKind): Generator<Float64Array> {
    for (const { bytes } of selectBlobs.all(token, kind)) yield decode(bytes);
  }

  function rowsOf(list: string): ListedRow[] {
    return database
      .prepare('SELECT msisdn, sweep, date FROM listed WHERE list = ?')
      .all(list)
      .map(({ msisdn, sweep, date }) => ({
        msisdn: String(msisdn),
        sweep: Number(sweep),
        date: numberOrNull(date),
      }));
  }

  return {
    newest: (list) => selectNewest.get(list),
    heads: () =>
      database
        .prepare('SELECT * FROM sweeps WHERE seq IN (SELECT max(seq) FROM sweeps GROUP BY list)')
        .all()
        .map((row) => ({
          token: String(row['token']),
          head: { ...headOf(row), rows: rowsOf(String(row['list'])) },
        })),
    isOlder({ list, number }) {
      const kept = selectNewest.get(list);
      return kept !== undefined && number < numberOf(kept);
    },
    numbers: (list) => numbersOf(database, list),
    *missing(list) {
      const token = selectNewest.get(list)?.['token'];
      if (typeof token === 'string') yield* blobs(token, 'missing');
    },
    after(seq) {
      const rows = database.prepare('SELECT * FROM sweeps WHERE seq > ? ORDER BY seq').all(seq);
      const others = rows.filter((row) => row['writer'] !== writer);
      return { steps: others.map(stepOf), seq: Number(rows.at(-1)?.['seq'] ?? seq) };
    },
    blobs,
    rowsOf,
  };
}

export const numberOrNull = (value: SqlValue | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);

/** Applies all sweeps of a list in order. @throws SnapshotError */
function* numbersOf(database: Database, list: string): Generator<Float64Array> {
  // A number that was never removed is in the list as soon as it was added. The others are followed one by one.
  const everRemoved = createNumberSet();
  for (const { kind, numbers } of stepsSince(database, list, 0)) {
    if (kind === 'removed') everRemoved.addBatch(numbers);
  }
  const listedAgain = createNumberSet();
  for (const { kind, numbers } of stepsSince(database, list, 0)) {
    if (kind === 'removed') listedAgain.deleteBatch(numbers);
    else if (everRemoved.size === 0) yield numbers;
    else {
      listedAgain.addBatch(numbers.filter((one) => everRemoved.hasNumber(one)));
      const others = numbers.filter((one) => !everRemoved.hasNumber(one));
      if (others.length > 0) yield others;
    }
  }
  yield* listedAgain.batches();
}

/**
 * Yields the numbers that the sweeps of a list after the row `seq` added and removed, in order.
 *
 * @throws SnapshotError
 */
export function* stepsSince(
  database: Database,
  list: string,
  seq: number,
): Generator<NumbersStep, void, undefined> {
  const blobs = database
    .prepare(
      `SELECT images.token, images.ordinal, kind FROM sweeps JOIN images USING (token)
       WHERE list = ? AND seq > ? AND kind <> 'missing' ORDER BY seq, images.ordinal`,
    )
    .all(list, seq);
  const select = database.prepare('SELECT bytes FROM images WHERE token = ? AND ordinal = ?');
  for (const { token = null, ordinal = null, kind } of blobs) {
    const numbers = decode(select.get(token, ordinal)?.['bytes']);
    yield { kind: kind as NumbersStep['kind'], numbers };
  }
}
