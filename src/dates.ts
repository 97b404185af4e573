/** Times as lists and webhooks write them. Pure. */

const WRITTEN =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;

/** Days that every such month has. */
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Where `YYYY-MM-DD HH:MM:SS` has no digits, and what it has there. */
const MARKS = [4, 7, 10, 13, 16];
const MARK_CODES = Array.from('-- ::', (mark) => mark.charCodeAt(0));

/** The digits of `text` from one place up to another as a number; `NaN` where not all of them are digits. */
function digitsAt(text: string, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    sum = sum * 10 + digit;
  }
  return sum;
}

/** `YYYY-MM-DD HH:MM:SS`, as lists have it in every row; `undefined` for whatever may be written in another way. */
function readPlain(text: string): number | undefined {
  if (text.length !== 19) return undefined;
  for (let index = 0; index < MARKS.length; index++) {
    if (text.charCodeAt(MARKS[index] as number) !== MARK_CODES[index]) return undefined;
  }
  const month = digitsAt(text, 5, 7);
  const day = digitsAt(text, 8, 10);
  const hour = digitsAt(text, 11, 13);
  const minute = digitsAt(text, 14, 16);
  const second = digitsAt(text, 17, 19);
  const days = DAYS[month - 1] ?? 0;
  if (!(day > 0 && day <= days && hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  const time = Date.UTC(digitsAt(text, 0, 4), month - 1, day, hour, minute, second);
  return Number.isNaN(time) ? undefined : time;
}

/**
 * Reads ms, a `Date`, ISO 8601, or `YYYY-MM-DD HH:MM:SS` with any run of spaces; without a zone it is UTC.
 *
 * @returns ms UTC, or `undefined` where it is no time, such as the 30th of February.
 */
export function readTime(value: unknown): number | undefined {
  if (value instanceof Date) return readTime(value.getTime());
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string' || value.length > 64) return undefined;
  const plain = readPlain(value);
  if (plain !== undefined) return plain;
  const parts = WRITTEN.exec(value.trim());
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const ms = Math.floor(Number(`0.${parts[7] ?? 0}`) * 1000);
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const time = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  const read = new Date(Date.UTC(year, month - 1, day));
  const isOnCalendar = read.getUTCMonth() === month - 1 && read.getUTCDate() === day;
  return isOnCalendar ? time - offsetMs(parts[8]) : undefined;
}

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}
