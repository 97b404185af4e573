/** Reads the headers of a provider's reply. Pure. */

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Returns the value of a header; the first one of several. */
export function firstValue(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** Reads `Retry-After`, in seconds or as an HTTP date. @returns ms from `now` (ms UTC), never below 0. */
export function retryAfterMsOf(header: string | string[] | undefined, now: number): number | undefined {
  const value = firstValue(header);
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The date format that RFC 9110 prefers, from the year 2000 on. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} (?!0|1\d)\d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Returns the provider's time from the `Date` of its reply, ms UTC; `undefined` if `Date` is missing or no date, or if
 * the reply comes from a cache (`Age`).
 */
export function serverTimeOf(headers: Headers): number | undefined {
  const value = firstValue(headers['date'])?.trim() ?? '';
  if (Number(firstValue(headers['age']) ?? 0) !== 0 || !HTTP_DATE.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}
