/**
 * Keeps an eye on the guard's state: tells listeners when it changes, lets `ready()` wait for the first answer, and
 * compares the two clocks now and then, so that a machine that slept is noticed. Its timers never keep the process
 * alive, but for a `ready()` that somebody waits for.
 */

import { startTimer, type Clock } from '../clock.ts';
import type { State } from '../decision.ts';
import type { EventHub } from '../events.ts';
import type { Lists } from './opt-out-lists.ts';
import type { Config } from '../options/guard-options.ts';

export interface StateMonitor {
  /** Looks at the state now and tells of a change. */
  look(): void;
  /** Resolves to the state when it is no longer `starting`, or after `timeoutMs`. */
  ready(timeoutMs: number): Promise<State>;
  stop(): void;
}

export interface StateMonitorPorts {
  readonly clock: Clock;
  readonly config: Config;
  readonly lists: Lists;
  readonly events: EventHub;
  readonly isClosed: () => boolean;
}

/** Longest time between two looks, ms. */
const LOOK_EVERY_MS = 15_000;
/** Shortest time between two looks, ms. */
const LOOK_AT_MOST_EVERY_MS = 50;
/** How often opt-ins that nothing needs any more are dropped, ms. */
const PRUNE_EVERY_MS = 3_600_000;

/** Creates the watch; its first look is taken by the caller. */
export function createStateMonitor({
  clock,
  config,
  lists,
  events,
  isClosed,
}: StateMonitorPorts): StateMonitor {
  const waiting = new Set<(state: State) => void>();
  let cancelTimer: (() => void) | undefined;
  let previous: State = 'starting';
  let wasReady = false;
  let prunedAt = clock.monotonic();

  function current(): { state: State; ageMs: number | null } {
    const { state, ageMs } = lists.standing(lists.all());
    return { state: isClosed() ? 'closed' : state, ageMs };
  }

  function look(): void {
    const { state, ageMs } = current();
    if (state !== previous) {
      const change = { state, previous, ageMs };
      previous = state;
      events.emit('state', change);
    }
    if (state !== 'starting') {
      for (const resolve of waiting) resolve(state);
      waiting.clear();
      if (!wasReady && state !== 'closed') {
        wasReady = true;
        events.emit('ready', { state });
      }
    }
    if (clock.monotonic() - prunedAt > PRUNE_EVERY_MS) {
      prunedAt = clock.monotonic();
      for (const { ledger } of lists.all()) ledger.prune(clock.now() - lists.optInsKeptMs);
    }
    cancelTimer?.();
    cancelTimer = isClosed() ? undefined : startTimer(clock, nextLook(ageMs), look);
  }

  /** Just after the age at which the state changes next, if that is soon. */
  function nextLook(ageMs: number | null): number {
    if (ageMs === null) return LOOK_EVERY_MS;
    const limits = [config.staleAfter, config.maxAge].map((limit) => limit - ageMs + 1);
    const soonest = Math.min(LOOK_EVERY_MS, ...limits.filter((wait) => wait > 0));
    return Math.max(soonest, LOOK_AT_MOST_EVERY_MS);
  }

  return {
    look,
    ready(timeoutMs) {
      const { state } = current();
      if (state !== 'starting') return Promise.resolve(state);
      return new Promise((resolve) => {
        const finish = (reached: State) => {
          cancel();
          waiting.delete(finish);
          resolve(reached);
        };
        const cancel = startTimer(clock, timeoutMs, () => finish(current().state), { keepsAlive: true });
        waiting.add(finish);
      });
    },
    stop() {
      cancelTimer?.();
      look();
    },
  };
}
