/** What other processes wrote behind a place, as the port tells it: in the order of the logs, in small messages. */

import type { LogEnd, StoreNews, SweepNews } from '../store.ts';
import { START, type LogCursor } from './log-cursor.ts';
import { readLogId } from './log-id.ts';
import type { OpenFile } from './open-file.ts';
import type { SweepStep } from './sweep-log.ts';

const CHANGES_PER_MESSAGE = 2_000;
const NUMBERS_PER_MESSAGE = 4_096;
const ROWS_PER_MESSAGE = 2_000;

type News = Omit<StoreNews, 'cursor'>;

/**
 * All news, a message at a time; other work may be done on the file between two of them. If the file holds another log
 * than was read before, it is told from its beginning, with what this process wrote: that has positions there too.
 *
 * @returns the place behind them.
 * @throws SnapshotError if a sweep cannot be read
 */
export function* readNews(file: OpenFile, from: LogCursor): Generator<News, LogCursor, undefined> {
  let place = from;
  let includesOwn = false;
  // Some at a time, each in one view of the file: who was erased, and all that is left, belong together.
  for (let isEnd = false; !isEnd;) {
    const read = inOneView(file, () => {
      const { id } = readLogId(file.database);
      if (place.log === id) return readLog(file, place, includesOwn);
      // A thread that has just started has written nothing that the process knows under another position.
      includesOwn = place.log !== '';
      return readLog(file, { ...START, log: id }, includesOwn);
    });
    ({ place, isEnd } = read);
    const { changes, erased } = read;
    if (changes.length > 0 || erased.length > 0) yield { changes, erased, sweeps: [], ...endOf(place) };
  }
  if (!file.isReadOnly) file.sweeps.settle();
  const { steps, seq } = file.sweeps.after(place.sweeps);
  for (const step of steps) {
    for (const news of newsOf(step, file.sweeps)) {
      yield { changes: [], erased: [], sweeps: [news], ...endOf(place) };
    }
    file.sweeps.follow(step.list, step.token);
  }
  return { ...place, sweeps: seq };
}

/** The end of what was read, as the port has it. */
export const endOf = ({ log, changes }: LogCursor): LogEnd => ({ logId: log, position: changes });

function readLog({ log }: OpenFile, from: LogCursor, includesOwn: boolean) {
  const { msisdns: erased, seq: erasures } = log.erasedAfter(from.erasures);
  const { changes, seq, isEnd } = log.after(from.changes, CHANGES_PER_MESSAGE, includesOwn);
  const left = erased.flatMap((msisdn) => log.history(msisdn, undefined, undefined));
  const others = changes.filter(({ msisdn }) => !erased.includes(msisdn));
  return { changes: [...left, ...others], erased, isEnd, place: { ...from, changes: seq, erasures } };
}

function inOneView<T>({ database }: OpenFile, read: () => T): T {
  database.exec('BEGIN');
  try {
    return read();
  } finally {
    database.exec('COMMIT');
  }
}

/** Numbers and rows first, under the sweep that the list had before; the last part is the sweep itself. */
function* newsOf(
  { list, token, number, start, ageMs, heldMs, previous }: SweepStep,
  sweeps: OpenFile['sweeps'],
): Generator<SweepNews> {
  const before = { list, number: previous.number, start: previous.start, ageMs: previous.ageMs };
  const part = { ...before, added: [], removed: [], rows: [] };
  for (const added of inParts(sweeps.images(token, 'added'))) yield { ...part, added };
  for (const removed of inParts(sweeps.images(token, 'removed'))) yield { ...part, removed };
  const rows = sweeps.rowsOf(list).filter((row) => row.sweep >= previous.number);
  for (let at = 0; at < rows.length; at += ROWS_PER_MESSAGE) {
    yield { ...part, rows: rows.slice(at, at + ROWS_PER_MESSAGE) };
  }
  let isFirst = true;
  for (const numbers of inParts(sweeps.images(token, 'missing'))) {
    yield { ...part, missingOnce: { numbers, isFirst, isLast: false } };
    isFirst = false;
  }
  yield { ...part, number, start, ageMs, heldMs, missingOnce: { numbers: [], isFirst, isLast: true } };
}

/** So few at a time that whoever takes them in has no pause worth the name. */
function* inParts(batches: Iterable<Float64Array>): Generator<Float64Array> {
  for (const batch of batches) {
    for (let at = 0; at < batch.length; at += NUMBERS_PER_MESSAGE)
      yield batch.slice(at, at + NUMBERS_PER_MESSAGE);
  }
}
