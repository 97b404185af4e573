/**
 * The gate for many recipients at once: it splits them into those that may be sent to and the others. It keeps their
 * order, drops none of them, and sends nothing.
 */

import type { BatchChecker, CheckOptions, Decision } from '../../decision.ts';
import type { BlockedDecision } from '../../send-blocked.ts';
import { callback, oneOf, optional, readFields, refuse, text } from '../../options/fields.ts';
import { plainConstructor, type Writable } from '../../plain-constructor.ts';
import { BATCH_SIZE, numberOf } from './row-filter.ts';

/** The options of `filter`. */
export interface FilterOptions<T> extends Pick<CheckOptions, 'from'> {
  /** Returns the number of a recipient. Required if the recipients are not numbers themselves. */
  readonly to?: ((item: T) => unknown) | undefined;
  /**
   * `observe` puts every item among the allowed ones, and those that would be refused also into `blocked` or `invalid`.
   * Default `reject`.
   */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

/** The result of `filter`. Every item is in exactly one of the three arrays, unless the gate only observes. */
export interface FilterResult<T> {
  readonly allowed: T[];
  readonly blocked: { readonly item: T; readonly decision: BlockedDecision }[];
  /** Items whose number cannot be read, with their index in the input. */
  readonly invalid: { readonly item: T; readonly index: number }[];
}

/**
 * Splits recipients into allowed, blocked and invalid ones.
 *
 * @throws ConfigError for invalid options, or if the recipients are not iterable; never for an item.
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
  const checkOptions: CheckOptions = { from };
  const gate = { gate: 'filter', isObserved };
  const permitted = new Uint8Array(BATCH_SIZE);
  const decisions: (Decision | undefined)[] = [];
  /** The index of the current item in the input. */
  let index = 0;

  function splitBatch(items: readonly T[]): void {
    const numbers = to ? items.map((item) => numberOf(item, to)) : items;
    checker.permitsEach(numbers, permitted, decisions, checkOptions);
    let allowed = 0;
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as T;
      if (permitted[i] === 1) {
        allowed++;
        result.allowed.push(item);
      } else {
        // Without a decision, a new check gives the reason. It may also have another result by now.
        addDecided(item, decisions[i] ?? checker.decide(numbers[i], checkOptions));
      }
      index++;
    }
    checker.reportPermitted(allowed);
  }

  function addDecided(item: T, decision: Decision): void {
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
    if (count < BATCH_SIZE) continue;
    splitBatch(items);
    count = 0;
  }
  splitBatch(items.slice(0, count));
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
