/** Finds out when sweeps listed a number, from the same blobs that hold the list. Synchronous; runs in the worker. */

import type { ListingSpan } from '../store.ts';
import type { Database, SqlValue } from './driver.ts';
import { decode } from './number-blobs.ts';

/** The primary key of a blob. */
export interface BlobKey {
  readonly token: string;
  readonly ordinal: number;
}

/** One blob in which a number was added to a list or removed from it. */
export interface ListingChange extends BlobKey {
  readonly list: string;
  /** The row of its sweep. */
  readonly seq: number;
  readonly kind: 'added' | 'removed';
  /** Time of the change: the start of a complete sweep, else the time of the save. ms UTC. */
  readonly at: number;
  readonly savedAt: number;
  /** Start of the last complete sweep that may have listed a number that this one removed, ms UTC. */
  readonly lastSeenAt: number | null;
}

/** Returns every change of a number on every list, in order. @throws SnapshotError */
export function listingChanges(database: Database, msisdn: number): ListingChange[] {
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
      kind: row['kind'] as ListingChange['kind'],
      at: Number(row['is_complete'] === 1 ? row['start'] : row['saved_at']),
      savedAt: Number(row['saved_at']),
      lastSeenAt: row['before_previous'] === null ? null : Number(row['before_previous']),
    }));
}

/**
 * Returns when sweeps listed a number, newest first. Listings that ended before the number was erased are left out.
 *
 * @throws SnapshotError
 */
export function listingSpans(database: Database, msisdn: number, list: string | undefined): ListingSpan[] {
  const erasedAt = Number(
    database.prepare('SELECT max(at) AS at FROM erasures WHERE msisdn = ?').get(msisdn)?.['at'] ?? -Infinity,
  );
  /** The change that began the listing that holds, by list. */
  const open = new Map<string, ListingChange>();
  const spans: ListingSpan[] = [];
  for (const change of listingChanges(database, msisdn)) {
    if (list !== undefined && change.list !== list) continue;
    const since = open.get(change.list);
    if (change.kind === 'added') {
      if (since === undefined) open.set(change.list, change);
    } else if (since !== undefined) {
      open.delete(change.list);
      // Two complete sweeps lacked the number: the one that removed it and the one before.
      if (change.savedAt > erasedAt) spans.push(spanOf(since, change.lastSeenAt));
    }
  }
  for (const since of open.values()) spans.push(spanOf(since, lastListedAt(database, since.list, msisdn)));
  return spans.toSorted((a, b) => b.firstSeenAt - a.firstSeenAt);
}

/** Returns the start of the last complete sweep that listed a number of the list, ms UTC. */
function lastListedAt(database: Database, list: string, msisdn: number): number | null {
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

function spanOf({ list, at }: ListingChange, lastSeenAt: number | null): ListingSpan {
  return { list, firstSeenAt: at, lastSeenAt: Math.max(at, lastSeenAt ?? at) };
}
