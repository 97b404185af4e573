/**
 * What the provider's reply to a send tells about its recipient. Only one reply does: that of the two-factor API with
 * status 102. The same word elsewhere means something else, so that whoever asks has to know what was called.
 */

import { isSameSubscriber } from '../../msisdn/equivalents.ts';
import { readMsisdn } from '../../msisdn/msisdn.ts';

/** The status of a message in a reply of the two-factor API whose recipient has opted out. */
const OPTED_OUT = '102';

/**
 * Whether a reply to a send to `msisdn` refuses it because that person has opted out. Never throws.
 *
 * @param reply `{ messages: [{ status, to }] }`, or JSON of that.
 */
export function tellsOptOut(reply: unknown, msisdn: string): boolean {
  try {
    const { messages } = (typeof reply === 'string' ? JSON.parse(reply) : reply) as { messages?: unknown };
    return Array.isArray(messages) && messages.some((message: unknown) => isRefused(message, msisdn));
  } catch {
    return false;
  }
}

/** Whether what a send threw says so: clients keep the provider's reply in a member of their error. Never throws. */
export function errorTellsOptOut(error: unknown, msisdn: string): boolean {
  try {
    const { response, cause, body } = error as { response?: unknown; cause?: unknown; body?: unknown };
    const { data, body: inner } = (response ?? {}) as { data?: unknown; body?: unknown };
    return [error, response, data, inner, body, cause].some((reply) => tellsOptOut(reply, msisdn));
  } catch {
    // Anything can be thrown, `null` too.
    return false;
  }
}

function isRefused(message: unknown, msisdn: string): boolean {
  if (typeof message !== 'object' || message === null) return false;
  const { status, to } = message as { status?: unknown; to?: unknown };
  if (String(status) !== OPTED_OUT) return false;
  // Where the reply names somebody, it is believed about nobody else.
  return to === undefined || to === '' || isSameSubscriber(readMsisdn(to) ?? '', msisdn);
}
