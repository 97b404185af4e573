/**
 * The opt-out lists of a guard: which of them a question is put to, what they know, and how far their answer can be
 * trusted. Everything a check needs and nothing else; it starts no timer and reads no clock but the one it is given.
 */

import type { AgeClock, Clock } from './clock.ts';
import { SELF_KEPT, STARTING, standingAt, worse, type AgeLimits, type Standing } from './decision.ts';
import { createLedger, type Ledger, type Listing } from './optouts/ledger.ts';
import { EVERYWHERE, createSenderLookup } from './optouts/senders.ts';
import { unconfiguredList, type Config, type ListConfig } from './options.ts';
import type { Sweeper } from './provider/sweep.ts';
import { numberSetOf } from './stores/numbers.ts';
import type { SavedSweep, SweepNews } from './stores/store.ts';
import type { Reading } from './msisdn.ts';

/** One list with what belongs to it. */
export interface OptOutList {
  readonly config: ListConfig;
  readonly ledger: Ledger;
  /** Reads the provider's list; `undefined` where none keeps it. */
  sweeper: Sweeper | undefined;
  /** When the sweep that was restored from the store started: by the wall clock (ms UTC), and by the age clock. */
  restored: { readonly start: number; readonly age: number } | undefined;
  /** When the last complete sweep of another process that this one has followed started, by the age clock. */
  followedAt: number | undefined;
  /** Opt-outs that the store is still writing. They block already. */
  readonly pending: Map<string, PendingOptOut>;
}

/** An opt-out that is being stored, and how many writes it waits for. */
export interface PendingOptOut {
  readonly listing: Listing;
  writes: number;
}

export interface Lists {
  /** Every list, `'*'` among them. */
  all(): readonly OptOutList[];
  get(name: string): OptOutList | undefined;
  /** The list of that name; made where changes name one that was not configured. */
  ensure(name: string): OptOutList;
  /** The list that holds for a sender; `undefined` for an unknown one. */
  nameFor(from: unknown): string | undefined;
  /** The lists to ask about a message from that sender: its own and `'*'`, or all of them. */
  askedFor(from: unknown): readonly OptOutList[];
  /** Where the asked lists stand together: the worst of them. */
  standing(asked: readonly OptOutList[]): Standing;
  /** Takes over a sweep that the store kept. Other work has its turn meanwhile. */
  restore(name: string, sweep: SavedSweep): Promise<void>;
  /** Takes over what another process's sweep did. */
  follow(news: SweepNews): void;
  /** How long an opt-in that no opt-out answers to is remembered, ms; grows with what webhooks ask for. */
  optInsKeptMs: number;
  /** Loads are over: what is not in a record is not known first-hand. */
  markLoaded(): void;
  /** The store was known to be followed up to now. */
  markCaughtUp(): void;
}

/** Creates the configured lists, all of them empty and `starting`. */
export function createLists(config: Config, clock: Clock, ageClock: AgeClock): Lists {
  const lists = new Map<string, OptOutList>();
  const hasResolver = config.resolve !== undefined;
  const lookup = createSenderLookup({
    lists: config.lists
      .filter(({ name }) => name !== EVERYWHERE)
      .map(({ name, senders }) => ({ name, senders: senders ?? (hasResolver ? [] : undefined) })),
    resolve: config.resolve,
  });
  const limits: AgeLimits = { staleAfterMs: config.staleAfter, maxAgeMs: config.maxAge };
  let everyone: readonly OptOutList[] = [];
  const pairs = new Map<string, readonly OptOutList[]>();
  let isLoaded = false;
  let caughtUpAt: number | undefined;

  function make(listConfig: ListConfig): OptOutList {
    const { refresh } = config;
    const ledger = createLedger({
      list: listConfig.name,
      clockSlackMs: refresh.clockSlack,
      lagGraceMs: refresh.lagGrace,
      shrinkHoldMs: refresh.shrinkHold,
      trustProviderRemoval: listConfig.trustProviderRemoval,
    });
    const list: OptOutList = {
      config: listConfig,
      ledger,
      sweeper: undefined,
      restored: undefined,
      followedAt: undefined,
      pending: new Map(),
    };
    lists.set(listConfig.name, list);
    everyone = [...lists.values()];
    pairs.clear();
    return list;
  }
  for (const listConfig of config.lists) make(listConfig);
  const ensure = (name: string) => lists.get(name) ?? make(unconfiguredList(name));
  const everywhere = ensure(EVERYWHERE);

  function standingOf(
    { config: { provider }, sweeper, restored, followedAt }: OptOutList,
    now: number,
  ): Standing {
    if (!isLoaded) return STARTING;
    const storeAge = caughtUpAt === undefined ? 0 : now - caughtUpAt;
    if (provider === undefined) {
      return caughtUpAt === undefined ? SELF_KEPT : standingAt(storeAge, false, limits);
    }
    const completedAt = latest(sweeper?.completedAt, followedAt);
    if (completedAt !== undefined) {
      return standingAt(Math.max(0, now - completedAt, storeAge), false, limits);
    }
    if (restored === undefined) return STARTING;
    if (!(restored.start <= clock.now())) {
      return { state: 'restored', freshness: 'expired', ageMs: null };
    }
    return standingAt(Math.max(0, now - restored.age, storeAge), true, limits);
  }

  function pair(name: string): readonly OptOutList[] {
    const known = pairs.get(name);
    if (known) return known;
    const own = lists.get(name);
    // Kept for configured and known lists only: a resolver may name any number of others.
    if (own === undefined) return [everywhere];
    const asked = [everywhere, own];
    pairs.set(name, asked);
    return asked;
  }

  return {
    all: () => everyone,
    get: (name) => lists.get(name),
    ensure,
    nameFor: lookup,
    askedFor(from) {
      const name = lookup(from);
      return name === undefined ? everyone : pair(name);
    },
    standing(asked) {
      const now = ageClock.now();
      let worst: Standing | undefined;
      for (const list of asked) {
        const standing = standingOf(list, now);
        worst = worst === undefined ? standing : worse(worst, standing);
      }
      return worst ?? STARTING;
    },
    async restore(name, { start, heldSince, numbers, missingOnce, rows }) {
      const list = ensure(name);
      const sets = { numbers: await numberSetOf(numbers), missingOnce: await numberSetOf(missingOnce) };
      const isTaken = list.ledger.restore({ ...sets, start, heldSince }, rows);
      if (isTaken && start !== null) list.restored = { start, age: ageClock.at(start) };
    },
    follow({ list: name, rows, ...news }) {
      const list = ensure(name);
      const before = list.ledger.lastStart;
      const isTaken = list.ledger.follow(news, rows);
      const { start } = news;
      if (isTaken && start !== null && start !== before) list.followedAt = ageClock.at(start);
    },
    optInsKeptMs: REPLAY_WINDOW_MS,
    markLoaded() {
      isLoaded = true;
    },
    markCaughtUp() {
      caughtUpAt = ageClock.now();
    },
  };
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

/** As long as the provider repeats a receipt. */
const REPLAY_WINDOW_MS = 72 * 3_600_000;

/** Why one of the readings is listed, the international one first; with the reading that is. */
export function findListing(
  asked: readonly OptOutList[],
  { primary, alternative }: Reading,
): { readonly msisdn: string; readonly listing: Listing } | undefined {
  for (const msisdn of alternative === undefined ? [primary] : [primary, alternative]) {
    for (const { ledger, pending } of asked) {
      if (!ledger.blocks(msisdn) && pending.size === 0) continue;
      const listing = ledger.listing(msisdn) ?? pending.get(msisdn)?.listing;
      if (listing) return { msisdn, listing };
    }
  }
  return undefined;
}
