/**
 * The gate for many recipients at once: it parts them into those that may be sent to and the rest. Order is kept,
 * nothing is dropped, nothing is sent.
 */

import type { BatchChecker, CheckOptions, Decision } from '../../decision.ts';
import type { BlockedDecision } from '../../errors.ts';
import { callback, oneOf, optional, readFields, refuse, text } from '../../options/fields.ts';
import { plainConstructor, type Writable } from '../../plain-constructor.ts';
import { AT_ONCE, numberOf } from './row-filter.ts';

/** The options of `filter`. */
export interface FilterOptions<T> extends Pick<CheckOptions, 'from'> {
  /** The number of a recipient; needed where recipients are not numbers themselves. */
  readonly to?: ((item: T) => unknown) | undefined;
  /** `observe` puts every item among the allowed, and those that would be refused where they belong too. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

/** What `filter` returns: every item is in exactly one of the three, where it is not only observed. */
export interface FilterResult<T> {
  readonly allowed: T[];
  readonly blocked: { readonly item: T; readonly decision: BlockedDecision }[];
  /** Items whose number cannot be read, with their place in the input. */
  readonly invalid: { readonly item: T; readonly index: number }[];
}

/**
 * Parts recipients.
 *
 * @throws ConfigError for options that cannot be used or recipients that cannot be iterated; never for an item.
 */
export function filterRecipients<T>(
  checker: BatchChecker,
  recipients: Iterable<T>,
  options: FilterOptions<T> = {},
): FilterResult<T> {
  const { from, to, onBlocked } = readFields(options, 'filter', {
    from: optional(text),
    to: optional(callback<(item: T) => unknown>()),
    onBlocked: optional(oneOf(['reject', 'observe'])),
  });
  if (!isIterable(recipients)) {
    const expected = 'an iterable of recipients; an async one or a stream goes through filterStream()';
    return refuse('recipients', recipients, expected);
  }
  const isObserved = onBlocked === 'observe';
  if (isObserved) checker.remindObserving('filter');
  const result: FilterResult<T> = { allowed: [], blocked: [], invalid: [] };
  const asked: CheckOptions = { from };
  const gate = { gate: 'filter', isObserved };
  const permitted = new Uint8Array(AT_ONCE);
  const decisions: (Decision | undefined)[] = [];
  let index = 0;

  function part(items: readonly T[]): void {
    const numbers = to ? items.map((item) => numberOf(item, to)) : items;
    checker.permitsEach(numbers, permitted, decisions, asked);
    let allowed = 0;
    for (let place = 0; place < items.length; place++) {
      const item = items[place] as T;
      if (permitted[place] === 1) {
        allowed++;
        result.allowed.push(item);
      } else {
        // Where it is not known why, it is asked. By now the answer may be another one.
        settle(item, decisions[place] ?? checker.decide(numbers[place], asked));
      }
      index++;
    }
    checker.reportPermitted(allowed);
  }

  function settle(item: T, decision: Decision): void {
    checker.report(decision, gate);
    if (decision.allowed || isObserved) result.allowed.push(item);
    if (decision.allowed) return;
    if (decision.reason === 'invalid_number') result.invalid.push({ item, index });
    else result.blocked.push(new Blocked(item, decision));
  }

  const items: T[] = [];
  let count = 0;
  for (const item of recipients) {
    items[count++] = item;
    if (count < AT_ONCE) continue;
    part(items);
    count = 0;
  }
  part(items.slice(0, count));
  return result;
}

type BlockedItem<T> = FilterResult<T>['blocked'][number];

const Blocked = plainConstructor(function (
  this: Writable<BlockedItem<unknown>>,
  item: unknown,
  decision: BlockedDecision,
) {
  this.item = item;
  this.decision = decision;
}) as new <T>(item: T, decision: BlockedDecision) => BlockedItem<T>;

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
