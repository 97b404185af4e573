/**
 * Whole lists in the number set's own form, each as of a sweep: a quick way to load a long list, and nothing more. The
 * log of what came and left stays the truth; whoever takes something out of that log that is behind a base drops the
 * base first. Synchronous; it runs where the file is open.
 */

import type { NumbersStep } from '../store.ts';
import { severalOf } from './transfer-chunks.ts';
import type { Database } from './driver.ts';
import { decode } from './number-blobs.ts';
import { inTransaction } from './transaction.ts';

export interface BaseTable {
  /** The newest sweep of a list, where so much came and left since its base that a new one is worth its while. */
  dueAt(list: string): number | undefined;
  /** Keeps chunks under a token, the first of them at a place; they count with `commit`. */
  stage(token: string, ordinal: number, chunks: readonly Uint8Array[]): void;
  /** Puts a base in the place of a list's last one, unless earlier ones than `seq` have ended. */
  commit(list: string, token: string, seq: number): void;
  has(list: string): boolean;
  /** The chunks of a list's base, in order, some at a time. */
  chunks(list: string): Generator<Uint8Array[], void, undefined>;
  /** What came and left after a list's base, in order. @throws SnapshotError */
  since(list: string): Generator<NumbersStep, void, undefined>;
}

/** What may lie behind a base before there is a new one: images, and bytes beside those of the base. */
const MOST_IMAGES = 200;
const LEAST_BYTES = 262_144;
const MOST_BYTES_SHARE = 1 / 20;
/** Bytes of one message: to wake the other thread takes about as long as to read some chunks. */
const LOADED_AT_A_TIME = 1_048_576;

export function createBaseTable(database: Database, now: () => number): BaseTable {
  const selectBase = database.prepare('SELECT token, seq FROM bases WHERE list = ?');
  const seqOf = (list: string) => Number(selectBase.get(list)?.['seq'] ?? 0);

  function* chunksOf(list: string): Generator<Uint8Array, void, undefined> {
    const token = selectBase.get(list)?.['token'] ?? null;
    const select = database.prepare('SELECT bytes FROM images WHERE token = ? AND ordinal = ?');
    for (let ordinal = 0; ; ordinal++) {
      const bytes = select.get(token, ordinal)?.['bytes'];
      if (!(bytes instanceof Uint8Array)) return;
      yield bytes;
    }
  }

  return {
    dueAt(list) {
      const { images, bytes } = database
        .prepare(
          `SELECT count(*) AS images, total(length(bytes)) AS bytes FROM sweeps JOIN images USING (token)
           WHERE list = ? AND seq > ? AND kind <> 'missing'`,
        )
        .get(list, seqOf(list)) as { images: number; bytes: number };
      const kept = database
        .prepare('SELECT total(length(bytes)) AS bytes FROM bases JOIN images USING (token) WHERE list = ?')
        .get(list) as { bytes: number };
      if (images <= MOST_IMAGES && bytes <= Math.max(LEAST_BYTES, kept.bytes * MOST_BYTES_SHARE)) {
        return undefined;
      }
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
        const begun = database.prepare('SELECT value FROM meta WHERE key = ?').get(beginningOf(list));
        if (seq < Number(begun?.['value'] ?? 0)) return;
        dropBase(database, list);
        database.prepare('INSERT INTO bases VALUES (?, ?, ?)').run(list, token, seq);
      });
    },
    has: (list) => selectBase.get(list) !== undefined,
    chunks: (list) => severalOf(chunksOf(list), LOADED_AT_A_TIME),
    *since(list) {
      const steps = database
        .prepare(
          `SELECT images.token, images.ordinal, kind FROM sweeps JOIN images USING (token)
           WHERE list = ? AND seq > ? AND kind <> 'missing' ORDER BY seq, images.ordinal`,
        )
        .all(list, seqOf(list));
      const select = database.prepare('SELECT bytes FROM images WHERE token = ? AND ordinal = ?');
      for (const { token = null, ordinal = null, kind } of steps) {
        const numbers = decode(select.get(token, ordinal)?.['bytes']);
        yield { kind: kind as NumbersStep['kind'], numbers };
      }
    },
  };
}

const beginningOf = (list: string) => `beginning of ${list}`;

function dropBase(database: Database, list: string): void {
  database.prepare('DELETE FROM images WHERE token = (SELECT token FROM bases WHERE list = ?)').run(list);
  database.prepare('DELETE FROM bases WHERE list = ?').run(list);
}

/**
 * Notes that what the log tells of a list from the sweep `seq` on does not fit any earlier base: one that is kept is
 * forgotten, and one that is being made is not taken. Within a transaction.
 */
export function endBases(database: Database, list: string, seq: number): void {
  const kept = database.prepare('SELECT seq FROM bases WHERE list = ?').get(list)?.['seq'];
  if (Number(kept ?? seq) < seq) dropBase(database, list);
  database
    .prepare(
      `INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE
       SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))`,
    )
    .run(beginningOf(list), String(seq));
}
