/**
 * Reads times as lists, webhooks and exports write them. Pure. It refuses forms with two meanings, such as
 * `01/02/2020`, days that are on no calendar, and dates before the year 2000.
 *
 * These forms are read: a `Date`; ms and seconds since 1970, as numbers or text; `YYYY-MM-DD`, alone or with `HH:MM`,
 * `HH:MM:SS` or fractions, with a `T` or any run of spaces between, and `Z`, `UTC`, `GMT`, `+HH`, `+HHMM` or `+HH:MM`
 * after it; RFC 2822 (`Wed, 01 Jan 2020 14:00:00 +0000`) and what JavaScript prints (`Wed Jan 01 2020 14:00:00
 * GMT+0000`).
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/**
 * Earlier times are mistakes: there were no opt-outs by text message, and programs write 1970 or 1900 if they know no
 * date.
 */
const EARLIEST = Date.UTC(2000, 0, 1);
/** A number of up to ten digits before its point is seconds, one of up to thirteen is milliseconds. */
const MAX_SECONDS = 9_999_999_999;
const MAX_MS = 9_999_999_999_999;
const MAX_LENGTH = 100;

/** A time as it was written. */
interface WrittenTime {
  /** The first instant that it can mean, ms UTC. A time without a zone is read as UTC. */
  readonly at: number;
  /** Its precision, ms: a day, a minute, a second or a millisecond. */
  readonly precisionMs: number;
  readonly hasZone: boolean;
}

/**
 * Reads a time of the provider. A time without a zone is UTC. A day without a time means its end: a later opt-out
 * blocks more.
 *
 * @param value a `Date`, ms, seconds, or text in one of the forms above.
 * @returns ms UTC; `undefined` if it is no time, such as the 30th of February.
 */
export function readTime(value: unknown): number | undefined {
  const plainTime = typeof value === 'string' ? readPlain(value) : undefined;
  if (plainTime !== undefined) return plainTime >= EARLIEST ? plainTime : undefined;
  const time = parseTime(value);
  return time && (time.precisionMs === DAY_MS ? time.at + DAY_MS - 1 : time.at);
}

/**
 * Reads a time as {@link readTime} does, except that a day without a time is not read: an opt-in needs an exact time.
 *
 * @returns ms UTC; `undefined` if it is no exact time.
 */
export function readInstant(value: unknown): number | undefined {
  const time = parseTime(value);
  return time === undefined || time.precisionMs === DAY_MS ? undefined : time.at;
}

/**
 * Returns the latest instant that a date can mean, for a date in a row of an import. A day without a time, a minute or
 * a second means its end. A time without a zone is read as the last zone on earth, UTC-12.
 *
 * @param value as for {@link readTime}.
 * @returns ms UTC; `undefined` if it is no date.
 */
export function latestInstantOf(value: unknown): number | undefined {
  const time = parseTime(value);
  return time && time.at + time.precisionMs - 1 + (time.hasZone ? 0 : LAST_ZONE_MS);
}

/** The last zone on earth is 12 hours behind UTC. */
const LAST_ZONE_MS = 12 * HOUR_MS;

function parseTime(value: unknown): WrittenTime | undefined {
  const time = value instanceof Date ? instant(value.getTime(), 1) : readAny(value);
  return time !== undefined && time.at >= EARLIEST ? time : undefined;
}

function readAny(value: unknown): WrittenTime | undefined {
  if (typeof value === 'number') return readEpoch(value);
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return undefined;
  const text = value.replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '').trim();
  return /^\d{9,13}(?:\.\d+)?$/.test(text) ? readEpoch(Number(text)) : readWords(text);
}

const instant = (at: number, precisionMs: number): WrittenTime => ({ at, precisionMs, hasZone: true });

function readEpoch(value: number): WrittenTime | undefined {
  if (value * 1000 >= EARLIEST && value <= MAX_SECONDS) {
    return instant(Math.floor(value * 1000), Number.isInteger(value) ? 1000 : 1);
  }
  return value >= EARLIEST && value <= MAX_MS ? instant(Math.floor(value), 1) : undefined;
}

const TIME = String.raw`(?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d{1,9}))?)?`;
const ZONE = String.raw`(?<zone>Z|U(?:TC?)|[ECMP][SD]T|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?|GMT)`;
const WEEKDAY = String.raw`(?:(?<weekday>Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?`;
const MONTH = '(?<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const WITH_TIME = String.raw`(?:\s+${TIME}\s*${ZONE}?(?:\s*\([\w\s]*\))?)?`;

const FORMS = [
  String.raw`(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})(?:[T\s]+${TIME})?\s*${ZONE}?`,
  String.raw`${WEEKDAY}(?<day>\d{1,2})\s+${MONTH}\s+(?<year>\d{4})${WITH_TIME}`,
  String.raw`${WEEKDAY}${MONTH}\s+(?<day>\d{1,2})\s+(?<year>\d{4})${WITH_TIME}`,
].map((form) => new RegExp(`^${form}$`, 'i'));

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

function readWords(text: string): WrittenTime | undefined {
  const parts = FORMS.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (parts === undefined) return undefined;
  const { name, weekday, hour, second, fraction, zone } = parts;
  const month = name === undefined ? Number(parts['month']) - 1 : MONTHS.indexOf(name.toLowerCase());
  const start = Date.UTC(Number(parts['year']), month, Number(parts['day']));
  const day = new Date(start);
  const isOnCalendar = day.getUTCMonth() === month && day.getUTCDate() === Number(parts['day']);
  if (!isOnCalendar || (weekday && WEEKDAYS[day.getUTCDay()] !== weekday.toLowerCase())) return undefined;
  const offset = zone === undefined ? 0 : offsetMs(zone);
  // In `2020-01-01-05` the last number may be an hour.
  if (offset === undefined || (hour === undefined && /^[+-]\d{2}$/.test(zone ?? ''))) return undefined;
  const hasZone = zone !== undefined;
  if (hour === undefined) return { at: start - offset, precisionMs: DAY_MS, hasZone };
  const [h, m, s] = [Number(hour), Number(parts['minute']), Number(second ?? 0)];
  if (h > 23 || m > 59 || s > 60) return undefined;
  const ms = Math.floor(Number(`0.${fraction ?? 0}`) * 1000);
  const precisionMs = second === undefined ? 60_000 : 10 ** Math.max(0, 3 - (fraction?.length ?? 0));
  return { at: start + ((h * 60 + m) * 60 + s) * 1000 + ms - offset, precisionMs, hasZone };
}

/** How many hours the zones of RFC 2822 are ahead of UTC. */
const ZONE_HOURS: Readonly<Record<string, number>> = {
  ...{ EST: -5, EDT: -4, CST: -6, CDT: -5, MST: -7, MDT: -6, PST: -8, PDT: -7 },
};

/** Returns how far a zone is ahead of UTC, ms; `undefined` for an offset that no zone has. */
function offsetMs(zone: string): number | undefined {
  const [, sign, hours, minutes = '0'] = /([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  if (sign === undefined) return (ZONE_HOURS[zone.toUpperCase()] ?? 0) * HOUR_MS;
  if (Number(hours) > 14 || Number(minutes) > 59) return undefined;
  const offset = Number(hours) * HOUR_MS + Number(minutes) * 60_000;
  return sign === '-' ? -offset : offset;
}

/** The days that each month has in every year: the 29th of February is read by the general form. */
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The indexes at which `YYYY-MM-DD HH:MM:SS` has separators, and their character codes. */
const SEPARATORS = [4, 7, 10, 13, 16];
const SEPARATOR_CODES = Array.from('-- ::', (separator) => separator.charCodeAt(0));

/** Reads the digits of `text` from one index up to another (excluded) as a number; `NaN` if one of them is no digit. */
function digitsAt(text: string, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    sum = sum * 10 + digit;
  }
  return sum;
}

/**
 * Reads `YYYY-MM-DD HH:MM:SS`, as every row of a list has it; `undefined` for other text, which may be a time all the
 * same.
 */
function readPlain(text: string): number | undefined {
  if (text.length !== 19) return undefined;
  for (let index = 0; index < SEPARATORS.length; index++) {
    if (text.charCodeAt(SEPARATORS[index] as number) !== SEPARATOR_CODES[index]) return undefined;
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
