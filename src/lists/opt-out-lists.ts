/**
 * The opt-out lists of a guard: which of them a question is put to, what they know, and how far their answer can be
 * trusted. Everything a check needs and nothing else; it starts no timer and reads no clock but the one it is given.
 */

import type { AgeClock } from '../clock.ts';
import {
  SELF_KEPT,
  STARTING,
  freshnessOf,
  lessFresh,
  standingAt,
  worse,
  type AgeLimits,
  type Freshness,
  type Standing,
} from '../decision.ts';
import { unconfiguredList, type ListConfig } from '../options/list-options.ts';
import { createLedger, type Ledger, type Listing } from '../ledger/ledger.ts';
import { EVERYWHERE, createSenderLookup } from '../ledger/sender-lists.ts';
import type { Config } from '../options/guard-options.ts';
import type { Poller } from '../sync/poller.ts';
import { numberSetOf, numberSetOfSnapshot } from '../stores/read-numbers.ts';
import type { SavedSweep, SweepNews } from '../stores/store.ts';

/** One list with what belongs to it. */
export interface OptOutList {
  readonly config: ListConfig;
  readonly ledger: Ledger;
  /** Reads the provider's list; `undefined` where none keeps it. */
  poller: Poller | undefined;
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
  /** How fresh the asked lists are together, without an allocation: all that a plain yes or no needs. */
  freshness(asked: readonly OptOutList[]): Freshness;
  /**
   * How long ago the last complete sweep of a list started, ms, for a store to keep; 0 before there was one, and the
   * largest safe integer where it cannot be told.
   */
  sweepAgeMs(list: OptOutList): number;
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
export function createLists(config: Config, ageClock: AgeClock): Lists {
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
  /** Those asked where no sender is given. */
  let withoutSender: readonly OptOutList[] | undefined;
  let isLoaded = false;
  let caughtUpAt: number | undefined;
  /**
   * The lists that were asked last and found fresh, and until when (age clock) they are: sweeps only put that off.
   * Whatever else could end it forgets it.
   */
  let freshLists: readonly OptOutList[] | undefined;
  let freshUntil = 0;

  function make(listConfig: ListConfig): OptOutList {
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
      restored: undefined,
      followedAt: undefined,
      pending: new Map(),
    };
    lists.set(listConfig.name, list);
    everyone = [...lists.values()];
    pairs.clear();
    withoutSender = undefined;
    return list;
  }
  for (const listConfig of config.lists) make(listConfig);
  const ensure = (name: string) => lists.get(name) ?? make(unconfiguredList(name));
  const everywhere = ensure(EVERYWHERE);

  /** How long nothing has been heard of other processes, ms; 0 before that began. */
  const unheardMs = (now: number) => (caughtUpAt === undefined ? 0 : now - caughtUpAt);

  /** The age by which a list answers, ms; `Infinity` where its age cannot be told, `UNKNOWN` where there is no list. */
  function ageOf({ config: { provider }, poller, restored, followedAt }: OptOutList, now: number): number {
    if (!isLoaded) return UNKNOWN;
    const storeAge = unheardMs(now);
    if (provider === undefined) return storeAge;
    const completedAt = latest(poller?.completedAt, followedAt);
    if (completedAt !== undefined) return Math.max(0, now - completedAt, storeAge);
    if (restored === undefined) return UNKNOWN;
    // A start in the future says nothing about the age.
    return restored.age <= now ? Math.max(now - restored.age, storeAge) : Infinity;
  }

  const standings = new WeakMap<OptOutList, LastStanding>();

  function standingOf(list: OptOutList, now: number): Standing {
    const ageMs = ageOf(list, now);
    if (ageMs === UNKNOWN) return STARTING;
    const isSelfKept = list.config.provider === undefined;
    if (isSelfKept && caughtUpAt === undefined) return SELF_KEPT;
    const isRestored = !isSelfKept && latest(list.poller?.completedAt, list.followedAt) === undefined;
    const last = standings.get(list);
    // Within a millisecond nothing gets older, and most checks ask for what the one before asked.
    if (last !== undefined && last.ageMs === ageMs && last.isRestored === isRestored) return last.standing;
    const told = standingAt(ageMs, isRestored, limits);
    const standing = ageMs === Infinity ? { ...told, ageMs: null } : told;
    standings.set(list, { ageMs, isRestored, standing });
    return standing;
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

  function askedBy(from: unknown): readonly OptOutList[] {
    const name = lookup(from);
    return name === undefined ? everyone : pair(name);
  }

  return {
    all: () => everyone,
    get: (name) => lists.get(name),
    ensure,
    nameFor: lookup,
    askedFor: (from) => (from === undefined ? (withoutSender ??= askedBy(from)) : askedBy(from)),
    standing(asked) {
      const now = ageClock.now();
      let worst: Standing | undefined;
      for (const list of asked) {
        const standing = standingOf(list, now);
        worst = worst === undefined ? standing : worse(worst, standing);
      }
      return worst ?? STARTING;
    },
    sweepAgeMs(list) {
      const now = ageClock.now();
      const startedAt = latest(list.poller?.completedAt, list.followedAt) ?? list.restored?.age ?? now;
      return Number.isFinite(startedAt) ? Math.max(0, now - startedAt) : UNTOLD_AGE_MS;
    },
    async restore(name, { number, start, ageMs, heldMs, numbers, image, missingOnce, rows }) {
      const list = ensure(name);
      const own = image && (await numberSetOfSnapshot(image));
      const sets = {
        numbers: own ?? (await numberSetOf(numbers)),
        missingOnce: await numberSetOf(missingOnce),
      };
      const isTaken = list.ledger.restore({ ...sets, number, start, heldMs }, rows);
      if (!isTaken || start === null) return;
      // The larger of its age at the save and what the wall clock says: a clock that was set back makes nothing
      // younger. A start in the future says nothing about the age.
      const wallAge = config.clock.now() - start;
      const age = wallAge < 0 ? Infinity : startedBefore(ageClock.now(), Math.max(wallAge, ageMs));
      list.restored = { start, age };
    },
    follow({ list: name, rows, ageMs, ...news }) {
      const list = ensure(name);
      const before = list.ledger.lastNumber;
      const now = ageClock.now();
      const isTaken = list.ledger.follow({ ...news, began: config.clock.monotonic() - ageMs }, rows);
      const { start } = news;
      // The save may be as old as the time since this process last caught up.
      if (isTaken && start !== null && news.number !== before)
        list.followedAt = startedBefore(now, ageMs) - unheardMs(now);
      freshLists = undefined;
    },
    freshness(asked) {
      const now = ageClock.now();
      if (asked === freshLists && now <= freshUntil) return 'fresh';
      let worst: Freshness | undefined;
      let oldest = 0;
      for (let index = 0; index < asked.length; index++) {
        const age = ageOf(asked[index] as OptOutList, now);
        const own = age === UNKNOWN ? 'unknown' : freshnessOf(age, limits);
        worst = worst === undefined ? own : lessFresh(worst, own);
        oldest = Math.max(oldest, age);
      }
      freshLists = worst === 'fresh' ? asked : undefined;
      freshUntil = now + limits.staleAfterMs - oldest;
      return worst ?? 'unknown';
    },
    optInsKeptMs: REPLAY_WINDOW_MS,
    markLoaded() {
      isLoaded = true;
    },
    markCaughtUp() {
      caughtUpAt = ageClock.now();
      freshLists = undefined;
    },
  };
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

/** Where a list stood when it was last asked. */
interface LastStanding {
  readonly ageMs: number;
  readonly isRestored: boolean;
  readonly standing: Standing;
}

/** The time of a start that long before a time of the age clock; `-Infinity` where the age could not be told. */
function startedBefore(now: number, ageMs: number): number {
  return ageMs < UNTOLD_AGE_MS ? now - ageMs : -Infinity;
}

/** The age of a list that was never read. */
const UNKNOWN = -1;

/** An age that cannot be told, where it is kept: older than any other, and a number that every store can keep. */
const UNTOLD_AGE_MS = Number.MAX_SAFE_INTEGER;

/** As long as the provider repeats a receipt. */
const REPLAY_WINDOW_MS = 72 * 3_600_000;

/** Whether the number at a place of an array is listed: yes or no, without an allocation. */
export function isListed(asked: readonly OptOutList[], numbers: Float64Array, at: number): boolean {
  for (let index = 0; index < asked.length; index++) {
    const { ledger, pending } = asked[index] as OptOutList;
    if (ledger.blocksAt(numbers, at)) return true;
    if (pending.size > 0 && pending.has(String(numbers[at]))) return true;
  }
  return false;
}

/** As {@link listingOf}, for digits that are also the number at a place of an array, which is faster to ask for. */
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

/** Why a number is listed; `undefined` where it is not. */
export function listingOf(asked: readonly OptOutList[], msisdn: string): Listing | undefined {
  for (const { ledger, pending } of asked) {
    if (!ledger.blocks(msisdn) && pending.size === 0) continue;
    const listing = ledger.listing(msisdn) ?? pending.get(msisdn)?.listing;
    if (listing) return listing;
  }
  return undefined;
}
