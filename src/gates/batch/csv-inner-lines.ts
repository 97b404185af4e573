/**
 * Finds the lines inside one row of a CSV file. A field may contain line breaks, and programs do not agree where a line
 * ends. Each line that one of these programs would read as a row may name a recipient. Pure.
 */

/** A row as text, with one character for each byte, and without its own line end. */
type RowText = string;

// Single bytes as characters: vertical tab, form feed, the separators 0x1C to 0x1E, and NEL of Latin-1.
const RARE_BYTES = `\v\f${String.fromCharCode(0x1c, 0x1d, 0x1e)}\u0085`;
// U+2028 and U+2029, by their bytes in UTF-8.
const UNICODE_ENDS = '\u00E2\u0080[\u00A8\u00A9]';
const RARE_BREAK = new RegExp(`[${RARE_BYTES}]|${UNICODE_ENDS}`);

/** The line ends of different programs that read a file line by line. */
const LINE_ENDS: readonly RegExp[] = [
  // awk, grep, most shell tools.
  /\n/,
  // Python's text files, spreadsheets.
  /\r\n|[\r\n]/,
  // node:readline.
  new RegExp(`\r\n|[\r\n]|${UNICODE_ENDS}`),
  // Python's str.splitlines(). If it reads a file as Latin-1, the byte 0x85 alone is NEL.
  new RegExp(`\r\n|\u00C2\u0085|[\r\n${RARE_BYTES}]|${UNICODE_ENDS}`),
];

/** Whether text has a line break other than CR and LF. Such a line break may also be outside quotes. */
export function hasRareBreak(text: string): boolean {
  return RARE_BREAK.test(text);
}

/**
 * Returns the values of a column in every line inside a row, as different programs would read them.
 *
 * @param skipsFirst whether to leave out the first line, since it is the header.
 * @returns the values that have a digit, without quotes and surrounding spaces; none for a row of one line.
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
  return [...fields].map(withoutQuotes).filter((field) => DIGIT.test(field));
}

const DIGIT = /\p{Nd}/u;

/** Returns a field of a line, whose quotes may contain delimiters. An unclosed quote ends with the line. */
function quotedField(line: string, delimiter: string, column: number): string {
  let at = 0;
  for (let index = 0; at <= line.length; index++) {
    const start = at;
    if (line[at] === '"') {
      do at = findOrEnd(line, '"', at + 1) + 1;
      while (line[at] === '"');
    }
    at = findOrEnd(line, delimiter, at);
    if (index === column) return line.slice(start, at);
    at++;
  }
  return '';
}

/** Returns the next position of a character; the end of the line if there is none. */
function findOrEnd(line: string, character: string, from: number): number {
  const at = line.indexOf(character, from);
  return at === -1 ? line.length : at;
}

function withoutQuotes(field: string): string {
  return decodeUtf8(field).replaceAll('"', '').trim();
}

/** Decodes UTF-8 from a text with one character for each byte. */
export function decodeUtf8(field: string): string {
  for (let index = 0; index < field.length; index++) {
    if (field.charCodeAt(index) > 127) return Buffer.from(field, 'latin1').toString();
  }
  return field;
}
