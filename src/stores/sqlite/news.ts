/** What other processes wrote behind a place, as the port tells it: in the order of the logs, in small messages. */

import type { StoreNews, SweepNews } from '../store.ts';
import type { OpenFile } from './engine.ts';
import type { LogCursor } from './log.ts';
import type { SweepStep } from './sweeps.ts';

const CHANGES_PER_MESSAGE = 2_000;
const NUMBERS_PER_MESSAGE = 4_096;
const ROWS_PER_MESSAGE = 2_000;

type News = Omit<StoreNews, 'cursor'>;

/**
 * All news, a message at a time; other work may be done on the file between two of them.
 *
 * @returns the place behind them.
 * @throws ImageError where a sweep cannot be read
 */
export function* readNews(file: OpenFile, from: LogCursor): Generator<News, LogCursor, undefined> {
  let place = from;
  // Some at a time, each in one view of the file: who was erased, and all that is left, belong together.
  for (let isMore = true; isMore;) {
    const { news, cursor, count } = inOneView(file, () => readLog(file, place));
    if (news.changes.length > 0 || news.erased.length > 0) yield news;
    place = cursor;
    isMore = count === CHANGES_PER_MESSAGE;
  }
  const { steps, seq } = file.sweeps.after(place.sweeps);
  for (const step of steps) {
    for (const news of newsOf(step, file.sweeps)) yield { changes: [], erased: [], sweeps: [news] };
    file.sweeps.follow(step.list, step.token);
  }
  return { ...place, sweeps: seq };
}

function readLog({ log }: OpenFile, place: LogCursor): { news: News; cursor: LogCursor; count: number } {
  const { msisdns: erased, seq: erasures } = log.erasedAfter(place.erasures);
  const { changes, seq } = log.after(place.changes, CHANGES_PER_MESSAGE);
  const left = erased.flatMap((msisdn) => log.history(msisdn, undefined, undefined));
  const others = changes.filter(({ msisdn }) => !erased.includes(msisdn));
  const news = { changes: [...left, ...others], erased, sweeps: [] };
  return { news, cursor: { ...place, changes: seq, erasures }, count: changes.length };
}

function inOneView<T>({ database }: OpenFile, read: () => T): T {
  database.exec('BEGIN');
  try {
    return read();
  } finally {
    database.exec('COMMIT');
  }
}

/** Numbers and rows first, under the age that the list had before; the last part is the sweep itself. */
function* newsOf(
  { list, token, start, previousStart, heldSince }: SweepStep,
  sweeps: OpenFile['sweeps'],
): Generator<SweepNews> {
  const before = { list, start: previousStart, added: [], removed: [], rows: [] };
  for (const added of inParts(sweeps.images(token, 'added'))) yield { ...before, added };
  for (const removed of inParts(sweeps.images(token, 'removed'))) yield { ...before, removed };
  const rows = sweeps.rowsOf(list).filter((row) => row.start >= (previousStart ?? -Infinity));
  for (let at = 0; at < rows.length; at += ROWS_PER_MESSAGE) {
    yield { ...before, rows: rows.slice(at, at + ROWS_PER_MESSAGE) };
  }
  let isFirst = true;
  for (const numbers of inParts(sweeps.images(token, 'missing'))) {
    yield { ...before, missingOnce: { numbers, isFirst, isLast: false } };
    isFirst = false;
  }
  yield { ...before, start, heldSince, missingOnce: { numbers: [], isFirst, isLast: true } };
}

/** So few at a time that whoever takes them in has no pause worth the name. */
function* inParts(batches: Iterable<Float64Array>): Generator<Float64Array> {
  for (const batch of batches) {
    for (let at = 0; at < batch.length; at += NUMBERS_PER_MESSAGE)
      yield batch.slice(at, at + NUMBERS_PER_MESSAGE);
  }
}
