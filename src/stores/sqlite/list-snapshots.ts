/**
 * Snapshots of lists: a whole list in the format of the number set, as of one sweep. A long list loads faster from its
 * snapshot; the log of sweeps stays the truth. Code that removes something from that log up to a snapshot's sweep
 * deletes the snapshot first. Synchronous; runs in the worker.
 *
 * On disk a snapshot is a row of `bases` and rows of `images` with the kind 'base'.
 */

import type { NumbersStep } from '../store.ts';
import { groupChunks } from './transfer-chunks.ts';
import type { Database } from './driver.ts';
import { stepsSince } from './sweep-reader.ts';
import { inTransaction } from './transaction.ts';

export interface SnapshotTable {
  /**
   * Returns the row of a list's newest sweep, if so much was added and removed since its snapshot that a new one pays.
   */
  dueAt(list: string): number | undefined;
  /** Keeps chunks under a token, the first one at `ordinal`; they count after `commit`. */
  stage(token: string, ordinal: number, chunks: readonly Uint8Array[]): void;
  /** Replaces a list's snapshot by one as of the sweep `seq`, unless snapshots of that sweep are not valid any more. */
  commit(list: string, token: string, seq: number): void;
  has(list: string): boolean;
  /** Yields the chunks of a list's snapshot in order, several at a time. */
  chunks(list: string): Generator<Uint8Array[], void, undefined>;
  /** Yields the numbers that were added and removed after a list's snapshot, in order. @throws SnapshotError */
  since(list: string): Generator<NumbersStep, void, undefined>;
}

/** A new snapshot is due if the list has more blobs after the last one. */
const MOST_BLOBS = 200;
/** It is also due if these blobs have more bytes than this and than a share of the last snapshot. */
const LEAST_BYTES = 262_144;
const SHARE_OF_SNAPSHOT = 1 / 20;
/** Bytes of one message: to wake the other thread takes about as long as to read several chunks. */
const BYTES_PER_MESSAGE = 1_048_576;

export function createSnapshotTable(database: Database, now: () => number): SnapshotTable {
  const selectSnapshot = database.prepare('SELECT token, seq FROM bases WHERE list = ?');
  const seqOf = (list: string) => Number(selectSnapshot.get(list)?.['seq'] ?? 0);

  function* chunksOf(list: string): Generator<Uint8Array, void, undefined> {
    const token = selectSnapshot.get(list)?.['token'] ?? null;
    const select = database.prepare('SELECT bytes FROM images WHERE token = ? AND ordinal = ?');
    for (let ordinal = 0; ; ordinal++) {
      const bytes = select.get(token, ordinal)?.['bytes'];
      if (!(bytes instanceof Uint8Array)) return;
      yield bytes;
    }
  }

  return {
    dueAt(list) {
      const { blobs, bytes } = database
        .prepare(
          `SELECT count(*) AS blobs, total(length(bytes)) AS bytes FROM sweeps JOIN images USING (token)
           WHERE list = ? AND seq > ? AND kind <> 'missing'`,
        )
        .get(list, seqOf(list)) as { blobs: number; bytes: number };
      const snapshot = database
        .prepare('SELECT total(length(bytes)) AS bytes FROM bases JOIN images USING (token) WHERE list = ?')
        .get(list) as { bytes: number };
      const mostBytes = Math.max(LEAST_BYTES, snapshot.bytes * SHARE_OF_SNAPSHOT);
      if (blobs <= MOST_BLOBS && bytes <= mostBytes) return undefined;
      return Number(database.prepare('SELECT max(seq) AS seq FROM sweeps WHERE list = ?').get(list)?.['seq']);
    },
    stage(token, ordinal, chunks) {
      const insert = database.prepare("INSERT INTO images VALUES (?, ?, 'base', 0, 0, ?, ?)");
      inTransaction(database, () => {
        for (const [index, chunk] of chunks.entries()) insert.run(token, ordinal + index, chunk, now());
      });
    },
    commit(list, token, seq) {
      inTransaction(database, () => {
        const oldest = database.prepare('SELECT value FROM meta WHERE key = ?').get(oldestKey(list));
        if (seq < Number(oldest?.['value'] ?? 0)) return;
        deleteSnapshot(database, list);
        database.prepare('INSERT INTO bases VALUES (?, ?, ?)').run(list, token, seq);
      });
    },
    has: (list) => selectSnapshot.get(list) !== undefined,
    chunks: (list) => groupChunks(chunksOf(list), BYTES_PER_MESSAGE),
    since: (list) => stepsSince(database, list, seqOf(list)),
  };
}

/** The key in `meta` of the oldest sweep that a snapshot of a list may be as of. */
const oldestKey = (list: string) => `beginning of ${list}`;

function deleteSnapshot(database: Database, list: string): void {
  database.prepare('DELETE FROM images WHERE token = (SELECT token FROM bases WHERE list = ?)').run(list);
  database.prepare('DELETE FROM bases WHERE list = ?').run(list);
}

/**
 * Makes every snapshot of a list as of a sweep before `seq` invalid: deletes the one that is kept, and prevents the
 * commit of one that is being made. Within a transaction.
 */
export function endSnapshots(database: Database, list: string, seq: number): void {
  const kept = database.prepare('SELECT seq FROM bases WHERE list = ?').get(list)?.['seq'];
  if (Number(kept ?? seq) < seq) deleteSnapshot(database, list);
  database
    .prepare(
      `INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE
       SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))`,
    )
    .run(oldestKey(list), String(seq));
}
