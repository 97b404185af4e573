/** Reads entries and sweeps of other processes from the logs of a file, as small messages in the order of the logs. */

import type { LogEnd, SweepNews } from '../store.ts';
import { START, type LogCursor } from './log-cursor.ts';
import { readLogId } from './log-id.ts';
import type { TailMessage } from './messages.ts';
import type { OpenFile } from './open-file.ts';
import type { SweepStep } from './sweep-reader.ts';

const CHANGES_PER_MESSAGE = 2_000;
/** So few that the main thread processes a message without a noticeable pause. */
const NUMBERS_PER_MESSAGE = 4_096;
const ROWS_PER_MESSAGE = 2_000;

/**
 * Yields everything after a cursor, one message at a time. Other work may be done on the file between two messages. If
 * the file holds another log than the cursor, that log is read from its beginning, with the entries of this process:
 * they have other positions in it.
 *
 * @returns the cursor after the last message.
 * @throws SnapshotError if a sweep cannot be read
 */
export function* readTail(file: OpenFile, from: LogCursor): Generator<TailMessage, LogCursor, undefined> {
  let cursor = from;
  let includesOwn = false;
  // Each message is read in one transaction, because an erasure and the evidence that it left belong together.
  for (let isEnd = false; !isEnd;) {
    const read = inOneView(file, () => {
      const { id } = readLogId(file.database);
      if (cursor.log === id) return readEntries(file, cursor, includesOwn);
      // A thread that has just started has written nothing that the process knows at another position.
      includesOwn = cursor.log !== '';
      return readEntries(file, { ...START, log: id }, includesOwn);
    });
    ({ cursor, isEnd } = read);
    const { changes, erased } = read;
    if (changes.length > 0 || erased.length > 0) yield { changes, erased, sweeps: [], ...endOf(cursor) };
  }
  if (!file.isReadOnly) file.sweeps.numberEarlierSweeps();
  const { steps, seq } = file.sweeps.after(cursor.sweeps);
  for (const step of steps) {
    for (const part of partsOf(step, file.sweeps)) {
      yield { changes: [], erased: [], sweeps: [part], ...endOf(cursor) };
    }
    file.sweeps.noteKnown(step.list, step.token);
  }
  return { ...cursor, sweeps: seq };
}

/** Returns the end of what was read, in the form of the port. */
export const endOf = ({ log, changes }: LogCursor): LogEnd => ({ logId: log, position: changes });

/** Reads erasures and entries after a cursor. Of an erased number, all remaining evidence is among the changes. */
function readEntries({ log }: OpenFile, from: LogCursor, includesOwn: boolean) {
  const { msisdns: erased, seq: erasures } = log.erasedAfter(from.erasures);
  const { changes, seq, isEnd } = log.after(from.changes, CHANGES_PER_MESSAGE, includesOwn);
  const left = erased.flatMap((msisdn) => log.history(msisdn, undefined, undefined));
  const others = changes.filter(({ msisdn }) => !erased.includes(msisdn));
  return { changes: [...left, ...others], erased, isEnd, cursor: { ...from, changes: seq, erasures } };
}

/** Runs reads in one transaction, so that all of them see the same state of the file. */
function inOneView<T>({ database }: OpenFile, read: () => T): T {
  database.exec('BEGIN');
  try {
    return read();
  } finally {
    database.exec('COMMIT');
  }
}

/** Yields the parts of a sweep. All but the last have the number of the sweep before: numbers and rows come first. */
function* partsOf(
  { list, token, number, start, ageMs, heldMs, previous }: SweepStep,
  sweeps: OpenFile['sweeps'],
): Generator<SweepNews> {
  const before = { list, number: previous.number, start: previous.start, ageMs: previous.ageMs };
  const part = { ...before, added: [], removed: [], rows: [] };
  for (const added of slicesOf(sweeps.blobs(token, 'added'))) yield { ...part, added };
  for (const removed of slicesOf(sweeps.blobs(token, 'removed'))) yield { ...part, removed };
  const rows = sweeps.rowsOf(list).filter((row) => row.sweep >= previous.number);
  for (let from = 0; from < rows.length; from += ROWS_PER_MESSAGE) {
    yield { ...part, rows: rows.slice(from, from + ROWS_PER_MESSAGE) };
  }
  let isFirst = true;
  for (const numbers of slicesOf(sweeps.blobs(token, 'missing'))) {
    yield { ...part, missingOnce: { numbers, isFirst, isLast: false } };
    isFirst = false;
  }
  yield { ...part, number, start, ageMs, heldMs, missingOnce: { numbers: [], isFirst, isLast: true } };
}

function* slicesOf(batches: Iterable<Float64Array>): Generator<Float64Array> {
  for (const batch of batches) {
    for (let from = 0; from < batch.length; from += NUMBERS_PER_MESSAGE)
      yield batch.slice(from, from + NUMBERS_PER_MESSAGE);
  }
}
