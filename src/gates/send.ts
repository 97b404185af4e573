/**
 * The gate for callers who send with a function of their own: it checks the recipient, calls the function if a message
 * may be sent, and records an opt-out that the provider's reply shows.
 */

import type { CheckOptions } from '../decision.ts';
import { maskMsisdn } from '../msisdn/msisdn.ts';
import { callback, oneOf, optional, readFields, text } from '../options/fields.ts';
import { SendBlockedError } from '../send-blocked.ts';
import type { GateAccess } from './guard-access.ts';
import { isOptOutError, isOptOutReply } from './vonage-api/reply.ts';

/** The options of `send`. */
export interface SendOptions extends CheckOptions {
  /** `observe` allows a send that would be refused, and reports it. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

/**
 * Calls `send` if a message may be sent to `to`.
 *
 * @param send gets the number as digits. The provider's reply is read from its result, or from the `response`, `body`
 * or `cause` of the error that it throws. If the reply says that the person has opted out, the opt-out is stored before
 * the result is returned or the error is thrown on.
 * @returns the result of `send`.
 * @throws SendBlockedError if no message may be sent. `send` was not called then.
 * @throws ConfigError for invalid options.
 */
export async function sendThrough<T>(
  access: GateAccess,
  to: unknown,
  send: (to: string) => T | Promise<T>,
  options: SendOptions = {},
): Promise<T> {
  const { onBlocked, ...checkOptions } = readFields(options, 'send', {
    from: optional(text),
    purpose: optional(oneOf(['opt_out_confirmation'])),
    onBlocked: optional(oneOf(['reject', 'observe'])),
  });
  const callSend = callback<(to: string) => T | Promise<T>>()(send, 'send');
  const isObserved = onBlocked === 'observe';
  if (isObserved) access.remindObserving('send');
  const decision = access.decide(to, checkOptions);
  access.report(decision, { gate: 'send', isObserved });
  if (!decision.allowed && !isObserved) throw new SendBlockedError(decision, maskMsisdn(decision.to));
  // If the gate only observes, `send` gets an unreadable number as it was written.
  const msisdn = decision.to ?? String(to);
  const { from } = checkOptions;
  try {
    const result = await callSend(msisdn);
    if (isOptOutReply(result, msisdn)) await access.learn({ msisdn, from });
    return result;
  } catch (error) {
    if (isOptOutError(error, msisdn)) await access.learn({ msisdn, from });
    throw error;
  }
}
