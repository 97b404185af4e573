/**
 * How old each opt-out list is, and how far its answers can be trusted. The age of a list counts from the start of its
 * last complete sweep, and is at least the time since this process last caught up with the store.
 *
 * Inside, `Infinity` is the only age of a list that has none. A store keeps the largest safe integer for it, and a
 * `Standing` shows `null`.
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
import type { Config } from '../options/guard-options.ts';
import type { ListConfig } from '../options/list-options.ts';
import type { Poller } from '../sync/poller.ts';

/**
 * The last complete sweep of a list that this process knows. `startedAt` is the start of that sweep by the age clock,
 * ms; `-Infinity` if its age is unknown.
 */
export type LastSync =
  | { readonly kind: 'never' }
  /** The sweep was loaded from the store. This process has completed none yet. */
  | { readonly kind: 'restored'; readonly startedAt: number }
  /** Another process completed the sweep, and this one followed it. */
  | { readonly kind: 'followed'; readonly startedAt: number }
  /** This process completed the sweep. */
  | { readonly kind: 'own'; readonly startedAt: number };

/** A list before its first complete sweep. */
export const NEVER_SYNCED: LastSync = Object.freeze({ kind: 'never' });

/** The parts of a list that its age depends on. */
export interface AgedList {
  readonly config: ListConfig;
  /** Reads the provider's list; `undefined` if the list has no provider. */
  poller: Poller | undefined;
  lastSync: LastSync;
}

export interface ListAges {
  /** The worst standing of the lists. */
  standing(lists: readonly AgedList[]): Standing;
  /** How fresh the lists are together, without an allocation: all that a plain yes or no needs. */
  freshness(lists: readonly AgedList[]): Freshness;
  /**
   * How long ago the last complete sweep of a list started, ms, for a store to keep. 0 before the first one, and the
   * largest safe integer if it is unknown.
   */
  sweepAgeMs(list: AgedList): number;
  /** The start, by the age clock, of a sweep that another process saved at that age (ms). */
  startOfFollowed(ageMs: number): number;
  /** Notes a sweep of another process. */
  markFollowed(list: AgedList, startedAt: number): void;
  /** Notes a sweep that the store kept: its start (ms UTC) and its age at the save (ms). */
  markRestored(list: AgedList, start: number, ageMs: number): void;
  /** Notes that the store is loaded. From now on, a number without a record has no first-hand evidence. */
  markLoaded(): void;
  /** Notes that everything that other processes have stored up to now was read. */
  markCaughtUp(): void;
}

/** How much of the store this process has read. `caughtUpAt` is by the age clock, ms. */
type StoreSync =
  | { readonly kind: 'loading' }
  | { readonly kind: 'loaded' }
  | { readonly kind: 'followed'; readonly caughtUpAt: number };

/** The standing of a list at its last check. */
interface LastStanding {
  readonly ageMs: number;
  readonly isRestored: boolean;
  readonly standing: Standing;
}

/** The age that is saved for an unknown one: larger than any other, and a number that every store can keep. */
const UNKNOWN_AGE_MS = Number.MAX_SAFE_INTEGER;

/** Creates the ages of a guard's lists: the store is not loaded yet. */
export function createListAges(config: Config, ageClock: AgeClock): ListAges {
  const limits: AgeLimits = { staleAfterMs: config.staleAfter, maxAgeMs: config.maxAge };
  const standings = new WeakMap<AgedList, LastStanding>();
  let storeSync: StoreSync = { kind: 'loading' };
  // The lists that were fresh at the last check, and until when (age clock). A later sweep only extends that time, and
  // everything that could shorten it drops the lists.
  let freshLists: readonly AgedList[] | undefined;
  let freshUntil = 0;

  /** The time since this process last caught up with the store, ms; 0 if no other process writes to it. */
  const storeAgeMs = (now: number) => (storeSync.kind === 'followed' ? now - storeSync.caughtUpAt : 0);

  /** Whether "not listed" means anything: the store is loaded, and the provider's list, if there is one, was read. */
  function isKnown(list: AgedList): boolean {
    if (storeSync.kind === 'loading') return false;
    return list.config.provider === undefined || lastSyncOf(list).kind !== 'never';
  }

  /** The age of a list, ms; `Infinity` if it has none. */
  function ageOf(list: AgedList, now: number): number {
    const storeAge = storeAgeMs(now);
    if (list.config.provider === undefined) return storeAge;
    return Math.max(0, now - startOf(lastSyncOf(list)), storeAge);
  }

  function standingOf(list: AgedList, now: number): Standing {
    if (!isKnown(list)) return STARTING;
    const isSelfKept = list.config.provider === undefined;
    if (isSelfKept && storeSync.kind !== 'followed') return SELF_KEPT;
    const ageMs = ageOf(list, now);
    const isRestored = !isSelfKept && list.lastSync.kind === 'restored';
    const last = standings.get(list);
    // Within a millisecond no list gets older, and most checks ask about the list of the check before.
    if (last !== undefined && last.ageMs === ageMs && last.isRestored === isRestored) return last.standing;
    const aged = standingAt(ageMs, isRestored, limits);
    const standing = ageMs === Infinity ? { ...aged, ageMs: null } : aged;
    standings.set(list, { ageMs, isRestored, standing });
    return standing;
  }

  return {
    standing(lists) {
      const now = ageClock.now();
      let worst: Standing | undefined;
      for (const list of lists) {
        const standing = standingOf(list, now);
        worst = worst === undefined ? standing : worse(worst, standing);
      }
      return worst ?? STARTING;
    },
    freshness(lists) {
      const now = ageClock.now();
      if (lists === freshLists && now <= freshUntil) return 'fresh';
      let worst: Freshness | undefined;
      let oldest = 0;
      for (let index = 0; index < lists.length; index++) {
        const list = lists[index] as AgedList;
        const age = ageOf(list, now);
        const own = isKnown(list) ? freshnessOf(age, limits) : 'unknown';
        worst = worst === undefined ? own : lessFresh(worst, own);
        oldest = Math.max(oldest, age);
      }
      freshLists = worst === 'fresh' ? lists : undefined;
      freshUntil = now + limits.staleAfterMs - oldest;
      return worst ?? 'unknown';
    },
    sweepAgeMs(list) {
      const now = ageClock.now();
      const lastSync = lastSyncOf(list);
      if (lastSync.kind === 'never') return 0;
      const ageMs = now - lastSync.startedAt;
      return Number.isFinite(ageMs) ? Math.max(0, ageMs) : UNKNOWN_AGE_MS;
    },
    startOfFollowed(ageMs) {
      const now = ageClock.now();
      // The save may be as old as the time since this process last caught up.
      return startedBefore(now, ageMs) - storeAgeMs(now);
    },
    markFollowed(list, startedAt) {
      list.lastSync = { kind: 'followed', startedAt };
      freshLists = undefined;
    },
    markRestored(list, start, ageMs) {
      // The larger of the age at the save and of the time since the start by the wall clock: a clock that was set back
      // makes no list younger. A start in the future says nothing about the age.
      const wallAgeMs = config.clock.now() - start;
      const startedAt = wallAgeMs < 0 ? -Infinity : startedBefore(ageClock.now(), Math.max(wallAgeMs, ageMs));
      list.lastSync = { kind: 'restored', startedAt };
    },
    markLoaded() {
      storeSync = { kind: 'loaded' };
    },
    markCaughtUp() {
      storeSync = { kind: 'followed', caughtUpAt: ageClock.now() };
      freshLists = undefined;
    },
  };
}

/** The last complete sweep of a list. Takes over the one that the list's poller has completed, if that is later. */
function lastSyncOf(list: AgedList): LastSync {
  const lastCompleteStart = list.poller?.lastCompleteStart;
  if (lastCompleteStart !== undefined && isBefore(list.lastSync, lastCompleteStart)) {
    list.lastSync = { kind: 'own', startedAt: lastCompleteStart };
  }
  return list.lastSync;
}

/** Whether a sweep of this process that started at `lastCompleteStart` replaces the last one that is known. */
function isBefore(lastSync: LastSync, lastCompleteStart: number): boolean {
  switch (lastSync.kind) {
    case 'never':
    case 'restored':
      return true;
    case 'followed':
    case 'own':
      return lastSync.startedAt < lastCompleteStart;
  }
}

function startOf(lastSync: LastSync): number {
  return lastSync.kind === 'never' ? -Infinity : lastSync.startedAt;
}

/** The start of a sweep that has that age at `now`; `-Infinity` if the age is unknown. */
function startedBefore(now: number, ageMs: number): number {
  return ageMs < UNKNOWN_AGE_MS ? now - ageMs : -Infinity;
}
