/**
 * Finds the recipients of a `Request` by every way in which its body can be read. If two ways name different people, the
 * result is a problem: the guard cannot know which of them the handler takes.
 */

import { readingsOf, type Reading } from './body-readings.ts';
import { readBody, withBody } from './body.ts';
import { recipientsIn } from '../judging.ts';
import { problem, type Problem } from '../problem.ts';

/** A request whose body was read, and what it says. */
export interface TakenBody {
  /** The request for the handler: its body can be read. */
  readonly request: Request;
  readonly readings: readonly Reading[];
  /** Why there may be no recipient. */
  readonly missing: string;
}

/** A request whose body is over the limit. */
export interface LargeBody {
  /** Gives the body up. */
  readonly cancel: () => void;
  /** The request with all of its body, for a gate that only observes. */
  readonly whole: () => Request;
}

/** The recipients of a request. */
export interface Found {
  readonly recipients: readonly unknown[];
  readonly from: unknown;
  /** Where they stand in the body; `undefined` where there is none that can be read. */
  readonly reading: Reading | undefined;
}

/** The caller's functions. */
export interface Lookup {
  readonly to: (body: unknown, request: Request) => unknown;
  readonly from: (body: unknown, request: Request) => unknown;
}

/**
 * Reads the body of a request up to `maxBody` bytes.
 *
 * @throws what the body's stream fails with.
 */
export async function takeBody(request: Request, maxBody: number): Promise<TakenBody | LargeBody> {
  const body = await readBody(request, maxBody);
  switch (body.state) {
    case 'used':
      return unread(request, 'the body was read before the guard saw it: hand the request on unread');
    case 'none':
      return unread(request, 'the request has no body');
    case 'too_large':
      return { cancel: body.cancel, whole: () => withBody(request, body.stream()) };
    case 'read':
      return takenBody(withBody(request, body.bytes), body.bytes);
  }
}

/** What a body says that is there. */
export function takenBody(request: Request, bytes: Uint8Array): TakenBody {
  if (bytes.length === 0) return unread(request, 'the request has no body');
  const read = readingsOf(request.headers, bytes);
  if ('unread' in read) return unread(request, read.unread);
  return { request, readings: read.readings, missing: 'no recipient was found' };
}

function unread(request: Request, missing: string): TakenBody {
  return { request, readings: [], missing };
}

/**
 * Finds the recipients that all ways to read the body agree on.
 *
 * @returns none where no way finds any.
 * @throws what the caller's functions throw or reject with.
 */
export async function findRecipients(
  { request, readings }: TakenBody,
  lookup: Lookup,
): Promise<Problem | Found> {
  if (readings.length === 0) return lookUp(undefined, request, lookup);
  let chosen: Found | undefined;
  for (const reading of readings) {
    if (chosen === undefined && reading.role === 'check') continue;
    const found = reading.isUnlikely
      ? await lookUp(reading, request, lookup).catch(() => undefined)
      : await lookUp(reading, request, lookup);
    if (found === undefined || !isNaming(found)) continue;
    if (chosen !== undefined && written(chosen) !== written(found)) {
      return problem('ambiguous_recipient', AMBIGUOUS);
    }
    chosen ??= found;
  }
  return chosen ?? { recipients: [], from: undefined, reading: undefined };
}

const AMBIGUOUS =
  'the body names other recipients or another sender where it is read as JSON, as a form, or with the first of two values of one name: write it in one way only';

async function lookUp(reading: Reading | undefined, request: Request, lookup: Lookup): Promise<Found> {
  const body = reading?.body;
  const recipients = recipientsIn(await lookup.to(body, request));
  const from = recipients.length === 0 ? undefined : await lookup.from(body, request);
  return { recipients, from, reading };
}

/** No number has fewer. */
const FEWEST_DIGITS = 5;

/** Whether anybody is named; by an unlikely reading only where it looks like a number. */
function isNaming({ recipients, reading }: Found): boolean {
  if (reading?.isUnlikely !== true) return recipients.length > 0;
  return recipients.some((recipient) => String(recipient).replaceAll(/\P{Nd}/gu, '').length >= FEWEST_DIGITS);
}

/** Recipients and sender as text: a number is written as its digits. */
function written({ recipients, from }: Found): string {
  const sender = typeof from === 'string' ? from : undefined;
  return JSON.stringify([recipients.map((one) => (typeof one === 'number' ? String(one) : one)), sender]);
}
