/**
 * The gate for campaigns of any size: a stream that gets rows and passes on those that may be sent to, in their order.
 * It uses constant memory unless duplicates are folded, applies backpressure, and does not block the event loop for
 * long. It changes no row.
 */

import { Transform } from 'node:stream';
import type { Clock } from '../../clock.ts';
import type { BatchChecker, CheckOptions } from '../../decision.ts';
import { GuardError } from '../../errors.ts';
import type { BlockedDecision } from '../../send-blocked.ts';
import {
  callback,
  flag,
  integer,
  oneOf,
  optional,
  readFields,
  refuse,
  text,
  withDefault,
  type Field,
} from '../../options/fields.ts';
import { withoutLineEnd, type CsvRow } from './csv-row.ts';
import { createCsvReader, type CsvBatch, type CsvForm, type CsvHead } from './csv.ts';
import { BATCH_SIZE, createRowFilter, numberOf, type FilterReport, type RowFilter } from './row-filter.ts';

interface CampaignOptions extends Pick<CheckOptions, 'from'> {
  /** With `fold`, only the first of several allowed rows of the same number passes. Default `keep`. */
  readonly duplicates?: 'keep' | 'fold' | undefined;
  /** `observe` allows blocked and invalid rows, and reports them. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

/** The options of `filterStream` for objects. */
export interface RowStreamOptions<T> extends CampaignOptions {
  /** Returns the number of a row. Required if the rows are not numbers themselves. */
  readonly to?: ((row: T) => unknown) | undefined;
  /** Called for each row that is blocked or invalid. If it throws, the stream ends with that error. */
  readonly onRefused?: ((row: T, decision: BlockedDecision) => void) | undefined;
  readonly csv?: undefined;
}

/** The options of `filterStream` for the bytes of a CSV file. */
export interface CsvStreamOptions extends CampaignOptions {
  readonly csv: {
    /** The column with the numbers: a name in the header, or an index from 0 on. */
    readonly column: string | number;
    /** Whether the first row is a header, which passes without a check. Default: `true` if `column` is a name. */
    readonly header?: boolean | undefined;
    /** The delimiter of fields. Default a comma. */
    readonly delimiter?: ',' | ';' | '\t' | undefined;
  };
  /**
   * Called for each row that is blocked or invalid, with the row as text, without its line end. If it throws, the
   * stream ends with that error.
   */
  readonly onRefused?: ((row: string, decision: BlockedDecision) => void) | undefined;
}

/** The stream that `filterStream` returns. */
export type FilterStream = Transform & {
  /** The results of the rows up to now; of all rows once the stream has ended. */
  readonly report: FilterReport;
};

type OnRefused = (row: never, decision: BlockedDecision) => void;

const GATE = 'filterStream';
/** How long the rows of a chunk are checked before other work gets its turn, ms. */
const TURN_MS = 1;

/**
 * Creates the stream: of objects, or, with `csv`, of bytes.
 *
 * @throws ConfigError for invalid options. If the header does not have the column, the stream ends with an error.
 */
export function createFilterStream<T>(
  checker: BatchChecker,
  clock: Clock,
  options: RowStreamOptions<T> | CsvStreamOptions = {},
): FilterStream {
  const { from, to, csv, duplicates, onBlocked, onRefused } = readFields(options, GATE, {
    from: optional(text),
    to: optional(callback<(row: unknown) => unknown>()),
    csv: optional(csvForm),
    duplicates: withDefault('keep', oneOf(['keep', 'fold'])),
    onBlocked: withDefault('reject', oneOf(['reject', 'observe'])),
    onRefused: optional(callback<OnRefused>()),
  });
  if (csv && to) return refuse(`${GATE}.to`, to, 'nothing, since csv.column says where the number is');
  const filter = createRowFilter(checker, {
    gate: GATE,
    from,
    isObserved: onBlocked === 'observe',
    isFolding: duplicates === 'fold',
  });
  const stream = csv
    ? csvStream(filter, clock, csv, onRefused as CsvStreamOptions['onRefused'])
    : rowStream(filter, to, onRefused as RowStreamOptions<unknown>['onRefused']);
  return Object.defineProperty(stream, 'report', { get: filter.report }) as FilterStream;
}

const csvForm: Field<CsvForm> = (value, key) => {
  const { header, column, delimiter } = readFields(value, key, {
    column: (given, at) =>
      typeof given === 'number' ? integer({ min: 0, max: 100_000 })(given, at) : text(given, at),
    header: optional(flag),
    delimiter: withDefault(',', oneOf([',', ';', '\t'])),
  });
  if (typeof column === 'number') return { column, delimiter, header: header ?? false };
  if (header === false) {
    return refuse(`${key}.header`, header, 'true, since only a header has names of columns');
  }
  return { column, delimiter, header: true };
};

function rowStream(
  filter: RowFilter,
  to: ((row: unknown) => unknown) | undefined,
  onRefused: RowStreamOptions<unknown>['onRefused'],
): Transform {
  /** Rows that wait to be checked. */
  let rows: unknown[] = [];
  let count = 0;

  /** Checks the waiting rows and passes on those that are allowed. */
  function checkRows(): void {
    const batch = rows;
    rows = [];
    const numbers = to ? batch.map((row) => numberOf(row, to)) : batch;
    const rowNumbers = batch.map(() => ++count);
    const passing = filter.check(
      numbers,
      rowNumbers,
      onRefused && ((index, decision) => onRefused(batch[index], decision)),
    );
    for (const [index, row] of batch.entries()) if (passing[index] === 1) stream.push(row);
  }

  const stream = new Transform({
    objectMode: true,
    writableHighWaterMark: 4 * BATCH_SIZE,
    readableHighWaterMark: BATCH_SIZE,
    transform(row, _encoding, done) {
      // Rows that are buffered already are checked in one batch. A batch never waits for rows that have not arrived.
      if (rows.push(row) < BATCH_SIZE && stream.writableLength > 1) return done();
      const error = errorOf(checkRows);
      // In the meantime more rows are buffered, and other work gets its turn.
      if (error === undefined) setImmediate(done);
      else done(error);
    },
  });
  return stream;
}

function csvStream(
  filter: RowFilter,
  clock: Clock,
  form: CsvForm,
  onRefused: CsvStreamOptions['onRefused'],
): Transform {
  const reader = createCsvReader(form, BATCH_SIZE);

  /** Checks a part of the file. @returns the bytes that pass. @throws GuardError `csv_unreadable`. */
  function checkPart(part: CsvBatch | CsvHead): readonly Buffer[] {
    if ('head' in part) {
      if (filter.hasOptedOut(part.innerFields)) throw innerRowError(1);
      return [part.head];
    }
    const { bytes, rows, fields, rowNumbers, innerFields } = part;
    const passing = filter.check(
      fields,
      rowNumbers,
      onRefused && ((index, decision) => onRefused(textOf(bytes, rows[index] as CsvRow), decision)),
    );
    for (const [index, inner] of innerFields) {
      if (passing[index] === 1 && filter.hasOptedOut(inner)) throw innerRowError(rowNumbers[index]);
    }
    return bytesOf(bytes, rows, passing);
  }

  /** Checks parts of the file for {@link TURN_MS}, and continues in the next turn of the event loop. */
  function checkParts(parts: Iterator<CsvBatch | CsvHead, void>, done: (error?: Error) => void): void {
    let isDone: boolean | undefined;
    const error = errorOf(() => {
      const ready: Buffer[] = [];
      const end = clock.monotonic() + TURN_MS;
      do {
        const step = parts.next();
        isDone = step.done;
        if (step.value) ready.push(...checkPart(step.value));
      } while (!isDone && clock.monotonic() < end);
      if (ready.length > 0) stream.push(Buffer.concat(ready));
    });
    if (error !== undefined || isDone) done(error);
    else setImmediate(() => (stream.destroyed ? undefined : checkParts(parts, done)));
  }

  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => checkParts(reader.take(chunk), done),
    flush: (done) => checkParts(reader.take(undefined), done),
  });
  return stream;
}

/** Returns the bytes of the rows that pass. Consecutive rows are one buffer. */
function bytesOf(bytes: Buffer, rows: readonly CsvRow[], passing: Uint8Array): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  let end = 0;
  for (const [index, row] of rows.entries()) {
    if (passing[index] !== 1) continue;
    if (row.start !== end) {
      if (end > start) pieces.push(bytes.subarray(start, end));
      ({ start } = row);
    }
    ({ end } = row);
  }
  if (end > start) pieces.push(bytes.subarray(start, end));
  return pieces;
}

function textOf(bytes: Buffer, { start, end }: CsvRow): string {
  return withoutLineEnd(bytes.toString('utf8', start, end));
}

/** Returns the error for a row that another program would read as several rows, one of a person who opted out. */
function innerRowError(rowNumber: number | undefined): GuardError {
  const message = `row ${rowNumber} has a line break inside a field, and the line behind it names somebody who opted out: remove that line break, since some programs end a row there`;
  return new GuardError('csv_unreadable', message);
}

/** Runs work. @returns the error that it threw. */
function errorOf(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error('onRefused failed', { cause: error });
  }
}
