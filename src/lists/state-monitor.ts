/**
 * Watches the guard's state: emits an event when it changes, and lets `ready()` wait for the first answer. It reads the
 * state now and then, and so it also notices that the machine slept. Its timers do not keep the process alive, except
 * while a caller waits for `ready()`.
 */

import { startTimer, type Clock } from '../clock.ts';
import type { State } from '../decision.ts';
import type { EventHub } from '../events.ts';
import type { Lists } from './opt-out-lists.ts';
import type { Config } from '../options/guard-options.ts';

export interface StateMonitor {
  /** Reads the state now, and emits an event if it has changed. */
  update(): void;
  /** Resolves to the state as soon as it is no longer `starting`, or after `timeoutMs`. */
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

/** Longest time between two updates, ms. */
const LONGEST_WAIT_MS = 15_000;
/** Shortest time between two updates, ms. */
const SHORTEST_WAIT_MS = 50;
/** How often opt-ins that decide nothing any more are dropped, ms. */
const PRUNE_EVERY_MS = 3_600_000;

/** Creates the monitor. Its caller makes the first update. */
export function createStateMonitor({
  clock,
  config,
  lists,
  events,
  isClosed,
}: StateMonitorPorts): StateMonitor {
  const readyCallbacks = new Set<(state: State) => void>();
  let cancelTimer: (() => void) | undefined;
  let previous: State = 'starting';
  let wasReady = false;
  let prunedAt = clock.monotonic();

  function current(): { state: State; ageMs: number | null } {
    const { state, ageMs } = lists.standing(lists.all());
    return { state: isClosed() ? 'closed' : state, ageMs };
  }

  function update(): void {
    const { state, ageMs } = current();
    if (state !== previous) {
      const change = { state, previous, ageMs };
      previous = state;
      events.emit('state', change);
    }
    if (state !== 'starting') {
      for (const resolve of readyCallbacks) resolve(state);
      readyCallbacks.clear();
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
    cancelTimer = isClosed() ? undefined : startTimer(clock, msToNextUpdate(ageMs), update);
  }

  /** The wait until just after the age at which the state changes next, if that is soon; else the longest wait. */
  function msToNextUpdate(ageMs: number | null): number {
    if (ageMs === null) return LONGEST_WAIT_MS;
    const waits = [config.staleAfter, config.maxAge].map((limit) => limit - ageMs + 1);
    const soonest = Math.min(LONGEST_WAIT_MS, ...waits.filter((wait) => wait > 0));
    return Math.max(soonest, SHORTEST_WAIT_MS);
  }

  return {
    update,
    ready(timeoutMs) {
      const { state } = current();
      if (state !== 'starting') return Promise.resolve(state);
      return new Promise((resolve) => {
        const finish = (reached: State) => {
          cancel();
          readyCallbacks.delete(finish);
          resolve(reached);
        };
        const cancel = startTimer(clock, timeoutMs, () => finish(current().state), { keepsAlive: true });
        readyCallbacks.add(finish);
      });
    },
    stop() {
      cancelTimer?.();
      update();
    },
  };
}
