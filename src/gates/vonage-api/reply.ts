/**
 * Detects an opt-out in the provider's reply to a send. Only one reply says that the recipient has opted out: status
 * 102 of the two-factor API. In the replies of other APIs the same status has another meaning, so a caller must know
 * which API it called.
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
export function isOptOutReply(reply: unknown, msisdn: string): boolean {
  try {
    const { messages } = (typeof reply === 'string' ? JSON.parse(reply) : reply) as { messages?: unknown };
    return Array.isArray(messages) && messages.some((message: unknown) => isRefused(message, msisdn));
  } catch {
    return false;
  }
}

/** Whether an error of a send contains such a reply. Clients keep the reply in a member of the error. Never throws. */
export function isOptOutError(error: unknown, msisdn: string): boolean {
  try {
    const { response, cause, body } = error as { response?: unknown; cause?: unknown; body?: unknown };
    const { data, body: responseBody } = (response ?? {}) as { data?: unknown; body?: unknown };
    return [error, response, data, responseBody, body, cause].some((reply) => isOptOutReply(reply, msisdn));
  } catch {
    // Any value can be thrown, also `null`.
    return false;
  }
}

function isRefused(message: unknown, msisdn: string): boolean {
  if (typeof message !== 'object' || message === null) return false;
  const { status, to } = message as { status?: unknown; to?: unknown };
  if (String(status) !== OPTED_OUT) return false;
  // If the reply names a recipient, it counts for that recipient only.
  return to === undefined || to === '' || isSameSubscriber(readMsisdn(to) ?? '', msisdn);
}
