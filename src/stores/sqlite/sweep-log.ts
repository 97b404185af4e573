/**
 * Sweeps in the file: each as the numbers that it added and removed, in blobs, and one row in `sweeps` that makes them
 * count. A load applies them in order. Synchronous; runs in the worker.
 */

import type { ListedRow } from '../store.ts';
import { endSnapshots } from './list-snapshots.ts';
import type { Database } from './driver.ts';
import { encode } from './number-blobs.ts';
import {
  KEEP_NEWEST,
  noteSweepNumber,
  numberEarlierSweeps,
  numberEarlierSweepsWithin,
} from './sweep-numbers.ts';
import {
  createSweepReader,
  numberOrNull,
  type BlobKind,
  type LoadedHead,
  type SweepHead,
  type SweepReader,
  type SweepRow,
} from './sweep-reader.ts';
import { inTransaction } from './transaction.ts';

export interface SweepTable extends Omit<SweepReader, 'newest' | 'heads'> {
  /** Returns the newest sweep of each list, and notes that this process knows it. */
  heads(): LoadedHead[];
  /** Returns whether a sweep of the list is kept, to which a delta can be added. */
  hasSweep(list: string): boolean;
  /** Notes which sweep of a list this process knows. It may save a delta only if that is the newest one. */
  noteKnown(list: string, token: string): void;
  /** Numbers the sweeps that processes of an earlier version saved. The file must be writable. */
  numberEarlierSweeps(): void;
  /** Keeps numbers under a token; they count after `commit`. */
  stage(token: string, kind: BlobKind, numbers: Float64Array): void;
  /**
   * Makes a staged sweep count.
   *
   * @param isFull its numbers replace all that were kept.
   * @returns whether it was kept.
   */
  commit(token: string, head: SweepHead, rows: readonly ListedRow[], isFull: boolean): boolean;
  /** Deletes the numbers that were staged under a token. */
  dropStaged(token: string): void;
  /** Deletes numbers that were staged before `olderThan` (ms UTC) and never committed. */
  discardStaged(olderThan: number): void;
}

/** @param writer marks the rows of this process. */
export function createSweepTable(database: Database, writer: string, now: () => number): SweepTable {
  const { newest, heads, ...reader } = createSweepReader(database, writer);
  const insertBlob = database.prepare('INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?)');
  /** The next ordinal of each token that is being staged. */
  const ordinals = new Map<string, number>();
  /** The sweep of each list that this process knows, by token. */
  const knownTokens = new Map<string, string>();

  function dropStaged(token: string): void {
    ordinals.delete(token);
    database.prepare('DELETE FROM images WHERE token = ?').run(token);
  }

  /** Adds the row of a sweep, which makes its blobs count. */
  function insertRow(token: string, head: SweepHead): void {
    const { list, start, heldMs, size } = head;
    const columns = {
      ...{ token, list, start, ...previousOf(newest(list), head) },
      held_since: heldMs === null ? null : now() - heldMs,
      ...{ size, saved_at: now(), writer },
      ...{ number: head.number, age_ms: head.ageMs, held_ms: heldMs },
    };
    const names = Object.keys(columns);
    database
      .prepare(`INSERT INTO sweeps (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
      .run(...Object.values(columns));
    noteSweepNumber(database, head.number);
  }

  return {
    ...reader,
    heads: () =>
      heads().map(({ token, head }) => {
        knownTokens.set(head.list, token);
        return head;
      }),
    hasSweep: (list) => newest(list) !== undefined,
    noteKnown: (list, token) => void knownTokens.set(list, token),
    numberEarlierSweeps: () => numberEarlierSweeps(database),
    stage(token, kind, numbers) {
      const ordinal = ordinals.get(token) ?? 0;
      ordinals.set(token, ordinal + 1);
      const { bytes, low, high } = encode(numbers);
      insertBlob.run(token, ordinal, kind, low, high, bytes, now());
    },
    commit(token, head, rows, isFull) {
      const { list } = head;
      const isKept = inTransaction(database, () => {
        numberEarlierSweepsWithin(database);
        const kept = newest(list);
        // A delta is relative to the sweep that this process knows. If that is not the newest, the save is refused, and
        // this process reads the newest first.
        const isKnown = kept === undefined || kept['token'] === knownTokens.get(list);
        if (reader.isOlder(head) || !isKnown) return false;
        insertRow(token, head);
        if (isFull) endSnapshots(database, list, Number(newest(list)?.['seq']));
        deleteReplaced(database, { list, token, isFull });
        upsertRows(database, list, head.start ?? now(), rows);
        return true;
      });
      ordinals.delete(token);
      if (isKept) knownTokens.set(list, token);
      else dropStaged(token);
      return isKept;
    },
    dropStaged,
    discardStaged(olderThan) {
      database
        .prepare(
          // The tokens are compared first, because an index has them; `made_at` is only in the rows, which are large.
          `DELETE FROM images WHERE token IN (
             SELECT token FROM images EXCEPT SELECT token FROM sweeps EXCEPT SELECT token FROM bases
           ) AND made_at < ?`,
        )
        .run(olderThan);
    },
  };
}

/** Returns the columns that refer to the two complete sweeps before a sweep, and whether it is complete itself. */
function previousOf(before: SweepRow | undefined, { start, number }: SweepHead) {
  const isComplete = start !== null && (before === undefined || number > Number(before['number']));
  const [start1, start2, number1] = isComplete
    ? (['start', 'previous_start', 'number'] as const)
    : (['previous_start', 'before_previous', 'previous_number'] as const);
  return {
    previous_start: numberOrNull(before?.[start1]),
    before_previous: numberOrNull(before?.[start2]),
    previous_number: numberOrNull(before?.[number1]),
    is_complete: isComplete ? 1 : 0,
  };
}

/** Deletes what a new sweep replaces: all earlier numbers if it is full, else the numbers that were missing once. */
function deleteReplaced(
  database: Database,
  { list, token, isFull }: { readonly list: string; readonly token: string; readonly isFull: boolean },
): void {
  const isOld = 'list = ? AND token <> ?';
  const kinds = isFull ? '' : "AND kind = 'missing'";
  database
    .prepare(`DELETE FROM images WHERE token IN (SELECT token FROM sweeps WHERE ${isOld}) ${kinds}`)
    .run(list, token);
  // The row of an old sweep without blobs is not needed: the new row has all that other processes need.
  database
    .prepare(`DELETE FROM sweeps WHERE ${isOld} AND token NOT IN (SELECT token FROM images)`)
    .run(list, token);
}

/** Keeps what a sweep said about numbers, in the tables of this version and of the first edition. */
function upsertRows(database: Database, list: string, start: number, rows: readonly ListedRow[]): void {
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
