/**
 * Splits a CSV file (RFC 4180) into rows and reads one of its columns. It gets the bytes in pieces of any size, changes
 * none of them, and buffers at most one incomplete row. If the quotes of a row are misplaced, it does not guess what
 * the row means.
 */

import { ConfigError, GuardError } from '../../errors.ts';
import { hasRareBreak, innerFields } from './csv-inner-lines.ts';
import { hasInnerLineEnd, readRow, withoutLineEnd, type CsvRow } from './csv-row.ts';

/** How a file is written, and which column has the numbers: a name in the header, or an index from 0 on. */
export type CsvForm = { readonly delimiter: string } & (
  { readonly column: string; readonly header: true } | { readonly column: number; readonly header: boolean }
);

/** Consecutive rows. The arrays have one item for each row. */
export interface CsvBatch {
  /** The bytes that the positions of the rows refer to. */
  readonly bytes: Buffer;
  readonly rows: readonly CsvRow[];
  readonly fields: readonly (string | undefined)[];
  /** The numbers of the rows, as a spreadsheet counts them: the header is row 1, and empty lines count. */
  readonly rowNumbers: readonly number[];
  /** For rows with inner line breaks, by their index: the values of the column in each of these lines. */
  readonly innerFields: ReadonlyMap<number, readonly string[]>;
}

/** The bytes before the first row: byte order mark and header. They are passed on. */
export interface CsvHead {
  readonly head: Buffer;
  /** For a header with inner line breaks: the values of the column in the lines after the first one. */
  readonly innerFields: readonly string[];
}

type CsvParts = Generator<CsvBatch | CsvHead, void, undefined>;

export interface CsvReader {
  /**
   * Reads a chunk of the file; `undefined` is its end. Yields the head, and then batches of the rows that are complete.
   *
   * @throws ConfigError if the header does not have the column exactly once.
   * @throws GuardError `csv_unreadable`.
   */
  take(chunk: Buffer | undefined): CsvParts;
}

/** The next input that the reader expects: the start of the file, the header, or rows. */
type ReaderState =
  | { readonly expects: 'start' }
  | { readonly expects: 'header' }
  | { readonly expects: 'rows'; readonly column: number };

/** Bytes that are parsed together. */
interface Piece {
  readonly bytes: Buffer;
  /** The bytes, each as one character. */
  readonly text: string;
  /** Whether the file ends with this piece. */
  readonly isLast: boolean;
}

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const UTF_16_MARKS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];
const NOTHING = Buffer.alloc(0);
/** The largest part of a chunk that is parsed together. */
const PIECE_BYTES = 65_536;
/** A longer row probably has an unclosed quote, and would include the rest of the file. */
const LONGEST_ROW_BYTES = 2 ** 20;

/** Creates a reader of one file, with batches of at most `batchSize` rows. */
export function createCsvReader(form: CsvForm, batchSize: number): CsvReader {
  let state: ReaderState = { expects: 'start' };
  /** The bytes of the incomplete row. */
  let rest: Buffer = NOTHING;
  /** The number of the last row that was read. */
  let rowNumber = 0;

  function* readPiece(added: Buffer, isLast: boolean): CsvParts {
    const bytes = rest.length === 0 ? added : Buffer.concat([rest, added]);
    rest = bytes;
    const markBytes = state.expects === 'start' ? markLength(bytes, isLast) : 0;
    if (markBytes === undefined) return;
    if (state.expects === 'start') {
      state = form.header ? { expects: 'header' } : { expects: 'rows', column: form.column };
    }
    const piece = { bytes, text: bytes.toString('latin1'), isLast };
    const header =
      state.expects === 'header' && markBytes < bytes.length ? readHeader(piece, markBytes, form) : undefined;
    if (header !== undefined) {
      state = { expects: 'rows', column: header.column };
      rowNumber++;
    }
    let at = header?.end ?? markBytes;
    if (at > 0) yield { head: bytes.subarray(0, at), innerFields: header?.innerFields ?? [] };
    if (state.expects === 'rows') at = yield* readRows(piece, at, state.column);
    rest = Buffer.from(bytes.subarray(at));
    checkRest(rest, rowNumber + 1, isLast);
  }

  /** @returns the position after the last complete row. */
  function* readRows(piece: Piece, start: number, column: number): Generator<CsvBatch, number, undefined> {
    const hasRareBreaks = hasRareBreak(piece.text);
    for (let at = start; ;) {
      const { end, lastRowNumber, batch } = readBatch(piece, at, column, hasRareBreaks);
      if (end === at) return at;
      at = end;
      rowNumber = lastRowNumber;
      yield batch;
    }
  }

  function readBatch({ bytes, text, isLast }: Piece, start: number, column: number, hasRareBreaks: boolean) {
    const separator = form.delimiter.charCodeAt(0);
    const rows: CsvRow[] = [];
    const fields: (string | undefined)[] = [];
    const rowNumbers: number[] = [];
    const innerByRow = new Map<number, readonly string[]>();
    let end = start;
    let lastRowNumber = rowNumber;
    while (rows.length < batchSize && end < text.length) {
      const row = readRow(text, end, separator, column, isLast);
      if (row === undefined) break;
      ({ end } = row);
      lastRowNumber++;
      if (row.isEmpty) continue;
      if (hasRareBreaks || (row.hasQuotes && hasInnerLineEnd(text, row))) {
        const inner = innerFields(rowText(text, row), column, form.delimiter, false);
        // The row's own value is checked with the row.
        const others = inner.filter((field) => field !== row.field);
        if (others.length > 0) innerByRow.set(rows.length, others);
      }
      rows.push(row);
      fields.push(row.field);
      rowNumbers.push(lastRowNumber);
    }
    const batch: CsvBatch = { bytes, rows, fields, rowNumbers, innerFields: innerByRow };
    return { end, lastRowNumber, batch };
  }

  return {
    *take(chunk) {
      if (chunk === undefined) return yield* readPiece(NOTHING, true);
      for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
        yield* readPiece(chunk.subarray(from, from + PIECE_BYTES), false);
      }
    },
  };
}

/**
 * Returns the length of the byte order mark at the start of a file, 0 if it has none; `undefined` if there are too few
 * bytes to know.
 *
 * @throws GuardError `csv_unreadable` if the file is UTF-16.
 */
function markLength(bytes: Buffer, isLast: boolean): number | undefined {
  if (bytes.length < BYTE_ORDER_MARK.length && !isLast) return undefined;
  if (UTF_16_MARKS.some((mark) => bytes.subarray(0, 2).equals(mark))) {
    throw new GuardError('csv_unreadable', 'the file is UTF-16: save it as UTF-8');
  }
  const hasMark = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return hasMark ? BYTE_ORDER_MARK.length : 0;
}

interface Header {
  readonly end: number;
  /** The index of the column with the numbers. */
  readonly column: number;
  readonly innerFields: readonly string[];
}

/** Reads the header. @returns `undefined` if it is not complete. */
function readHeader({ text, isLast }: Piece, start: number, form: CsvForm): Header | undefined {
  const names: string[] = [];
  const row = readRow(text, start, form.delimiter.charCodeAt(0), -1, isLast, names);
  if (row === undefined) return undefined;
  const column = typeof form.column === 'string' ? columnIndex(form.column, names) : form.column;
  return {
    end: row.end,
    column,
    innerFields: innerFields(rowText(text, row), column, form.delimiter, true),
  };
}

/** Returns a row as text, without its line end. */
function rowText(text: string, { start, end }: CsvRow): string {
  return withoutLineEnd(text.slice(start, end));
}

/** @throws GuardError `csv_unreadable` if the incomplete row is too long, or if the file ends in it. */
function checkRest(rest: Buffer, rowNumber: number, isLast: boolean): void {
  if (rest.length > 0 && isLast) {
    throw new GuardError('csv_unreadable', `row ${rowNumber} has a quote that is never closed`);
  }
  if (rest.length > LONGEST_ROW_BYTES) {
    const message = `row ${rowNumber} is longer than ${LONGEST_ROW_BYTES} bytes: is there a quote that is never closed?`;
    throw new GuardError('csv_unreadable', message);
  }
}

/** The most names of columns in an error message, and the most characters of a name. */
const SHOWN_COLUMNS = 20;
const SHOWN_LENGTH = 40;

/** Returns the index of a column. @throws ConfigError if the header does not have it exactly once. */
function columnIndex(column: string, header: readonly string[]): number {
  const names = header.map((name) => name.trim());
  const index = names.indexOf(column);
  if (index !== -1 && !names.includes(column, index + 1)) return index;
  const shown = names.slice(0, SHOWN_COLUMNS).map(shownName).join(', ');
  const list = names.length > SHOWN_COLUMNS ? `${shown} and ${names.length - SHOWN_COLUMNS} more` : shown;
  const message = `filterStream.csv.column: the header ${index === -1 ? 'has no such column' : 'has it twice'}; it has ${list}`;
  throw new ConfigError('invalid_option', 'filterStream.csv.column', message);
}

/** Returns a name for an error message. If the file has no header, the name may be a phone number, which is masked. */
function shownName(name: string): string {
  return /\d.*\d.*\d.*\d.*\d/s.test(name) ? '***' : `'${name.slice(0, SHOWN_LENGTH)}'`;
}
