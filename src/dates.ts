/** Times as lists and webhooks write them. Pure. */

const WRITTEN =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * Reads ms, a `Date`, ISO 8601, or `YYYY-MM-DD HH:MM:SS` with any run of spaces; without a zone it is UTC.
 *
 * @returns ms UTC, or `undefined` where it is no time, such as the 30th of February.
 */
export function readTime(value: unknown): number | undefined {
  if (value instanceof Date) return readTime(value.getTime());
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string' || value.length > 64) return undefined;
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
