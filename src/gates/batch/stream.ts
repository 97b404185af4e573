/**
 * The gate for campaigns of any size: a stream of rows in, those that may be sent to out, in their order and in
 * constant memory. It reads no faster than is taken from it, leaves other work its turn, and changes no row.
 */

import { Transform } from 'node:stream';
import type { Clock } from '../../clock.ts';
import type { BatchChecker, CheckOptions } from '../../decision.ts';
import { GuardError, type BlockedDecision } from '../../errors.ts';
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
import { AT_ONCE, createRowFilter, numberOf, type FilterReport, type RowFilter } from './row-filter.ts';
import {
  createCsvReader,
  withoutEnd,
  type CsvBatch,
  type CsvForm,
  type CsvHead,
  type CsvRow,
} from './csv.ts';

interface CampaignOptions extends Pick<CheckOptions, 'from'> {
  /** `fold` lets the first of several allowed rows with the same number pass and no other. Default `keep`. */
  readonly duplicates?: 'keep' | 'fold' | undefined;
  /** `observe` lets blocked and invalid rows pass, and reports them. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

/** The options of `filterStream` for objects. */
export interface RowStreamOptions<T> extends CampaignOptions {
  /** The number of a row; needed where rows are not numbers themselves. */
  readonly to?: ((row: T) => unknown) | undefined;
  /** Told of each row that is blocked or invalid. What it throws ends the stream. */
  readonly onRefused?: ((row: T, decision: BlockedDecision) => void) | undefined;
  readonly csv?: undefined;
}

/** The options of `filterStream` for the bytes of a CSV file. */
export interface CsvStreamOptions extends CampaignOptions {
  readonly csv: {
    /** Where the number is: a name that the header has, or a place from 0 on. */
    readonly column: string | number;
    /** Whether the first row is passed on and not judged. Default: where `column` is a name. */
    readonly header?: boolean | undefined;
    /** Default a comma. */
    readonly delimiter?: ',' | ';' | '\t' | undefined;
  };
  /** Told of each row that is blocked or invalid, without its line end. What it throws ends the stream. */
  readonly onRefused?: ((row: string, decision: BlockedDecision) => void) | undefined;
}

/** What `filterStream` returns. */
export type FilterStream = Transform & {
  /** What became of the rows up to now; of all of them once the stream has ended. */
  readonly report: FilterReport;
};

type OnRefused = (row: never, decision: BlockedDecision) => void;

const GATE = 'filterStream';
/** How long other work waits at most while rows of a chunk are judged, ms. */
const TURN_MS = 1;

/**
 * Creates the stream: of objects, or with `csv` of bytes.
 *
 * @throws ConfigError for options that cannot be used. A header without the column is an error of the stream.
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
  const sieve = createRowFilter(checker, {
    gate: GATE,
    from,
    isObserved: onBlocked === 'observe',
    isFolding: duplicates === 'fold',
  });
  const stream = csv
    ? csvStream(sieve, clock, csv, onRefused as CsvStreamOptions['onRefused'])
    : rowStream(sieve, to, onRefused as RowStreamOptions<unknown>['onRefused']);
  return Object.defineProperty(stream, 'report', { get: sieve.report }) as FilterStream;
}

const csvForm: Field<CsvForm> = (value, key) => {
  const { header, ...form } = readFields(value, key, {
    column: (column, at) =>
      typeof column === 'number' ? integer({ min: 0, max: 100_000 })(column, at) : text(column, at),
    header: optional(flag),
    delimiter: withDefault(',', oneOf([',', ';', '\t'])),
  });
  const isNamed = typeof form.column === 'string';
  if (isNamed && header === false) {
    return refuse(`${key}.header`, header, 'true, since only a header has names of columns');
  }
  return { ...form, header: header ?? isNamed };
};

function rowStream(
  sieve: RowFilter,
  to: ((row: unknown) => unknown) | undefined,
  onRefused: RowStreamOptions<unknown>['onRefused'],
): Transform {
  let rows: unknown[] = [];
  let count = 0;

  function sift(): void {
    const some = rows;
    rows = [];
    const numbers = to ? some.map((row) => numberOf(row, to)) : some;
    const rowNumbers = some.map(() => ++count);
    const passes = sieve.sift(
      numbers,
      rowNumbers,
      onRefused && ((place, why) => onRefused(some[place], why)),
    );
    for (const [place, row] of some.entries()) if (passes[place] === 1) stream.push(row);
  }

  const stream = new Transform({
    objectMode: true,
    writableHighWaterMark: 4 * AT_ONCE,
    readableHighWaterMark: AT_ONCE,
    transform(row, _encoding, done) {
      // Those that wait already are judged together with it, and nobody waits for others to come.
      if (rows.push(row) < AT_ONCE && stream.writableLength > 1) return done();
      const error = faultOf(sift);
      // The next ones gather meanwhile, and other work has its turn.
      if (error === undefined) setImmediate(done);
      else done(error);
    },
  });
  return stream;
}

function csvStream(
  sieve: RowFilter,
  clock: Clock,
  form: CsvForm,
  onRefused: CsvStreamOptions['onRefused'],
): Transform {
  const reader = createCsvReader(form, AT_ONCE);

  /** @returns what of it goes on. @throws GuardError `csv_unreadable`. */
  function sift(part: CsvBatch | CsvHead): readonly Buffer[] {
    if ('head' in part) {
      if (sieve.holdsListed(part.innerFields)) throw innerRow(1);
      return [part.head];
    }
    const { bytes, rows, fields, rowNumbers, innerFields } = part;
    const passes = sieve.sift(
      fields,
      rowNumbers,
      onRefused && ((place, decision) => onRefused(textOf(bytes, rows[place] as CsvRow), decision)),
    );
    for (const [place, inner] of innerFields) {
      if (passes[place] === 1 && sieve.holdsListed(inner)) throw innerRow(rowNumbers[place]);
    }
    return passing(bytes, rows, passes);
  }

  /** Judges rows for a turn, and goes on in the next one. */
  function work(steps: Iterator<CsvBatch | CsvHead, void>, done: (error?: Error) => void): void {
    let isDone: boolean | undefined;
    const error = faultOf(() => {
      const ready: Buffer[] = [];
      const end = clock.monotonic() + TURN_MS;
      do {
        const step = steps.next();
        isDone = step.done;
        if (step.value) ready.push(...sift(step.value));
      } while (!isDone && clock.monotonic() < end);
      if (ready.length > 0) stream.push(Buffer.concat(ready));
    });
    if (error !== undefined || isDone) done(error);
    else setImmediate(() => (stream.destroyed ? undefined : work(steps, done)));
  }

  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => work(reader.take(chunk), done),
    flush: (done) => work(reader.take(undefined), done),
  });
  return stream;
}

/** The bytes of the rows that pass; those that follow one another in one piece. */
function passing(bytes: Buffer, rows: readonly CsvRow[], passes: Uint8Array): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  let end = 0;
  for (const [place, row] of rows.entries()) {
    if (passes[place] !== 1) continue;
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
  return withoutEnd(bytes.toString('utf8', start, end));
}

/** A program that reads line by line would send to somebody whom the row itself does not name. */
function innerRow(rowNumber: number | undefined): GuardError {
  const message = `row ${rowNumber} has a line break inside a field, and the line behind it names somebody who opted out: remove that line break, since some programs end a row there`;
  return new GuardError('csv_unreadable', message);
}

/** Runs work. @returns what it threw, as an error. */
function faultOf(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error('onRefused failed', { cause: error });
  }
}
