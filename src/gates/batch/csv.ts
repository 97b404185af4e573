/**
 * Where the rows of a CSV file (RFC 4180) begin and end, and what one of their columns says. Outside quotes a row ends
 * at CR, LF or CRLF. It works on bytes as they come and changes none of them: a row that passes leaves as it was. It
 * holds no more than a row, decides nothing, and never guesses what a row with misplaced quotes was meant to be.
 */

import { ConfigError, GuardError } from '../../errors.ts';
import { decoded, hasRareBreak, innerFields } from './csv-inner-lines.ts';

/** How a file is written, and where its numbers stand. */
export interface CsvForm {
  /** A name that the header has, or a place from 0 on. */
  readonly column: string | number;
  readonly header: boolean;
  readonly delimiter: string;
}

/** A row by its places in the bytes that it was read from. */
export interface CsvRow {
  readonly start: number;
  /** After its line end. */
  readonly end: number;
  /** An empty line is no row of anybody. */
  readonly isEmpty: boolean;
  /** What the column says; `undefined` where the row is too short for it, or has text after a closing quote. */
  readonly field: string | undefined;
  /** Whether a field is quoted. */
  readonly hasQuotes: boolean;
}

/** Rows that follow one another. */
export interface CsvBatch {
  readonly bytes: Buffer;
  readonly rows: readonly CsvRow[];
  readonly fields: readonly (string | undefined)[];
  /** As a spreadsheet counts them: the header is row 1, and empty ones count. */
  readonly rowNumbers: readonly number[];
  /** For rows with line breaks inside, by their place: what the column says in each of these lines. */
  readonly innerFields: ReadonlyMap<number, readonly string[]>;
}

/** The bytes before the first row: byte order mark and header. They are passed on. */
export interface CsvHead {
  readonly head: Buffer;
  /** For a header with line breaks inside: what the column says in the lines behind the first one. */
  readonly innerFields: readonly string[];
}

export interface CsvReader {
  /**
   * Takes a piece of the file, and `undefined` at its end. Yields the rows that it completes, some at a time, and before
   * them the head.
   *
   * @throws ConfigError where the header lacks the column.
   * @throws GuardError `csv_unreadable`.
   */
  take(chunk: Buffer | undefined): Generator<CsvBatch | CsvHead, void, undefined>;
}

const QUOTE = 34;
const LINE_FEED = 10;
const RETURN = 13;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const WIDE_MARKS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];
const NOTHING = Buffer.alloc(0);
/** Bytes that are looked at together. */
const PIECE_BYTES = 65_536;
/** A row that is longer has an open quote, and would take in the rest of the file. */
const LONGEST_ROW_BYTES = 2 ** 20;

/** Begins to read a file, `atOnce` rows at a time. */
export function createCsvReader({ column, header, delimiter }: CsvForm, atOnce: number): CsvReader {
  const separator = delimiter.charCodeAt(0);
  let place = typeof column === 'number' ? column : -1;
  let rest: Buffer = NOTHING;
  let rowNumber = 0;
  let isBegun = false;
  let isHeaderDue = header;

  /** @returns the bytes of the mark at the beginning; `undefined` where there are too few to tell. */
  function begin(bytes: Buffer, isLast: boolean): number | undefined {
    if (bytes.length < BYTE_ORDER_MARK.length && !isLast) return undefined;
    isBegun = true;
    if (WIDE_MARKS.some((mark) => bytes.subarray(0, 2).equals(mark))) {
      throw new GuardError('csv_unreadable', 'the file is UTF-16: save it as UTF-8');
    }
    const hasMark = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    return hasMark ? BYTE_ORDER_MARK.length : 0;
  }

  /** @returns the header's row; `undefined` where it is not complete. */
  function readHeader(text: string, start: number, isLast: boolean): CsvRow | undefined {
    const names: string[] = [];
    const row = readRow(text, start, separator, -1, isLast, names);
    if (row === undefined) return undefined;
    if (typeof column === 'string') place = placeOf(column, names);
    isHeaderDue = false;
    rowNumber++;
    return row;
  }

  /** What the column says in the lines inside a row. */
  function inner(text: string, row: CsvRow, skipsFirst: boolean): readonly string[] {
    return innerFields(withoutEnd(text.slice(row.start, row.end)), place, delimiter, skipsFirst);
  }

  function* takePiece(piece: Buffer, isLast: boolean): Generator<CsvBatch | CsvHead, void, undefined> {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    rest = bytes;
    const first = isBegun ? 0 : begin(bytes, isLast);
    if (first === undefined) return;
    const text = bytes.toString('latin1');
    const headRow = isHeaderDue && first < bytes.length ? readHeader(text, first, isLast) : undefined;
    let at = headRow?.end ?? first;
    if (at > 0) {
      yield {
        head: bytes.subarray(0, at),
        innerFields: headRow === undefined ? [] : inner(text, headRow, true),
      };
    }
    const isRare = hasRareBreak(text);
    while (!isHeaderDue) {
      const { end, ...batch } = readBatch(bytes, text, at, isLast, isRare);
      if (end === at) break;
      at = end;
      yield batch;
    }
    rest = Buffer.from(bytes.subarray(at));
    if (rest.length > 0 && isLast) {
      throw new GuardError('csv_unreadable', `row ${rowNumber + 1} has a quote that is never closed`);
    }
    if (rest.length > LONGEST_ROW_BYTES) {
      const message = `row ${rowNumber + 1} is longer than ${LONGEST_ROW_BYTES} bytes: is there a quote that is never closed?`;
      throw new GuardError('csv_unreadable', message);
    }
  }

  function readBatch(
    bytes: Buffer,
    text: string,
    start: number,
    isLast: boolean,
    isRare: boolean,
  ): CsvBatch & { readonly end: number } {
    const rows: CsvRow[] = [];
    const fields: (string | undefined)[] = [];
    const rowNumbers: number[] = [];
    const innerOf = new Map<number, readonly string[]>();
    let at = start;
    while (rows.length < atOnce && at < text.length) {
      const row = readRow(text, at, separator, place, isLast);
      if (row === undefined) break;
      at = row.end;
      rowNumber++;
      if (row.isEmpty) continue;
      if (isRare || (row.hasQuotes && hasInnerEnd(text, row))) {
        // The row's own field is asked about with the row.
        const found = inner(text, row, false).filter((field) => field !== row.field);
        if (found.length > 0) innerOf.set(rows.length, found);
      }
      rows.push(row);
      fields.push(row.field);
      rowNumbers.push(rowNumber);
    }
    return { bytes, rows, fields, rowNumbers, innerFields: innerOf, end: at };
  }

  return {
    *take(chunk) {
      if (chunk === undefined) return yield* takePiece(NOTHING, true);
      for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
        yield* takePiece(chunk.subarray(from, from + PIECE_BYTES), false);
      }
    },
  };
}

/**
 * Reads one row.
 *
 * @param text the bytes, each of them as a character.
 * @param isLast whether nothing follows the text.
 * @param all gets every field of it.
 * @returns `undefined` where the row does not end within the text.
 */
function readRow(
  text: string,
  start: number,
  delimiter: number,
  column: number,
  isLast: boolean,
  all?: string[],
): CsvRow | undefined {
  const { length } = text;
  let field: string | undefined;
  let isSound = true;
  let hasQuotes = false;
  let at = start;
  for (let place = 0; ; place++) {
    const first = at;
    const isQuoted = text.charCodeAt(at) === QUOTE;
    if (isQuoted && (at = afterQuotes(text, at)) === 0) return undefined;
    hasQuotes ||= isQuoted;
    const tail = at;
    while (at < length && !isFieldEnd(text.charCodeAt(at), delimiter)) at++;
    if (at === length && !isLast) return undefined;
    const end = at;
    const isReturn = text.charCodeAt(at) === RETURN;
    // A line feed may follow in the next piece.
    if (isReturn && at + 1 === length && !isLast) return undefined;
    const isRowEnd = at === length || text.charCodeAt(at) !== delimiter;
    if (isReturn && text.charCodeAt(at + 1) === LINE_FEED) at++;
    if (isQuoted && end > tail) isSound = false;
    if (place === column || all !== undefined) {
      const read = isQuoted ? text.slice(first + 1, tail - 1).replaceAll('""', '"') : text.slice(first, end);
      if (place === column) field = decoded(read);
      all?.push(decoded(read));
    }
    at = Math.min(at + 1, length);
    if (!isRowEnd) continue;
    const isEmpty = place === 0 && !isQuoted && end === first;
    return { start, end: at, isEmpty, field: isSound ? field : undefined, hasQuotes };
  }
}

function isFieldEnd(code: number, delimiter: number): boolean {
  return code === delimiter || code === LINE_FEED || code === RETURN;
}

/** Whether CR or LF stands before the end of a row. */
function hasInnerEnd(text: string, { start, end }: CsvRow): boolean {
  const row = text.slice(start, end);
  const own = row.endsWith('\r\n') ? 2 : Number(row.endsWith('\n') || row.endsWith('\r'));
  const isInside = (at: number) => at !== -1 && at < row.length - own;
  return isInside(row.indexOf('\n')) || isInside(row.indexOf('\r'));
}

/** @returns the place after the quote that closes the one at `open`; 0 where there is none. */
function afterQuotes(text: string, open: number): number {
  let at = text.indexOf('"', open + 1);
  // Two of them stand for one.
  while (at !== -1 && text.charCodeAt(at + 1) === QUOTE) at = text.indexOf('"', at + 2);
  return at + 1;
}

/** A row without its line end. */
export function withoutEnd(row: string): string {
  return row.replace(/\r\n$|[\r\n]$/, '');
}

const SHOWN_COLUMNS = 20;
const SHOWN_LENGTH = 40;

/** @throws ConfigError where the column is not there once. */
function placeOf(column: string, names: readonly string[]): number {
  const clean = names.map((name) => name.trim());
  const place = clean.indexOf(column);
  if (place !== -1 && !clean.includes(column, place + 1)) return place;
  const shown = clean.slice(0, SHOWN_COLUMNS).map(shownName).join(', ');
  const count = clean.length > SHOWN_COLUMNS ? `${shown} and ${clean.length - SHOWN_COLUMNS} more` : shown;
  const message = `filterStream.csv.column: the header ${place === -1 ? 'has no such column' : 'has it twice'}; it has ${count}`;
  throw new ConfigError('invalid_option', 'filterStream.csv.column', message);
}

/** What stands in the first row of a file without a header may be somebody's number. */
function shownName(name: string): string {
  return /\d.*\d.*\d.*\d.*\d/s.test(name) ? '***' : `'${name.slice(0, SHOWN_LENGTH)}'`;
}
