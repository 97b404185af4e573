/** What other processes wrote behind a place, as the port tells it: in the order of the logs, in small messages. */

import type { StoreNews, SweepNews } from '../store.ts';
import type { OpenFile } from './engine.ts';
import type { LogCursor } from './log.ts';
import type { SweepStep } from './sweeps.ts';

const CHANGES_PER_MESSAGE = 2_000;

type News = Omit<StoreNews, 'cursor'>;

/** Tells all news. @returns the place behind them. */
export function readNews({ log, sweeps }: OpenFile, from: LogCursor, tell: (news: News) => void): LogCursor {
  const { msisdns: erased, seq: erasures } = log.erasedAfter(from.erasures);
  let changes = from.changes;
  for (let isFirst = true; ; isFirst = false) {
    const read = log.after(changes, CHANGES_PER_MESSAGE);
    changes = read.seq;
    const gone = isFirst ? erased : [];
    if (read.changes.length > 0 || gone.length > 0) tell({ changes: read.changes, erased: gone, sweeps: [] });
    if (read.changes.length < CHANGES_PER_MESSAGE) break;
  }
  const { steps, seq } = sweeps.after(from.sweeps);
  for (const step of steps) {
    for (const news of newsOf(step, sweeps)) tell({ changes: [], erased: [], sweeps: [news] });
  }
  return { changes, erasures, sweeps: seq };
}

/** The numbers first, under the age that the list had before; then the sweep itself. */
function* newsOf(
  { list, token, start, previousStart, heldSince }: SweepStep,
  sweeps: OpenFile['sweeps'],
): Generator<SweepNews> {
  const before = { list, start: previousStart, added: [], removed: [], rows: [] };
  for (const added of sweeps.images(token, 'added')) yield { ...before, added };
  for (const removed of sweeps.images(token, 'removed')) yield { ...before, removed };
  const missing = [...sweeps.images(token, 'missing')].flatMap((batch) => [...batch]);
  const rows = sweeps.rowsOf(list).filter((row) => row.start >= (previousStart ?? -Infinity));
  yield { ...before, start, missingOnce: missing, heldSince, rows };
}
