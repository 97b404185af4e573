/**
 * Finds the recipients of a `Request` in every interpretation of its body. If two interpretations name different
 * recipients, the result is a problem: the guard cannot know which of them the handler uses.
 */

import { interpretBody, type Interpretation } from './body-interpretations.ts';
import { readBody, withBody } from './body.ts';
import { problem, type Problem } from '../problem.ts';
import { recipientsIn } from '../recipient-check.ts';

/** A request whose body was read and interpreted. */
export interface ParsedRequest {
  /** The request for the handler. Its body can still be read. */
  readonly request: Request;
  readonly interpretations: readonly Interpretation[];
  /** Why there may be no recipient. */
  readonly missing: string;
}

/** A request whose body is larger than the limit. */
export interface OversizedRequest {
  /** Cancels the body. */
  readonly cancel: () => void;
  /** Returns the request with its whole body, for a gate that only observes. */
  readonly withWholeBody: () => Request;
}

/** The recipients of a request. */
export interface FoundRecipients {
  readonly recipients: readonly unknown[];
  readonly from: unknown;
  /** The interpretation of the body that names them; `undefined` if no interpretation does. */
  readonly interpretation: Interpretation | undefined;
}

/** The caller's functions, or their defaults. */
export interface RecipientLookup {
  readonly to: (body: unknown, request: Request) => unknown;
  readonly from: (body: unknown, request: Request) => unknown;
}

/**
 * Reads the body of a request up to `maxBody` bytes and interprets it.
 *
 * @throws the error of the body's stream.
 */
export async function parseRequest(
  request: Request,
  maxBody: number,
): Promise<ParsedRequest | OversizedRequest> {
  const body = await readBody(request, maxBody);
  switch (body.state) {
    case 'used':
      return unparsed(request, 'the body was read before the guard saw it: hand the request on unread');
    case 'none':
      return unparsed(request, 'the request has no body');
    case 'too_large':
      return { cancel: body.cancel, withWholeBody: () => withBody(request, body.stream()) };
    case 'read':
      return parseBody(withBody(request, body.bytes), body.bytes);
  }
}

/** Interprets the bytes of a body. @param request has these bytes as its body, unread. */
export function parseBody(request: Request, bytes: Uint8Array): ParsedRequest {
  if (bytes.length === 0) return unparsed(request, 'the request has no body');
  const result = interpretBody(request.headers, bytes);
  if ('unread' in result) return unparsed(request, result.unread);
  return { request, interpretations: result.interpretations, missing: 'no recipient was found' };
}

function unparsed(request: Request, missing: string): ParsedRequest {
  return { request, interpretations: [], missing };
}

/**
 * Finds the recipients that all interpretations of the body agree on.
 *
 * @returns no recipients if no interpretation names any; a problem if two interpretations differ.
 * @throws the error of the caller's functions.
 */
export async function findRecipients(
  { request, interpretations }: ParsedRequest,
  lookup: RecipientLookup,
): Promise<Problem | FoundRecipients> {
  if (interpretations.length === 0) return lookUp(undefined, request, lookup);
  let chosen: FoundRecipients | undefined;
  for (const interpretation of interpretations) {
    if (chosen === undefined && interpretation.role === 'check') continue;
    const found = interpretation.isUnlikely
      ? await lookUp(interpretation, request, lookup).catch(() => undefined)
      : await lookUp(interpretation, request, lookup);
    if (found === undefined || !hasRecipient(found)) continue;
    if (chosen !== undefined && comparisonKey(chosen) !== comparisonKey(found)) {
      return problem('ambiguous_recipient', AMBIGUOUS);
    }
    chosen ??= found;
  }
  return chosen ?? { recipients: [], from: undefined, interpretation: undefined };
}

const AMBIGUOUS =
  'the body names other recipients or another sender where it is read as JSON, as a form, or with the first of two values of one name: write it in one way only';

async function lookUp(
  interpretation: Interpretation | undefined,
  request: Request,
  lookup: RecipientLookup,
): Promise<FoundRecipients> {
  const body = interpretation?.body;
  const recipients = recipientsIn(await lookup.to(body, request));
  const from = recipients.length === 0 ? undefined : await lookup.from(body, request);
  return { recipients, from, interpretation };
}

/** The fewest digits of a phone number. */
const MIN_DIGITS = 5;

/** Whether there is a recipient. In an unlikely interpretation it counts only if it looks like a phone number. */
function hasRecipient({ recipients, interpretation }: FoundRecipients): boolean {
  if (interpretation?.isUnlikely !== true) return recipients.length > 0;
  return recipients.some((recipient) => String(recipient).replaceAll(/\P{Nd}/gu, '').length >= MIN_DIGITS);
}

/** Returns recipients and sender as one text, to compare them. A recipient of type number equals its digits. */
function comparisonKey({ recipients, from }: FoundRecipients): string {
  const sender = typeof from === 'string' ? from : undefined;
  return JSON.stringify([recipients.map((one) => (typeof one === 'number' ? String(one) : one)), sender]);
}
