/**
 * The gate for whoever sends by a call of their own: it checks, lets the call happen, and learns from what that returns.
 */

import type { CheckOptions } from '../decision.ts';
import { SendBlockedError } from '../errors.ts';
import { maskMsisdn } from '../msisdn/msisdn.ts';
import { callback, oneOf, optional, readFields, text } from '../options/fields.ts';
import type { GateAccess } from './guard-access.ts';
import { errorTellsOptOut, tellsOptOut } from './vonage-api/reply.ts';

/** The options of `send`. */
export interface SendOptions extends CheckOptions {
  /** `observe` lets a send happen that would be refused, and reports it. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

/**
 * Runs `send` if a message may be sent to `to`, and not otherwise.
 *
 * @param send gets the number as digits. A reply of the provider that it returns, or throws as an error's `response` or
 * `cause`, is read: where it says that the person has opted out, that is kept before the result is handed on.
 * @returns what `send` returns.
 * @throws SendBlockedError where no message may be sent; `send` was not called then.
 * @throws ConfigError for options that cannot be used.
 */
export async function sendThrough<T>(
  access: GateAccess,
  to: unknown,
  send: (to: string) => T | Promise<T>,
  options: SendOptions = {},
): Promise<T> {
  const { onBlocked, ...asked } = readFields(options, 'send', {
    from: optional(text),
    purpose: optional(oneOf(['opt_out_confirmation'])),
    onBlocked: optional(oneOf(['reject', 'observe'])),
  });
  const run = callback<(to: string) => T | Promise<T>>()(send, 'send');
  const isObserved = onBlocked === 'observe';
  if (isObserved) access.remindObserving('send');
  const decision = access.decide(to, asked);
  access.report(decision, { gate: 'send', isObserved });
  if (!decision.allowed && !isObserved) throw new SendBlockedError(decision, maskMsisdn(decision.to));
  // A number that nobody can read is handed on as it is, where a send is only observed.
  const msisdn = decision.to ?? String(to);
  const { from } = asked;
  try {
    const result = await run(msisdn);
    if (tellsOptOut(result, msisdn)) await access.learn({ msisdn, from });
    return result;
  } catch (error) {
    if (errorTellsOptOut(error, msisdn)) await access.learn({ msisdn, from });
    throw error;
  }
}
