/**
 * Reads and forgets when sweeps listed a number. That history is in the same blobs as the list itself: nothing here may
 * change which numbers the list has. Synchronous; runs in the worker.
 */

import { createNumberSet } from '../../number-set/number-set.ts';
import type { ListingSpan } from '../store.ts';
import { endSnapshots } from './list-snapshots.ts';
import { listingChanges, listingSpans, type BlobKey } from './listing-spans.ts';
import type { Database } from './driver.ts';
import { decode, encode } from './number-blobs.ts';
import { inTransaction } from './transaction.ts';

export interface SweepHistory {
  /** Returns when sweeps listed a number, newest first. @throws SnapshotError */
  spans(msisdn: string, list: string | undefined): ListingSpan[];
  /**
   * Forgets that numbers which were erased up to now were ever listed, except for a listing that still holds. Changes
   * that were saved within the last minute are forgotten by a later call: other processes may not have read them.
   */
  forgetErased(): void;
  /** Forgets numbers that were added and removed before `olderThan` (ms UTC), step by step. Yields how many. */
  prune(olderThan: number): Generator<number, void, undefined>;
}

/**
 * How long other processes have to read what a sweep removed, ms. A process that was stopped for longer goes on
 * blocking it.
 */
const READ_WITHIN_MS = 60_000;

export function createSweepHistory(database: Database, now: () => number): SweepHistory {
  /** The last row of `erasures` up to which everything is forgotten. */
  let forgottenTo = 0;

  return {
    spans: (msisdn, list) => listingSpans(database, Number(msisdn), list),
    forgetErased() {
      const readBefore = now() - READ_WITHIN_MS;
      const erased = database
        .prepare('SELECT seq, msisdn, at FROM erasures WHERE seq > ? ORDER BY seq')
        .all(forgottenTo);
      if (erased.length === 0) return;
      inTransaction(database, () => {
        for (const { msisdn, at } of erased) forget(database, Number(msisdn), Number(at), readBefore);
      });
      const settled = erased.findLast(({ at }) => Number(at) < readBefore);
      forgottenTo = Number(settled?.['seq'] ?? forgottenTo);
    },
    *prune(olderThan) {
      const savedBefore = Math.min(olderThan, now() - READ_WITHIN_MS);
      for (const list of readLists(database)) yield* pruneList(database, list, savedBefore);
    },
  };
}

/**
 * Forgets the listings of a number that ended before `erasedAt`, as far as they were saved before `readBefore`. Within
 * a transaction.
 */
function forget(database: Database, msisdn: number, erasedAt: number, readBefore: number): void {
  const everywhere = listingChanges(database, msisdn);
  for (const list of readLists(database)) {
    const changes = everywhere.filter((change) => change.list === list);
    if (changes.at(-1)?.kind !== 'added') {
      for (const table of ['listed_rows', 'listed']) {
        database.prepare(`DELETE FROM ${table} WHERE list = ? AND msisdn = ?`).run(list, msisdn);
      }
    }
    const end = changes.findLastIndex(({ kind, savedAt }) => kind === 'removed' && savedAt <= erasedAt);
    const forgotten = changes.slice(0, end + 1).filter(({ savedAt }) => savedAt < readBefore);
    const [newest] = forgotten.slice(-1);
    if (newest) endSnapshots(database, list, newest.seq);
    for (const change of forgotten) {
      const numbers = numbersOf(database, change) ?? new Float64Array();
      rewrite(
        database,
        change,
        numbers.filter((number) => number !== msisdn),
      );
    }
    if (forgotten.length > 0) deleteEmptySweeps(database, list);
  }
}

interface PrunedBlob extends BlobKey {
  readonly seq: number;
  readonly kind: 'added' | 'removed';
}

/** Forgets the listings of a list that ended before `savedBefore`. Yields how many numbers each step has forgotten. */
function* pruneList(
  database: Database,
  list: string,
  savedBefore: number,
): Generator<number, void, undefined> {
  const blobs = database
    .prepare(
      `SELECT seq, token, ordinal, kind FROM sweeps JOIN images USING (token)
       WHERE list = ? AND saved_at < ? AND kind <> 'missing' ORDER BY seq DESC, ordinal DESC`,
    )
    .all(list, savedBefore) as unknown as PrunedBlob[];
  const removals = blobs.filter(({ kind }) => kind === 'removed');
  if (removals.length === 0) return;
  // From the newest to the oldest: numbers that are removed later are deleted from blobs of added numbers. The blobs of
  // removed numbers go last, so that a process that stops in between leaves no number added that was removed.
  const removedLater = createNumberSet();
  for (const blob of blobs) {
    if (blob.kind === 'removed') {
      removedLater.addBatch(numbersOf(database, blob) ?? []);
      yield 0;
      continue;
    }
    yield inTransaction(database, () => {
      const numbers = numbersOf(database, blob) ?? new Float64Array();
      const kept = numbers.filter((number) => !removedLater.hasNumber(number));
      if (kept.length < numbers.length) rewrite(database, blob, kept);
      return numbers.length - kept.length;
    });
  }
  inTransaction(database, () => {
    // A snapshot from before a removal would keep the removed numbers for ever.
    endSnapshots(database, list, removals[0]?.seq ?? 0);
    for (const blob of removals) rewrite(database, blob, new Float64Array());
    deleteEmptySweeps(database, list);
  });
}

/** Replaces the numbers of a blob by `kept`. */
function rewrite(database: Database, { token, ordinal }: BlobKey, kept: Float64Array): void {
  const isBlob = 'WHERE token = ? AND ordinal = ?';
  if (kept.length === 0) {
    database.prepare(`DELETE FROM images ${isBlob}`).run(token, ordinal);
    return;
  }
  const { bytes, low, high } = encode(kept);
  database
    .prepare(`UPDATE images SET low = ?, high = ?, bytes = ? ${isBlob}`)
    .run(low, high, bytes, token, ordinal);
}

/** Returns the numbers of a blob; `undefined` if a sweep has replaced it. */
function numbersOf(database: Database, { token, ordinal }: BlobKey): Float64Array | undefined {
  const row = database
    .prepare('SELECT bytes FROM images WHERE token = ? AND ordinal = ?')
    .get(token, ordinal);
  return row && decode(row['bytes']);
}

/** Deletes the rows of sweeps without blobs. The newest row stays: it has the age of the list. */
function deleteEmptySweeps(database: Database, list: string): void {
  database
    .prepare(
      `DELETE FROM sweeps WHERE list = ? AND seq < (SELECT max(seq) FROM sweeps WHERE list = ?)
       AND token NOT IN (SELECT token FROM images)`,
    )
    .run(list, list);
}

function readLists(database: Database): readonly string[] {
  const rows = database.prepare('SELECT DISTINCT list FROM sweeps').all();
  return rows.map(({ list }) => String(list));
}
