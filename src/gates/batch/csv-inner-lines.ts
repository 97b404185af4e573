/**
 * Finds the lines inside one row of a CSV file. A field may hold line breaks, and programs disagree on where a line
 * ends: each line that one of them would read as a row of its own may name a recipient. Pure.
 */

/** A row as text, one character for each byte, without its own line end. */
type RowText = string;

// Bytes of UTF-8 as characters: vertical tab, form feed, the separators 0x1C to 0x1E, NEL; U+2028 and U+2029.
const RARE_BYTES = `\v\f${String.fromCharCode(0x1c, 0x1d, 0x1e)}\u0085`;
const UNICODE_ENDS = '\u00E2\u0080[\u00A8\u00A9]';
const RARE_BREAK = new RegExp(`[${RARE_BYTES}]|${UNICODE_ENDS}`);

/** Where a line ends, by the programs that read a file line by line. */
const LINE_ENDS: readonly RegExp[] = [
  // awk, grep, most shell tools.
  /\n/,
  // Python's text files, spreadsheets.
  /\r\n|[\r\n]/,
  // node:readline.
  new RegExp(`\r\n|[\r\n]|${UNICODE_ENDS}`),
  // Python's str.splitlines(); where a file is read as Latin-1, the byte 0x85 alone is NEL.
  new RegExp(`\r\n|\u00C2\u0085|[\r\n${RARE_BYTES}]|${UNICODE_ENDS}`),
];

/** Whether text holds a line break other than CR and LF: these may stand outside quotes as well. */
export function hasRareBreak(text: string): boolean {
  return RARE_BREAK.test(text);
}

/**
 * The fields in the number's column of every line inside a row, as some reader would find them.
 *
 * @param skipsFirst whether the first line is known to be no recipient: it is the header.
 * @returns those with a digit, without quotes and outer spaces; none for a row of one line.
 */
export function innerFields(
  row: RowText,
  column: number,
  delimiter: string,
  skipsFirst: boolean,
): readonly string[] {
  const fields = new Set<string>();
  for (const end of LINE_ENDS) {
    if (!end.test(row)) continue;
    const lines = row.split(end);
    for (const line of skipsFirst ? lines.slice(1) : lines) {
      fields.add(line.split(delimiter, column + 1)[column] ?? '');
      if (line.includes('"')) fields.add(quotedField(line, delimiter, column));
    }
  }
  return [...fields].map(bare).filter((field) => DIGIT.test(field));
}

const DIGIT = /\p{Nd}/u;

/** The field of a line whose quotes keep delimiters together; one that is not closed ends with the line. */
function quotedField(line: string, delimiter: string, column: number): string {
  let at = 0;
  for (let place = 0; at <= line.length; place++) {
    const start = at;
    if (line[at] === '"') {
      do at = endOf(line, '"', at + 1) + 1;
      while (line[at] === '"');
    }
    at = endOf(line, delimiter, at);
    if (place === column) return line.slice(start, at);
    at++;
  }
  return '';
}

function endOf(line: string, sought: string, from: number): number {
  const at = line.indexOf(sought, from);
  return at === -1 ? line.length : at;
}

function bare(field: string): string {
  return decoded(field).replaceAll('"', '').trim();
}

/** Reads bytes, each of them a character, as UTF-8. */
export function decoded(field: string): string {
  for (let index = 0; index < field.length; index++) {
    if (field.charCodeAt(index) > 127) return Buffer.from(field, 'latin1').toString();
  }
  return field;
}
