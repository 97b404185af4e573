/**
 * When sweeps listed a number, and how that is forgotten: read from the same images that hold the list, so that
 * nothing in here may change which numbers they come to. Synchronous; it runs where the file is open.
 */

import { createNumberSet } from '../../number-set/number-set.ts';
import type { ListingSpan } from '../store.ts';
import { endBases } from './list-snapshots.ts';
import type { Database, SqlValue } from './driver.ts';
import { decode, encode } from './number-blobs.ts';
import { inTransaction } from './transaction.ts';

export interface SweepHistory {
  /** From when until when sweeps listed a number, newest first. @throws SnapshotError */
  spans(msisdn: string, list: string | undefined): ListingSpan[];
  /**
   * Forgets that numbers which were erased up to now were ever listed, but for the listing that still holds. What was
   * saved within the last minute goes with a later call: other processes may not have heard of it.
   */
  forgetErased(): void;
  /** Forgets numbers that came and left before `olderThan` (ms UTC), step by step. Yields how many. */
  prune(olderThan: number): Generator<number, void, undefined>;
}

/** How long other processes have to hear what a sweep removed, ms. One that was stopped for longer goes on blocking it. */
const HEARD_WITHIN_MS = 60_000;

/** A place in the images where a number came or left. */
interface Piece {
  readonly list: string;
  /** Of the sweep that tells it. */
  readonly seq: number;
  readonly token: string;
  readonly ordinal: number;
  readonly kind: 'added' | 'removed';
  /** When what it tells was so, ms UTC. */
  readonly at: number;
  readonly savedAt: number;
  /** Start of the last complete sweep that may have shown what left, ms UTC. */
  readonly lastSeenAt: number | null;
}

export function createSweepHistory(database: Database, now: () => number): SweepHistory {
  // Up to which erasure everything is forgotten.
  let forgottenTo = 0;

  /** Every place where a number came or left, in order. */
  function piecesOf(msisdn: number): Piece[] {
    return database
      .prepare(
        `SELECT list, seq, token, ordinal, kind, start, before_previous, is_complete, saved_at, bytes
         FROM sweeps JOIN images USING (token) WHERE low <= ? AND high >= ? AND kind <> 'missing'
         ORDER BY seq, ordinal`,
      )
      .all(msisdn, msisdn)
      .filter(({ bytes }) => decode(bytes).includes(msisdn))
      .map((row) => ({
        list: String(row['list']),
        seq: Number(row['seq']),
        token: String(row['token']),
        ordinal: Number(row['ordinal']),
        kind: row['kind'] as Piece['kind'],
        at: Number(row['is_complete'] === 1 ? row['start'] : row['saved_at']),
        savedAt: Number(row['saved_at']),
        lastSeenAt: row['before_previous'] === null ? null : Number(row['before_previous']),
      }));
  }

  /** When the number was last shown by the list that holds it, ms UTC. */
  function lastShown(list: string, msisdn: number): number | null {
    const newest = database
      .prepare('SELECT start, previous_start, token FROM sweeps WHERE list = ? ORDER BY seq DESC LIMIT 1')
      .get(list);
    const missing = database
      .prepare("SELECT bytes FROM images WHERE token = ? AND kind = 'missing' AND low <= ? AND high >= ?")
      .all(String(newest?.['token']), msisdn, msisdn);
    const isMissing = missing.some(({ bytes }) => decode(bytes).includes(msisdn));
    const start: SqlValue | undefined = newest?.[isMissing ? 'previous_start' : 'start'];
    return typeof start === 'number' ? start : null;
  }

  function spansOf(msisdn: number, list: string | undefined): ListingSpan[] {
    const erasedAt = Number(
      database.prepare('SELECT max(at) AS at FROM erasures WHERE msisdn = ?').get(msisdn)?.['at'] ??
        -Infinity,
    );
    const open = new Map<string, Piece>();
    const spans: ListingSpan[] = [];
    for (const piece of piecesOf(msisdn)) {
      if (list !== undefined && piece.list !== list) continue;
      const since = open.get(piece.list);
      if (piece.kind === 'added') {
        if (since === undefined) open.set(piece.list, piece);
      } else if (since !== undefined) {
        open.delete(piece.list);
        // Two complete sweeps have lacked it: the one that removed it and the one before.
        if (piece.savedAt > erasedAt) spans.push(spanOf(since, piece.lastSeenAt));
      }
    }
    for (const since of open.values()) spans.push(spanOf(since, lastShown(since.list, msisdn)));
    return spans.toSorted((a, b) => b.firstSeenAt - a.firstSeenAt);
  }

  /** Leaves `kept` of an image. */
  function rewrite({ token, ordinal }: Pick<Piece, 'token' | 'ordinal'>, kept: Float64Array): void {
    const place = 'WHERE token = ? AND ordinal = ?';
    if (kept.length === 0) {
      database.prepare(`DELETE FROM images ${place}`).run(token, ordinal);
      return;
    }
    const { bytes, low, high } = encode(kept);
    database
      .prepare(`UPDATE images SET low = ?, high = ?, bytes = ? ${place}`)
      .run(low, high, bytes, token, ordinal);
  }

  /** The numbers of an image; `undefined` where a sweep has taken its place. */
  function numbersOf({ token, ordinal }: Pick<Piece, 'token' | 'ordinal'>): Float64Array | undefined {
    const row = database
      .prepare('SELECT bytes FROM images WHERE token = ? AND ordinal = ?')
      .get(token, ordinal);
    return row && decode(row['bytes']);
  }

  /** Sweeps that tell nothing any more. The newest stays: it has the age of the list. */
  function dropEmpty(list: string): void {
    database
      .prepare(
        `DELETE FROM sweeps WHERE list = ? AND seq < (SELECT max(seq) FROM sweeps WHERE list = ?)
         AND token NOT IN (SELECT token FROM images)`,
      )
      .run(list, list);
  }

  /** Forgets the listings that ended before `erasedAt`, as far as they were saved before `heardBefore`. */
  function forget(msisdn: number, erasedAt: number, heardBefore: number): void {
    const everywhere = piecesOf(msisdn);
    for (const { list } of readLists(database)) {
      const pieces = everywhere.filter((piece) => piece.list === list);
      if (pieces.at(-1)?.kind !== 'added') {
        for (const table of ['listed_rows', 'listed']) {
          database.prepare(`DELETE FROM ${table} WHERE list = ? AND msisdn = ?`).run(list, msisdn);
        }
      }
      const end = pieces.findLastIndex(({ kind, savedAt }) => kind === 'removed' && savedAt <= erasedAt);
      const gone = pieces.slice(0, end + 1).filter(({ savedAt }) => savedAt < heardBefore);
      const [newest] = gone.slice(-1);
      if (newest) endBases(database, list, newest.seq);
      for (const piece of gone) {
        rewrite(piece, numbersOf(piece)?.filter((number) => number !== msisdn) ?? new Float64Array());
      }
      if (gone.length > 0) dropEmpty(list);
    }
  }

  function* pruneList(list: string, savedBefore: number): Generator<number, void, undefined> {
    const images = database
      .prepare(
        `SELECT seq, token, ordinal, kind FROM sweeps JOIN images USING (token)
         WHERE list = ? AND saved_at < ? AND kind <> 'missing' ORDER BY seq DESC, ordinal DESC`,
      )
      .all(list, savedBefore) as unknown as Piece[];
    const removals = images.filter(({ kind }) => kind === 'removed');
    if (removals.length === 0) return;
    // Backwards: what left later than it came. At every moment a number that left has nothing, or what removes it.
    const left = createNumberSet();
    for (const image of images) {
      if (image.kind === 'removed') {
        left.addBatch(numbersOf(image) ?? []);
        yield 0;
        continue;
      }
      yield inTransaction(database, () => {
        const numbers = numbersOf(image) ?? new Float64Array();
        const kept = numbers.filter((number) => !left.hasNumber(number));
        if (kept.length < numbers.length) rewrite(image, kept);
        return numbers.length - kept.length;
      });
    }
    inTransaction(database, () => {
      // What it holds would not leave it any more.
      endBases(database, list, removals[0]?.seq ?? 0);
      for (const image of removals) rewrite(image, new Float64Array());
      dropEmpty(list);
    });
  }

  return {
    spans: (msisdn, list) => spansOf(Number(msisdn), list),
    forgetErased() {
      const heardBefore = now() - HEARD_WITHIN_MS;
      const erased = database
        .prepare('SELECT seq, msisdn, at FROM erasures WHERE seq > ? ORDER BY seq')
        .all(forgottenTo);
      if (erased.length === 0) return;
      inTransaction(database, () => {
        for (const { msisdn, at } of erased) forget(Number(msisdn), Number(at), heardBefore);
      });
      const settled = erased.findLast(({ at }) => Number(at) < heardBefore);
      forgottenTo = Number(settled?.['seq'] ?? forgottenTo);
    },
    *prune(olderThan) {
      const savedBefore = Math.min(olderThan, now() - HEARD_WITHIN_MS);
      for (const { list } of readLists(database)) yield* pruneList(list, savedBefore);
    },
  };
}

function readLists(database: Database): readonly { readonly list: string }[] {
  return database.prepare('SELECT DISTINCT list FROM sweeps').all() as unknown as { list: string }[];
}

function spanOf({ list, at }: Piece, lastSeenAt: number | null): ListingSpan {
  return { list, firstSeenAt: at, lastSeenAt: Math.max(at, lastSeenAt ?? at) };
}
