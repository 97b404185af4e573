/**
 * Sweeps in the file: each as the numbers that came and left, in compact images, behind one row that makes them count.
 * Loading folds them. Synchronous; it runs where the file is open.
 */

import { createNumberSet } from '../../number-set/number-set.ts';
import type { ListedRow, SavedSweep } from '../store.ts';
import { endBases } from './list-snapshots.ts';
import type { Database, SqlValue } from './driver.ts';
import { decode, encode } from './number-blobs.ts';
import {
  KEEP_NEWEST,
  lastSweepNumber,
  noteSweepNumber,
  numberSweeps,
  numberSweepsWithin,
} from './sweep-numbers.ts';
import { inTransaction } from './transaction.ts';

/** What a sweep is saved under, as in the port. */
export type SweepHead = Pick<SavedSweep, 'number' | 'start' | 'ageMs' | 'heldMs' | 'size'> & {
  readonly list: string;
};

/** What images can hold: numbers that came, that left, that one complete sweep has lacked. */
export type ImageKind = 'added' | 'removed' | 'missing';

/** The state of a list's newest saved sweep. */
export interface LoadedHead extends SweepHead {
  readonly rows: ListedRow[];
}

/** A saved sweep of another process, without its numbers. */
export interface SweepStep extends SweepHead {
  readonly token: string;
  /** The complete sweep before it, or the same one if an incomplete sweep added to it. */
  readonly previous: Pick<SavedSweep, 'number' | 'start' | 'ageMs'>;
}

export interface SweepTable {
  /** Whether the list has a base that a delta can be put upon. */
  hasBase(list: string): boolean;
  /** Notes that this process knows a list as of that sweep: only upon the newest one it may save. */
  follow(list: string, token: string): void;
  /** Forgets numbers that were staged and will not be committed. */
  drop(token: string): void;
  /** Whether a sweep with a larger number is kept. */
  isOlder(head: Pick<SweepHead, 'list' | 'number'>): boolean;
  /** Numbers sweeps that processes of an earlier version saved, where the file can be written to. */
  settle(): void;
  /** Keeps numbers under a token; they count with `commit`. */
  stage(token: string, kind: ImageKind, numbers: Float64Array): void;
  /** Makes a sweep count. `isFull`: its numbers replace all that was kept. @returns whether it was kept. */
  commit(token: string, head: SweepHead, rows: readonly ListedRow[], isFull: boolean): boolean;
  /** Forgets staged numbers that were never committed. */
  discard(olderThan: number): void;
  heads(): LoadedHead[];
  /** The numbers of a list, a batch at a time. @throws SnapshotError */
  numbers(list: string): Generator<Float64Array>;
  missing(list: string): Generator<Float64Array>;
  /** What other writers saved behind a place. */
  after(seq: number): { readonly steps: SweepStep[]; readonly seq: number };
  /** One step's numbers of a kind. @throws SnapshotError */
  images(token: string, kind: ImageKind): Generator<Float64Array>;
  rowsOf(list: string): ListedRow[];
}

const number = (value: SqlValue | undefined) =>
  value === null || value === undefined ? null : Number(value);

export function createSweepTable(database: Database, writer: string, now: () => number): SweepTable {
  const newest = database.prepare('SELECT * FROM sweeps WHERE list = ? ORDER BY seq DESC LIMIT 1');
  const insertImage = database.prepare('INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?)');
  const selectImages = database.prepare(
    'SELECT bytes FROM images WHERE token = ? AND kind = ? ORDER BY ordinal',
  );
  const ordinals = new Map<string, number>();
  /** The sweep of each list that this process knows, by token. */
  const bases = new Map<string, string>();

  function isOlder({ list, number: given }: Pick<SweepHead, 'list' | 'number'>): boolean {
    const kept = newest.get(list);
    return kept !== undefined && given < numberOf(kept);
  }

  /** The number of a saved sweep: for one of an earlier version, the number that it will get. */
  function numberOf(row: Readonly<Record<string, SqlValue>>): number {
    return number(row['number']) ?? lastSweepNumber(database) + 1;
  }

  function* images(token: string, kind: ImageKind): Generator<Float64Array> {
    for (const { bytes } of selectImages.all(token, kind)) yield decode(bytes);
  }

  function drop(token: string): void {
    ordinals.delete(token);
    database.prepare('DELETE FROM images WHERE token = ?').run(token);
  }

  function* missing(list: string): Generator<Float64Array> {
    const token = newest.get(list)?.['token'];
    if (typeof token === 'string') yield* images(token, 'missing');
  }

  /** All images of a list that hold numbers which came or left, in order. */
  function* steps(list: string): Generator<{ kind: ImageKind; numbers: Float64Array }> {
    const tokens = database
      .prepare(
        `SELECT images.token, images.ordinal, kind FROM sweeps JOIN images USING (token)
         WHERE list = ? AND kind <> 'missing' ORDER BY seq, images.ordinal`,
      )
      .all(list);
    const bytesOf = database.prepare('SELECT bytes FROM images WHERE token = ? AND ordinal = ?');
    for (const { token, ordinal, kind } of tokens) {
      const bytes = bytesOf.get(token as string, ordinal as number)?.['bytes'];
      yield { kind: kind as ImageKind, numbers: decode(bytes) };
    }
  }

  function rowsOf(list: string): ListedRow[] {
    return database
      .prepare('SELECT msisdn, sweep, date FROM listed WHERE list = ?')
      .all(list)
      .map(({ msisdn, sweep, date }) => ({
        msisdn: String(msisdn),
        sweep: Number(sweep),
        date: number(date),
      }));
  }

  function headOf(row: Readonly<Record<string, SqlValue>>): SweepHead {
    const { list, start, saved_at: savedAt, held_since: heldSince } = row;
    const isNumbered = row['number'] !== null;
    return {
      list: String(list),
      number: numberOf(row),
      start: number(start),
      ageMs: isNumbered ? Number(row['age_ms']) : Math.max(0, Number(savedAt) - Number(start ?? savedAt)),
      heldMs: isNumbered || heldSince === null ? number(row['held_ms']) : 0,
      size: Number(row['size']),
    };
  }

  function stepOf(row: Readonly<Record<string, SqlValue>>): SweepStep {
    const head = headOf(row);
    const isAddition = row['is_complete'] !== 1;
    const previous = {
      number: Number(row['previous_number'] ?? 0),
      start: number(row['previous_start']),
      // It is not known how old that one was by then. Only a process that missed it has use for it.
      ageMs: Infinity,
    };
    return { ...head, token: String(row['token']), previous: isAddition ? head : previous };
  }

  /** Puts the row of a sweep in place and forgets what it makes needless. */
  function insertHead(token: string, head: SweepHead, rows: readonly ListedRow[], isFull: boolean): void {
    const { list, start, heldMs, size } = head;
    const before = newest.get(list);
    const previous = number(before?.['start']);
    const isComplete = start !== null && (before === undefined || head.number > Number(before['number']));
    const [last, lastBut, lastNumber] = isComplete
      ? [previous, number(before?.['previous_start']), number(before?.['number'])]
      : [
          number(before?.['previous_start']),
          number(before?.['before_previous']),
          number(before?.['previous_number']),
        ];
    const columns = {
      ...{ token, list, start, previous_start: last, before_previous: lastBut },
      held_since: heldMs === null ? null : now() - heldMs,
      ...{ is_complete: isComplete ? 1 : 0, size, saved_at: now(), writer },
      ...{ number: head.number, previous_number: lastNumber, age_ms: head.ageMs, held_ms: heldMs },
    };
    const names = Object.keys(columns);
    database
      .prepare(`INSERT INTO sweeps (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
      .run(...Object.values(columns));
    noteSweepNumber(database, head.number);
    if (isFull) endBases(database, list, Number(newest.get(list)?.['seq']));
    const isOld = 'list = ? AND token <> ?';
    const oldTokens = `SELECT token FROM sweeps WHERE ${isOld}`;
    const forgotten = isFull ? '' : "AND kind = 'missing'";
    database.prepare(`DELETE FROM images WHERE token IN (${oldTokens}) ${forgotten}`).run(list, token);
    // A sweep that changed nothing is told by the one after it.
    database
      .prepare(`DELETE FROM sweeps WHERE ${isOld} AND token NOT IN (SELECT token FROM images)`)
      .run(list, token);
    insertRows(list, start ?? now(), rows);
  }

  /** Keeps what a sweep said about numbers; for processes of an earlier version also in the way that they read it. */
  function insertRows(list: string, start: number, rows: readonly ListedRow[]): void {
    const upsert = database.prepare(
      `INSERT INTO listed (list, msisdn, sweep, date) VALUES (?, ?, ?, ?) ${KEEP_NEWEST}`,
    );
    const upsertFirstEdition = database.prepare(
      `INSERT INTO listed_rows (list, msisdn, start, date) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET start = max(start, excluded.start), date = max(date, excluded.date)`,
    );
    for (const { msisdn, sweep, date } of rows) {
      upsert.run(list, Number(msisdn), sweep, date);
      upsertFirstEdition.run(list, Number(msisdn), start, date ?? start);
    }
  }

  return {
    hasBase: (list) => newest.get(list) !== undefined,
    isOlder,
    settle: () => numberSweeps(database),
    stage(token, kind, numbers) {
      const ordinal = ordinals.get(token) ?? 0;
      ordinals.set(token, ordinal + 1);
      const { bytes, low, high } = encode(numbers);
      insertImage.run(token, ordinal, kind, low, high, bytes, now());
    },
    commit(token, head, rows, isFull) {
      const isKept = inTransaction(database, () => {
        numberSweepsWithin(database);
        const kept = newest.get(head.list);
        // What changed is told against a sweep that is not the newest any more: first that one is to be followed.
        if (isOlder(head) || (kept !== undefined && kept['token'] !== bases.get(head.list))) return false;
        insertHead(token, head, rows, isFull);
        return true;
      });
      ordinals.delete(token);
      if (isKept) bases.set(head.list, token);
      else drop(token);
      return isKept;
    },
    follow: (list, token) => void bases.set(list, token),
    drop,
    discard(olderThan) {
      database
        .prepare(
          // By tokens first, which are in an index: to read when an image was made is to read all of it.
          `DELETE FROM images WHERE token IN (
             SELECT token FROM images EXCEPT SELECT token FROM sweeps EXCEPT SELECT token FROM bases
           ) AND made_at < ?`,
        )
        .run(olderThan);
    },
    heads: () =>
      database
        .prepare('SELECT * FROM sweeps WHERE seq IN (SELECT max(seq) FROM sweeps GROUP BY list)')
        .all()
        .map((row) => {
          bases.set(String(row['list']), String(row['token']));
          return { ...headOf(row), rows: rowsOf(String(row['list'])) };
        }),
    *numbers(list) {
      // Only numbers that left once can come and go: everything else is what came.
      const wavering = createNumberSet();
      for (const { kind, numbers } of steps(list)) if (kind === 'removed') wavering.addBatch(numbers);
      const back = createNumberSet();
      for (const { kind, numbers } of steps(list)) {
        if (kind === 'removed') back.deleteBatch(numbers);
        else if (wavering.size === 0) yield numbers;
        else {
          back.addBatch(numbers.filter((one) => wavering.hasNumber(one)));
          const settled = numbers.filter((one) => !wavering.hasNumber(one));
          if (settled.length > 0) yield settled;
        }
      }
      yield* back.batches();
    },
    missing,
    after(seq) {
      const rows = database.prepare('SELECT * FROM sweeps WHERE seq > ? ORDER BY seq').all(seq);
      const others = rows.filter((row) => row['writer'] !== writer);
      return { steps: others.map(stepOf), seq: Number(rows.at(-1)?.['seq'] ?? seq) };
    },
    images,
    rowsOf,
  };
}
