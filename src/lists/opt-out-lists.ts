/**
 * The opt-out lists of a guard: which of them a check asks, and what they know. This file starts no timer and reads no
 * clock of its own.
 */

import type { AgeClock } from '../clock.ts';
import type { Freshness, Standing } from '../decision.ts';
import { unconfiguredList, type ListConfig } from '../options/list-options.ts';
import { createLedger, type Ledger, type Listing } from '../ledger/ledger.ts';
import { EVERYWHERE, createSenderLookup } from '../ledger/sender-lists.ts';
import { NEVER_SYNCED, createListAges, type AgedList } from './list-age.ts';
import type { Config } from '../options/guard-options.ts';
import { numberSetOf, numberSetOfSnapshot } from '../stores/read-numbers.ts';
import type { SavedSweep, SweepNews } from '../stores/store.ts';

/** One opt-out list. */
export interface OptOutList extends AgedList {
  readonly ledger: Ledger;
  /** Opt-outs that are not stored yet, by number. They block already. */
  readonly pending: Map<string, PendingOptOut>;
}

/** An opt-out that is not stored yet. */
export interface PendingOptOut {
  readonly listing: Listing;
  /** Writes under way that contain it. */
  writes: number;
}

export interface Lists {
  /** Every list, including `'*'`. */
  all(): readonly OptOutList[];
  get(name: string): OptOutList | undefined;
  /** The list of that name. Creates it if it was not configured. */
  ensure(name: string): OptOutList;
  /** The name of a sender's list; `undefined` for an unknown sender. */
  nameFor(from: unknown): string | undefined;
  /** The lists to ask about a message from that sender: its own and `'*'`, or every list if it has none of its own. */
  askedFor(from: unknown): readonly OptOutList[];
  /** The worst standing of the asked lists. */
  standing(asked: readonly OptOutList[]): Standing;
  /** How fresh the asked lists are together, without an allocation: all that a plain yes or no needs. */
  freshness(asked: readonly OptOutList[]): Freshness;
  /**
   * How long ago the last complete sweep of a list started, ms, for a store to keep. 0 before the first one, and the
   * largest safe integer if it is unknown.
   */
  sweepAgeMs(list: OptOutList): number;
  /** Restores a list from the sweep that the store kept. Gives other work its turn meanwhile. */
  restore(name: string, sweep: SavedSweep): Promise<void>;
  /** Applies the changes that another process's sweep made to a list. */
  follow(sweep: SweepNews): void;
  /** How long memory keeps a record that holds only opt-ins, ms. Grows with the replay windows of webhooks. */
  optInsKeptMs: number;
  /** Notes that the store is loaded. From now on, a number without a record has no first-hand evidence. */
  markLoaded(): void;
  /** Notes that everything that other processes have stored up to now was read. */
  markCaughtUp(): void;
}

/** How long the provider repeats a receipt, ms. */
const REPLAY_WINDOW_MS = 72 * 3_600_000;

/** Creates the configured lists, all of them empty and `starting`. */
export function createLists(config: Config, ageClock: AgeClock): Lists {
  const lists = new Map<string, OptOutList>();
  const ages = createListAges(config, ageClock);
  const hasResolver = config.resolve !== undefined;
  const lookup = createSenderLookup({
    lists: config.lists
      .filter(({ name }) => name !== EVERYWHERE)
      .map(({ name, senders }) => ({ name, senders: senders ?? (hasResolver ? [] : undefined) })),
    resolve: config.resolve,
  });
  let everyList: readonly OptOutList[] = [];
  /** The lists to ask about a sender of a list, by the list's name: `'*'` and that list. */
  const pairs = new Map<string, readonly OptOutList[]>();
  /** The lists to ask if no sender is given. */
  let withoutSender: readonly OptOutList[] | undefined;

  function add(listConfig: ListConfig): OptOutList {
    const { refresh } = config;
    const ledger = createLedger({
      list: listConfig.name,
      clockSlackMs: refresh.clockSlack,
      lagGraceMs: refresh.lagGrace,
      shrinkHoldMs: refresh.shrinkHold,
      longestStepMs: 2 * refresh.every,
      trustProviderRemoval: listConfig.trustProviderRemoval,
    });
    const list: OptOutList = {
      config: listConfig,
      ledger,
      poller: undefined,
      lastSync: NEVER_SYNCED,
      pending: new Map(),
    };
    lists.set(listConfig.name, list);
    everyList = [...lists.values()];
    pairs.clear();
    withoutSender = undefined;
    return list;
  }
  for (const listConfig of config.lists) add(listConfig);
  const ensure = (name: string) => lists.get(name) ?? add(unconfiguredList(name));
  const everywhere = ensure(EVERYWHERE);

  function pairOf(name: string): readonly OptOutList[] {
    const known = pairs.get(name);
    if (known) return known;
    const own = lists.get(name);
    // Only pairs of existing lists are kept: a resolver may return any number of other names.
    if (own === undefined) return [everywhere];
    const pair = [everywhere, own];
    pairs.set(name, pair);
    return pair;
  }

  function askedBy(from: unknown): readonly OptOutList[] {
    const name = lookup(from);
    return name === undefined ? everyList : pairOf(name);
  }

  return {
    all: () => everyList,
    get: (name) => lists.get(name),
    ensure,
    nameFor: lookup,
    askedFor: (from) => (from === undefined ? (withoutSender ??= askedBy(from)) : askedBy(from)),
    standing: ages.standing,
    freshness: ages.freshness,
    sweepAgeMs: ages.sweepAgeMs,
    async restore(name, { number, start, ageMs, heldMs, numbers, image, missingOnce, rows }) {
      const list = ensure(name);
      const fromSnapshot = image && (await numberSetOfSnapshot(image));
      const sets = {
        numbers: fromSnapshot ?? (await numberSetOf(numbers)),
        missingOnce: await numberSetOf(missingOnce),
      };
      const isTaken = list.ledger.restore({ ...sets, number, start, heldMs }, rows);
      if (isTaken && start !== null) ages.markRestored(list, start, ageMs);
    },
    follow({ list: name, rows, ageMs, ...sweep }) {
      const list = ensure(name);
      const before = list.ledger.lastNumber;
      const startedAt = ages.startOfFollowed(ageMs);
      const isTaken = list.ledger.follow({ ...sweep, began: config.clock.monotonic() - ageMs }, rows);
      const isNewSweep = sweep.start !== null && sweep.number !== before;
      if (isTaken && isNewSweep) ages.markFollowed(list, startedAt);
    },
    optInsKeptMs: REPLAY_WINDOW_MS,
    markLoaded: ages.markLoaded,
    markCaughtUp: ages.markCaughtUp,
  };
}

/** Whether one of the lists blocks the number at that index of an array. No allocation. */
export function isListed(asked: readonly OptOutList[], numbers: Float64Array, at: number): boolean {
  for (let index = 0; index < asked.length; index++) {
    const { ledger, pending } = asked[index] as OptOutList;
    if (ledger.blocksAt(numbers, at)) return true;
    if (pending.size > 0 && pending.has(String(numbers[at]))) return true;
  }
  return false;
}

/** As {@link listingOf}, for a number that is also at that index of an array: such a look-up is faster. */
export function listingAt(
  asked: readonly OptOutList[],
  numbers: Float64Array,
  at: number,
  msisdn: string,
): Listing | undefined {
  for (let index = 0; index < asked.length; index++) {
    const { ledger, pending } = asked[index] as OptOutList;
    if (ledger.blocksAt(numbers, at)) return ledger.reason(msisdn);
    const listing = pending.size > 0 ? pending.get(msisdn)?.listing : undefined;
    if (listing) return listing;
  }
  return undefined;
}

/** Why a number is listed, by the first list that blocks it; `undefined` if none does. */
export function listingOf(asked: readonly OptOutList[], msisdn: string): Listing | undefined {
  for (const { ledger, pending } of asked) {
    if (!ledger.blocks(msisdn) && pending.size === 0) continue;
    const listing = ledger.listing(msisdn) ?? pending.get(msisdn)?.listing;
    if (listing) return listing;
  }
  return undefined;
}
