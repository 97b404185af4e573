/**
 * The gate for many recipients at once: it parts them into those that may be sent to and the rest. Order is kept,
 * nothing is dropped, nothing is sent.
 */

import type { Checker, CheckOptions, Decision } from '../decision.ts';
import { callback, readFields, refuse, optional, text } from '../option-fields.ts';

/** The options of `filter`. */
export interface FilterOptions<T> extends Pick<CheckOptions, 'from'> {
  /** The number of a recipient; needed where recipients are not numbers themselves. */
  readonly to?: (item: T) => unknown;
}

/** What `filter` returns: every item is in exactly one of the three. */
export interface FilterResult<T> {
  readonly allowed: T[];
  readonly blocked: { readonly item: T; readonly decision: Extract<Decision, { allowed: false }> }[];
  /** Items whose number cannot be read, with their place in the input. */
  readonly invalid: { readonly item: T; readonly index: number }[];
}

/**
 * Parts recipients.
 *
 * @throws ConfigError for options that cannot be used or recipients that cannot be iterated; never for an item.
 */
export function filterRecipients<T>(
  checker: Checker,
  recipients: Iterable<T>,
  options: FilterOptions<T> = {},
): FilterResult<T> {
  const { from, to } = readFields(options, 'filter', {
    from: optional(text),
    to: optional(callback<(item: T) => unknown>()),
  });
  if (!isIterable(recipients)) return refuse('recipients', recipients, 'an iterable of recipients');
  const result: FilterResult<T> = { allowed: [], blocked: [], invalid: [] };
  let index = 0;
  for (const item of recipients) {
    const decision = checker.decide(to ? numberOf(item, to) : item, { from });
    checker.report(decision, { gate: 'filter', isObserved: false });
    if (decision.allowed) result.allowed.push(item);
    else if (decision.reason === 'invalid_number') result.invalid.push({ item, index });
    else result.blocked.push({ item, decision });
    index++;
  }
  return result;
}

function numberOf<T>(item: T, to: (item: T) => unknown): unknown {
  try {
    return to(item);
  } catch {
    // A row that the caller's function cannot read has no readable number.
    return undefined;
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
