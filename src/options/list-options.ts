/**
 * The options of opt-out lists: whom each is for and who keeps it. Everything a user can get wrong about them is found
 * here.
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
import { listHints, listsSlip, providerSlip } from './slips.ts';
import { EVERYWHERE, canonicalSender } from '../ledger/sender-lists.ts';
import type { Provider } from '../providers/provider.ts';

/** One opt-out list. */
export interface ListOptions {
  /** Our numbers, short codes and sender ids that the list is for. One list may leave it out: it gets every other sender. */
  readonly senders?: readonly string[] | undefined;
  /** Whoever keeps the list. Left out: webhooks, receipts and manual acts only. */
  readonly provider?: Provider | undefined;
  /** Whether an authenticated START from the person lifts an opt-out. Default `false`: the provider does not act on it. */
  readonly optInByReply?: boolean | undefined;
  /** Whether a number that two complete sweeps lack is released although it opted out first-hand before. Default `false`. */
  readonly trustProviderRemoval?: boolean | undefined;
}

/** Several lists by name; `'*'` holds what counts everywhere. `resolve` names the list of a sender no list names. */
export type ListsOptions =
  | { readonly [name: string]: ListOptions }
  | {
      readonly resolve: (from: string) => string | undefined;
      readonly [name: string]: ListOptions | ((from: string) => string | undefined);
    };

/** A list as the guard uses it. */
export interface ListConfig {
  readonly name: string;
  readonly senders: readonly string[] | undefined;
  readonly provider: Provider | undefined;
  readonly optInByReply: boolean;
  readonly trustProviderRemoval: boolean;
}

/** Lists, and what names the list of a sender that none of them names. */
export interface GivenLists {
  readonly named: readonly ListConfig[];
  readonly resolve: ((from: string) => string | undefined) | undefined;
}

/** A provider as an option. */
export function providerField(value: unknown, key: string): Provider {
  const meant = isRecord(value) && typeof value['page'] === 'function' ? undefined : providerSlip(value, key);
  if (meant !== undefined) return refuse(key, value, 'an object with page()', meant);
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

/** The name of the list where none is configured. */
const DEFAULT_LIST = 'default';

/** Reads a list. @param key what its options are called where they cannot be used. */
function readList(name: string, given: unknown, key = name): ListConfig {
  return { name, ...readFields(given, key, listFields, listHints(name, key)) };
}

/** A list that was not configured, as a resolver may name it. */
export function unconfiguredList(name: string): ListConfig {
  return readList(name, { senders: [] });
}

/** Every list of a guard: those that were given, or one for its provider, and what counts everywhere. */
export function listsOf(given: GivenLists | undefined, provider: Provider | undefined): GivenLists {
  const { named, resolve } = given ?? {
    named: [readList(DEFAULT_LIST, { provider })],
    resolve: undefined,
  };
  const hasEverywhere = named.some(({ name }) => name === EVERYWHERE);
  return { named: Object.freeze(hasEverywhere ? named : [readList(EVERYWHERE, {}), ...named]), resolve };
}

/** Lists by name as an option. */
export function listsField(value: unknown, key: string): GivenLists {
  const meant = listsSlip(value);
  if (!isRecord(value) || meant !== undefined) return refuse(key, value, 'an object of lists by name', meant);
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

function checkSenders(named: readonly ListConfig[], key: string, isResolver: boolean): void {
  const owners = new Map<string, string>();
  let rest: string | undefined;
  for (const { name, senders: own, optInByReply } of named) {
    const senderKey = `${key}.${name}.senders`;
    if (name === EVERYWHERE) {
      if (own)
        throw new ConfigError(
          'invalid_option',
          senderKey,
          `${senderKey}: '*' is for every sender, name none`,
        );
      if (optInByReply) {
        const optInKey = `${key}.${name}.optInByReply`;
        throw new ConfigError(
          'invalid_option',
          optInKey,
          `${optInKey}: a reply never lifts what counts everywhere`,
        );
      }
      continue;
    }
    if (own === undefined && !isResolver) {
      if (rest !== undefined) {
        throw new ConfigError(
          'invalid_option',
          senderKey,
          `${senderKey}: only one list may leave its senders out, and ${rest} does already`,
        );
      }
      rest = name;
    }
    for (const sender of own ?? []) {
      const owner = owners.get(sender);
      if (owner !== undefined && owner !== name) {
        throw new ConfigError(
          'invalid_option',
          senderKey,
          `${senderKey}: a sender of list ${owner} is named again`,
        );
      }
      owners.set(sender, name);
    }
  }
}
