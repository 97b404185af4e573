/**
 * Checks the options of opt-out lists: the senders of each, and its provider. Everything that a user can get wrong
 * about them is found here.
 */

import { ConfigError } from '../errors.ts';
import {
  callback,
  flag,
  isRecord,
  listOf,
  optional,
  readFields,
  refuse,
  text,
  withDefault,
  withMethods,
} from './fields.ts';
import { listHints, suggestLists, suggestProvider } from './slips.ts';
import { EVERYWHERE, canonicalSender } from '../ledger/sender-lists.ts';
import type { Provider } from '../providers/provider.ts';

/** The options of one opt-out list. */
export interface ListOptions {
  /**
   * Your numbers, short codes and sender ids that the list is for, as strings. One list may leave it out: it is then
   * for every sender that no other list names.
   */
  readonly senders?: readonly string[] | undefined;
  /**
   * The provider that keeps the list. If left out, the list has only opt-outs of webhooks, receipts, imports and calls.
   */
  readonly provider?: Provider | undefined;
  /**
   * Whether an authenticated START of the person lifts an opt-out. Default `false`: the provider does not act on it
   * either.
   */
  readonly optInByReply?: boolean | undefined;
  /**
   * Whether a number is unblocked when two complete sweeps lack it, even if it opted out by a message, receipt or call
   * before. Default `false`.
   */
  readonly trustProviderRemoval?: boolean | undefined;
}

/**
 * Several lists by name. The list `'*'` holds the opt-outs that count for every sender. `resolve` returns the name of
 * the list for a sender that no list names; it may name a list that is not configured.
 */
export type ListsOptions =
  | { readonly [name: string]: ListOptions }
  | {
      readonly resolve: (from: string) => string | undefined;
      readonly [name: string]: ListOptions | ((from: string) => string | undefined);
    };

/** The configuration of a list. */
export interface ListConfig {
  readonly name: string;
  readonly senders: readonly string[] | undefined;
  readonly provider: Provider | undefined;
  readonly optInByReply: boolean;
  readonly trustProviderRemoval: boolean;
}

/** Lists, and the function that names the list of a sender that none of them names. */
export interface ConfiguredLists {
  readonly named: readonly ListConfig[];
  readonly resolve: ((from: string) => string | undefined) | undefined;
}

/** Reads a provider. @throws ConfigError for anything else. */
export function providerField(value: unknown, key: string): Provider {
  const suggestion =
    isRecord(value) && typeof value['page'] === 'function' ? undefined : suggestProvider(value, key);
  if (suggestion !== undefined) return refuse(key, value, 'an object with page()', suggestion);
  const provider = withMethods<Provider>('page')(value, key);
  optional(callback())(provider.optIn, `${key}.optIn`);
  optional(text)(provider.account, `${key}.account`);
  return provider;
}

const listFields = {
  senders: optional(senders),
  provider: optional(providerField),
  optInByReply: withDefault(false, flag),
  trustProviderRemoval: withDefault(false, flag),
};

/** The name of the list of a guard without `lists`. */
const DEFAULT_LIST = 'default';

/** Reads the options of a list. @param key its path in error messages. */
function readList(name: string, options: unknown, key = name): ListConfig {
  return { name, ...readFields(options, key, listFields, listHints(name, key)) };
}

/** Returns the configuration of a list that is not configured and that a resolver has named. */
export function unconfiguredList(name: string): ListConfig {
  return readList(name, { senders: [] });
}

/** Returns every list of a guard: the configured ones, or one for its provider, and always `'*'`. */
export function listsOf(
  configured: ConfiguredLists | undefined,
  provider: Provider | undefined,
): ConfiguredLists {
  const { named, resolve } = configured ?? {
    named: [readList(DEFAULT_LIST, { provider })],
    resolve: undefined,
  };
  const hasEverywhere = named.some(({ name }) => name === EVERYWHERE);
  return { named: Object.freeze(hasEverywhere ? named : [readList(EVERYWHERE, {}), ...named]), resolve };
}

/** Returns the account of each list that a provider keeps: a store refuses lists of another account. */
export function accountsOf(lists: readonly ListConfig[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    lists.flatMap(({ name, provider }) =>
      provider?.account === undefined ? [] : [[name, provider.account]],
    ),
  );
}

/** Reads lists by name. @throws ConfigError for anything else. */
export function listsField(value: unknown, key: string): ConfiguredLists {
  const suggestion = suggestLists(value);
  if (!isRecord(value) || suggestion !== undefined)
    return refuse(key, value, 'an object of lists by name', suggestion);
  const { resolve, ...rest } = value;
  const isResolver = typeof resolve === 'function';
  const entries = Object.entries(isResolver ? rest : value);
  if (entries.length === 0 && !isResolver) return refuse(key, value, 'at least one list');
  const named = entries.map(([name, list]) => readList(name, list, `${key}.${name}`));
  checkSenders(named, key, isResolver);
  return { named, resolve: isResolver ? (resolve as (from: string) => string | undefined) : undefined };
}

function senders(value: unknown, key: string): readonly string[] {
  const isOne = typeof value === 'string' || typeof value === 'number';
  if (isOne) return refuse(key, value, 'an array', `${key}: ['73737']`);
  return listOf((item, itemKey) =>
    typeof item === 'number'
      ? refuse(itemKey, item, 'a string that is not empty', `'73737' in quotes`)
      : canonicalSender(text(item, itemKey)),
  )(value, key);
}

/** @throws ConfigError if lists claim the same senders, or options of `'*'` have no effect. */
function checkSenders(named: readonly ListConfig[], key: string, isResolver: boolean): void {
  const owners = new Map<string, string>();
  /** The list that leaves its senders out. */
  let catchAll: string | undefined;
  for (const { name, senders: own, optInByReply } of named) {
    const sendersKey = `${key}.${name}.senders`;
    if (name === EVERYWHERE) {
      if (own) throw invalid(sendersKey, "'*' is for every sender, name none");
      if (optInByReply) {
        throw invalid(`${key}.${name}.optInByReply`, 'a reply never lifts what counts everywhere');
      }
      continue;
    }
    if (own === undefined && !isResolver) {
      if (catchAll !== undefined) {
        throw invalid(sendersKey, `only one list may leave its senders out, and ${catchAll} does already`);
      }
      catchAll = name;
    }
    for (const sender of own ?? []) {
      const owner = owners.get(sender);
      if (owner !== undefined && owner !== name) {
        throw invalid(sendersKey, `a sender of list ${owner} is named again`);
      }
      owners.set(sender, name);
    }
  }
}

function invalid(key: string, message: string): ConfigError {
  return new ConfigError('invalid_option', key, `${key}: ${message}`);
}
