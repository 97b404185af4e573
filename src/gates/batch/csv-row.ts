/**
 * Reads one row of a CSV file (RFC 4180). Outside quotes, a row ends at CR, LF or CRLF. The text has one character for
 * each byte of the file, so that positions in it are positions in the bytes. Pure.
 */

import { decodeUtf8 } from './csv-inner-lines.ts';

/** A row, by its position in the bytes that it was read from. */
export interface CsvRow {
  readonly start: number;
  /** The position after its line end. */
  readonly end: number;
  /** Whether it is an empty line, which does not count as a row. */
  readonly isEmpty: boolean;
  /** The value in the column; `undefined` if the row has too few fields, or text after a closing quote. */
  readonly field: string | undefined;
  /** Whether a field is quoted. */
  readonly hasQuotes: boolean;
}

const QUOTE = 34;
const LINE_FEED = 10;
const RETURN = 13;

/**
 * Reads one row.
 *
 * @param delimiter its character code.
 * @param column the index of the field to return; -1 for none.
 * @param isLast whether the file ends with the text.
 * @param allFields gets every field of the row.
 * @returns `undefined` if the row does not end within the text.
 */
export function readRow(
  text: string,
  start: number,
  delimiter: number,
  column: number,
  isLast: boolean,
  allFields?: string[],
): CsvRow | undefined {
  const { length } = text;
  let field: string | undefined;
  let hasValidQuotes = true;
  let hasQuotes = false;
  let at = start;
  for (let index = 0; ; index++) {
    const fieldStart = at;
    const isQuoted = text.charCodeAt(at) === QUOTE;
    if (isQuoted && (at = afterClosingQuote(text, at)) === 0) return undefined;
    hasQuotes ||= isQuoted;
    const afterQuote = at;
    while (at < length && !isFieldEnd(text.charCodeAt(at), delimiter)) at++;
    if (at === length && !isLast) return undefined;
    const fieldEnd = at;
    const isReturn = text.charCodeAt(at) === RETURN;
    // The line feed of a CRLF may be in the next piece of the file.
    if (isReturn && at + 1 === length && !isLast) return undefined;
    const isRowEnd = at === length || text.charCodeAt(at) !== delimiter;
    if (isReturn && text.charCodeAt(at + 1) === LINE_FEED) at++;
    if (isQuoted && fieldEnd > afterQuote) hasValidQuotes = false;
    if (index === column || allFields !== undefined) {
      const value = isQuoted
        ? text.slice(fieldStart + 1, afterQuote - 1).replaceAll('""', '"')
        : text.slice(fieldStart, fieldEnd);
      if (index === column) field = decodeUtf8(value);
      allFields?.push(decodeUtf8(value));
    }
    at = Math.min(at + 1, length);
    if (!isRowEnd) continue;
    const isEmpty = index === 0 && !isQuoted && fieldEnd === fieldStart;
    return { start, end: at, isEmpty, field: hasValidQuotes ? field : undefined, hasQuotes };
  }
}

function isFieldEnd(code: number, delimiter: number): boolean {
  return code === delimiter || code === LINE_FEED || code === RETURN;
}

/** Returns the position after the quote that closes the one at `open`; 0 if it is not closed. */
function afterClosingQuote(text: string, open: number): number {
  let at = text.indexOf('"', open + 1);
  // Two quotes are one quote of the value.
  while (at !== -1 && text.charCodeAt(at + 1) === QUOTE) at = text.indexOf('"', at + 2);
  return at + 1;
}

/** Whether a row has a CR or LF before its own line end. */
export function hasInnerLineEnd(text: string, { start, end }: CsvRow): boolean {
  const row = text.slice(start, end);
  const lineEndLength = row.endsWith('\r\n') ? 2 : Number(row.endsWith('\n') || row.endsWith('\r'));
  const isInside = (at: number) => at !== -1 && at < row.length - lineEndLength;
  return isInside(row.indexOf('\n')) || isInside(row.indexOf('\r'));
}

/** Returns a row without its line end. */
export function withoutLineEnd(row: string): string {
  return row.replace(/\r\n$|[\r\n]$/, '');
}
