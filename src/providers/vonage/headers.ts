/** What the headers of a provider's reply say. Pure. */

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A header's value; of several the first. */
export function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** `Retry-After` in seconds or as an HTTP date; ms from `now`. */
export function retryAfter(header: string | string[] | undefined, now: number): number | undefined {
  const value = firstOf(header);
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** As RFC 9110 writes a date today. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} (?!0|1\d)\d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * The provider's time by the `Date` of its reply, ms UTC. `undefined` where that is no date, and where the reply says
 * that it comes from a cache (`Age`).
 */
export function serverTimeOf(headers: Headers): number | undefined {
  const value = firstOf(headers['date'])?.trim() ?? '';
  if (Number(firstOf(headers['age']) ?? 0) !== 0 || !HTTP_DATE.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}
