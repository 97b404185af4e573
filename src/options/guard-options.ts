/**
 * Checks the options of a guard and returns a frozen configuration. Every mistake in the options is found here. Nothing
 * is started or opened here.
 */

import { systemClock, type Clock } from '../clock.ts';
import type { Policy } from '../decision.ts';
import { ConfigError } from '../errors.ts';
import { listsField, listsOf, providerField, type ListsOptions } from './list-options.ts';
import { isCountry } from '../msisdn/msisdn.ts';
import {
  MAX_TIMER_MS,
  callback,
  duration,
  fraction,
  group,
  integer,
  oneOf,
  optional,
  readFields,
  refuse,
  withDefault,
  withMethods,
  type Duration,
  type Field,
} from './fields.ts';
import {
  suggestCountry,
  guardHints,
  suggestLogger,
  policyHints,
  refreshHints,
  suggestStore,
} from './slips.ts';
import type { Provider } from '../providers/provider.ts';
import { sqliteFile } from './store-path.ts';
import type { Store } from '../stores/store.ts';

/** How a provider's list is read. */
export interface RefreshOptions {
  /** The time from the start of one sweep to the start of the next, at least 10 ms. Default `'5m'`. */
  readonly every?: Duration | undefined;
  /** How far each interval is varied at random, as a fraction of it: 0 to 0.5. Default 0.1. */
  readonly jitter?: number | undefined;
  /** The time limit for one page, including its body and all retries. Default `'30s'`. */
  readonly timeout?: Duration | undefined;
  /** How many rows are requested per page: 1 to 1 000 000. Default 1000. */
  readonly pageSize?: number | undefined;
  /** How many pages are requested at a time: 1 to 100. Default 1. */
  readonly concurrency?: number | undefined;
  /** A sweep that reaches this many pages is incomplete. At least 1. Default 100 000. */
  readonly maxPages?: number | undefined;
  /** How long the provider's list may lag behind webhooks, receipts and calls. Default `'10m'`. */
  readonly lagGrace?: Duration | undefined;
  /** How long removals are delayed if a list would shrink by half. Default `'24h'`. */
  readonly shrinkHold?: Duration | undefined;
  /** How far the provider's clock and the local one may differ. Default `'60s'`. */
  readonly clockSlack?: Duration | undefined;
}

/** A logger, such as pino or `console`. Phone numbers in its entries are masked. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** A {@link Policy} with optional members. */
export type PolicyOptions = { readonly [K in keyof Policy]?: Policy[K] | undefined };

/** The options of `createGuard`. */
export interface GuardOptions {
  /**
   * The provider that keeps the opt-out list. If left out, the guard knows only the opt-outs of webhooks, receipts,
   * imports and calls.
   */
  readonly provider?: Provider | undefined;
  /** Several lists, each with its own provider, instead of `provider`. */
  readonly lists?: ListsOptions | undefined;
  /**
   * The store of the opt-outs: `'memory:'` (default; lost with the process), `'sqlite:<file>'`, or a {@link Store} of
   * your own.
   */
  readonly store?: string | Store | undefined;
  /** How the provider's list is read. */
  readonly refresh?: RefreshOptions | undefined;
  /**
   * The age up to which a list is fresh; at most `maxAge`. Default 3 × `refresh.every`, or `maxAge` if that is less.
   */
  readonly staleAfter?: Duration | undefined;
  /** The age up to which a list is stale, and above which it is expired. Default `'24h'`. */
  readonly maxAge?: Duration | undefined;
  /**
   * The decision for numbers that are not listed, if the list is not fresh. Default
   * `{ whenNotReady: 'block', whenStale: 'allow', whenExpired: 'block' }`.
   */
  readonly policy?: PolicyOptions | undefined;
  /**
   * An ISO 3166-1 alpha-2 code in capitals, such as `'US'`. Digits without `+` are then read as national numbers too.
   */
  readonly defaultCountry?: string | undefined;
  /** Default: warnings and errors are emitted as warnings of Node. */
  readonly logger?: Logger | undefined;
  /** The clock. Default the machine's. */
  readonly clock?: Clock | undefined;
  /** Returns numbers from 0 to below 1, for the jitter. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** The store that was chosen. */
export type StoreChoice =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'own'; readonly store: Store };

const fields = {
  provider: optional(providerField),
  lists: optional(listsField),
  store: withDefault('memory:', store),
  refresh: group(
    {
      every: withDefault('5m', duration({ min: 10, max: MAX_TIMER_MS })),
      jitter: withDefault(0.1, fraction({ min: 0, max: 0.5 })),
      timeout: withDefault('30s', duration({ max: MAX_TIMER_MS })),
      pageSize: withDefault(1000, integer({ min: 1, max: 1_000_000 })),
      concurrency: withDefault(1, integer({ min: 1, max: 100 })),
      maxPages: withDefault(100_000, integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
      lagGrace: withDefault('10m', duration({ min: 0 })),
      shrinkHold: withDefault('24h', duration({ min: 0 })),
      clockSlack: withDefault('60s', duration({ min: 0 })),
    },
    refreshHints,
  ),
  staleAfter: optional(duration()),
  maxAge: withDefault('24h', duration()),
  policy: group(
    {
      whenNotReady: withDefault('block', oneOf(['block', 'allow'])),
      whenStale: withDefault('allow', oneOf(['block', 'allow'])),
      whenExpired: withDefault('block', oneOf(['block', 'allow'])),
    },
    policyHints,
  ),
  defaultCountry: optional<string>((value, key) =>
    isCountry(value) && typeof value === 'string'
      ? value
      : refuse(
          key,
          value,
          "an ISO 3166-1 alpha-2 country code in capitals, such as 'US'",
          suggestCountry(value, isCountry),
        ),
  ),
  logger: optional(
    withSuggestion(
      'an object with debug(), info(), warn(), error()',
      suggestLogger,
      withMethods<Logger>('debug', 'info', 'warn', 'error'),
    ),
  ),
  clock: withDefault(systemClock, withMethods<Clock>('now', 'monotonic', 'setTimeout')),
  random: withDefault(Math.random, callback<() => number>()),
};

/** The configuration of a guard. Durations are ms. */
export type Config = Readonly<ReturnType<typeof readOptions>>;

/**
 * Checks the options of `createGuard`.
 *
 * @throws ConfigError that names the key, the kind of the received value and what is expected.
 */
export function readOptions(options: GuardOptions = {}) {
  const read = readFields(options, 'options', fields, guardHints);
  if (read.provider && read.lists) {
    throw invalidOption('lists', 'give each list its own provider, or leave lists out');
  }
  const staleAfter = read.staleAfter ?? Math.min(3 * read.refresh.every, read.maxAge);
  if (staleAfter > read.maxAge) throw invalidOption('staleAfter', 'expected at most maxAge, received more');
  const { named, resolve } = listsOf(read.lists, read.provider);
  return Object.freeze({ ...read, staleAfter, lists: named, resolve });
}

function invalidOption(key: string, message: string): ConfigError {
  return new ConfigError('invalid_option', key, `${key}: ${message}`);
}

const MEMORY = 'memory:';
const SQLITE = 'sqlite:';

function store(value: unknown, key: string): StoreChoice {
  if (value === MEMORY) return { kind: 'memory' };
  if (typeof value === 'string' && value.startsWith(SQLITE)) {
    return { kind: 'sqlite', file: sqliteFile(value, key) };
  }
  if (typeof value === 'string') {
    const expected = "'memory:', 'sqlite:' and the path of a file, or a store of your own";
    return refuse(key, value, expected, suggestStore(value));
  }
  return { kind: 'own', store: ownStore(value, key) };
}

const ownStore = withSuggestion(
  "'memory:', 'sqlite:<file>' or a store of your own",
  suggestStore,
  withMethods<Store>('open', 'load', 'append', 'saveSweep', 'tail', 'lease', 'history', 'erase', 'close'),
);

/** Refuses a value for which there is a suggestion, and reads every other value by `field`. */
function withSuggestion<T>(
  expected: string,
  suggest: (value: unknown) => string | undefined,
  field: Field<T>,
): Field<T> {
  return (value, key) => {
    const suggestion = suggest(value);
    return suggestion === undefined ? field(value, key) : refuse(key, value, expected, suggestion);
  };
}
