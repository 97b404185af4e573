/** What other processes wrote behind a place, as the port tells it: in the order of the logs, in small messages. */

import type { StoreNews, SweepNews } from '../store.ts';
import type { OpenFile } from './engine.ts';
import type { LogCursor } from './log.ts';
import type { SweepStep } from './sweeps.ts';

const CHANGES_PER_MESSAGE = 2_000;

type News = Omit<StoreNews, 'cursor'>;

/** Tells all news. @returns the place behind them. @throws ImageError where a sweep cannot be read */
export function readNews(file: OpenFile, from: LogCursor, tell: (news: News) => void): LogCursor {
  const { log, sweeps, database } = file;
  let place = from;
  // Some at a time, each in one view of the file: who was erased, and all that is left, belong together.
  for (let isMore = true; isMore;) {
    database.exec('BEGIN');
    try {
      const { msisdns: erased, seq: erasures } = log.erasedAfter(place.erasures);
      const read = log.after(place.changes, CHANGES_PER_MESSAGE);
      const left = erased.flatMap((msisdn) => log.history(msisdn, undefined, undefined));
      const others = read.changes.filter(({ msisdn }) => !erased.includes(msisdn));
      if (others.length > 0 || erased.length > 0) tell({ changes: [...left, ...others], erased, sweeps: [] });
      place = { ...place, changes: read.seq, erasures };
      isMore = read.changes.length === CHANGES_PER_MESSAGE;
    } finally {
      database.exec('COMMIT');
    }
  }
  const { steps, seq } = sweeps.after(place.sweeps);
  for (const step of steps) {
    for (const news of newsOf(step, sweeps)) tell({ changes: [], erased: [], sweeps: [news] });
    sweeps.follow(step.list, step.token);
  }
  return { ...place, sweeps: seq };
}

/** The numbers first, under the age that the list had before; then the sweep itself. */
function* newsOf(
  { list, token, start, previousStart, heldSince }: SweepStep,
  sweeps: OpenFile['sweeps'],
): Generator<SweepNews> {
  const before = { list, start: previousStart, added: [], removed: [], rows: [] };
  for (const added of sweeps.images(token, 'added')) yield { ...before, added };
  for (const removed of sweeps.images(token, 'removed')) yield { ...before, removed };
  const missing = joined([...sweeps.images(token, 'missing')]);
  const rows = sweeps.rowsOf(list).filter((row) => row.start >= (previousStart ?? -Infinity));
  yield { ...before, start, missingOnce: missing, heldSince, rows };
}

function joined(batches: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(batches.reduce((length, batch) => length + batch.length, 0));
  let at = 0;
  for (const batch of batches) {
    all.set(batch, at);
    at += batch.length;
  }
  return all;
}
